/** Everything that is kept, each kind defined once: its type and JSON Schema come from here. */
import { type Output, v } from "../schema/mod.ts";

/** Names of users, roles, databases, tokens: what fits file names, certificates and URLs alike. */
export const resourceName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/, "a name of letters, digits and ._@+- up to 128"),
);
const labelKey = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, "a label key"));
const labelValue = v.pipe(v.string(), v.maxLength(256));
export const labels = v.record(labelKey, labelValue);
/**
 * Label conditions of a role: keys AND, values OR; "*" matches any, `*` inside a value any run,
 * `^re$` a regular expression.
 */
const labelMatch = v.record(
  v.pipe(v.string(), v.maxLength(128)),
  v.union([v.string(), v.array(v.string())]),
);
const duration = v.pipe(
  v.string(),
  v.regex(/^(\d{1,9}(ms|s|m|h|d))+$/, 'a duration like "30s" or "12h"'),
);
const limit = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const time = v.pipe(v.string(), v.isoTimestamp("a time in RFC 3339"));

const metadata = v.strictObject({
  name: resourceName,
  labels: v.optional(labels, {}),
  expires: v.optional(time),
  /** Set by the store; give it back on an update for compare-and-swap. */
  revision: v.optional(v.string()),
});

function resource<const K extends string, S extends v.GenericSchema>(kind: K, spec: S) {
  return v.strictObject({ kind: v.literal(kind), version: v.literal("v1"), metadata, spec });
}

const verbs = v.array(v.picklist(["list", "read", "create", "update", "delete", "*"]));
const conditions = v.strictObject({
  db_labels: v.optional(labelMatch),
  db_users: v.optional(v.array(v.string())),
  db_names: v.optional(v.array(v.string())),
  /** Redis: commands (`get`, `config|get`), categories (`@read`), `@default`, or `*`. */
  redis_commands: v.optional(v.array(v.string())),
  redis_keys: v.optional(v.array(v.string())),
  rules: v.optional(v.array(v.strictObject({ resources: v.array(v.string()), verbs }))),
});

export const role = resource(
  "role",
  v.strictObject({
    allow: v.optional(conditions, {}),
    deny: v.optional(conditions, {}),
    options: v.optional(
      v.strictObject({
        /** The smallest of a user's roles wins; 12h where none says. */
        max_session_ttl: v.optional(duration),
        audit: v.optional(v.picklist(["strict", "durable", "best_effort"])),
        lock: v.optional(v.picklist(["strict", "best_effort"])),
        /** Ends a session with no statement running and no byte either way for so long. */
        idle_timeout: v.optional(duration),
        /** Ends a session so long after it began. */
        session_ttl: v.optional(duration),
        statement_timeout: v.optional(duration),
        /** Ends a session when the certificate that opened it expires. */
        disconnect_expired_cert: v.optional(v.boolean()),
        /** With what the role itself allows: connections for replication too. */
        allow_replication: v.optional(v.boolean()),
        /**
         * With what the role itself allows: whether a database may ask for a file of the client's
         * machine (LOAD DATA LOCAL); not where left out.
         */
        local_infile: v.optional(v.picklist(["allow", "deny"])),
        /** Only sessions whose TLS ends at the Database Service (`tsh db connect`). */
        require_end_to_end: v.optional(v.boolean()),
        /** Redis: `none` records names and keys of commands, and no values. */
        redis_values: v.optional(v.picklist(["all", "none"])),
        /** Advisory: a default of the session's transactions that SQL can change. */
        read_only: v.optional(v.boolean()),
        /** Of one session; bytes count both ways. */
        max_rows: v.optional(limit),
        max_bytes: v.optional(limit),
        /** Of one user, counted by each agent for itself. */
        max_sessions: v.optional(limit),
        statements_per_minute: v.optional(limit),
      }),
      {},
    ),
  }),
);

export const user = resource(
  "user",
  v.strictObject({
    roles: v.array(resourceName),
    traits: v.optional(v.record(v.string(), v.array(v.string())), {}),
    disabled: v.optional(v.boolean(), false),
    /** Raised by Auth when roles or traits change. */
    generation: v.optional(v.number(), 1),
  }),
);

export const token = resource(
  "token",
  v.strictObject({
    system_roles: v.array(v.picklist(["proxy", "db"])),
    /** What an agent that joins with it may serve: names with `*`, or `label:key=value`. */
    services: v.optional(v.array(v.string()), []),
    uses_left: v.optional(v.nullable(v.number()), 1),
  }),
);

/** A database as an agent serves it; Auth knows it from heartbeats. */
export const database = resource(
  "db",
  v.strictObject({
    protocol: v.string(),
    /** `host:port` as the agent dials it. */
    uri: v.string(),
    description: v.optional(v.string(), ""),
  }),
);

export const lock = resource(
  "lock",
  v.strictObject({
    target: v.strictObject({
      user: v.optional(v.string()),
      role: v.optional(v.string()),
      /** The id of one login (`session` in its certificates). */
      login: v.optional(v.string()),
      service: v.optional(v.string()),
      host: v.optional(v.string()),
    }),
    message: v.optional(v.string(), ""),
    created_by: v.optional(v.string()),
    created_at: v.optional(time),
  }),
);

/** What an agent last found of a database that it serves. It guides, it never refuses. */
export const databaseHealth = v.strictObject({
  /** `unknown` until it was asked once. */
  status: v.picklist(["healthy", "unhealthy", "unknown"]),
  /** Since when it is so. */
  since: time,
  /** Why it isn't healthy, in words for everybody; empty otherwise. */
  reason: v.optional(v.pipe(v.string(), v.maxLength(256)), ""),
});

/** One for each agent: a lease with what it serves. */
export const agent = resource(
  "agent",
  v.strictObject({
    host: v.string(),
    hostname: v.string(),
    version: v.string(),
    /** 1 to 32767, given at join; the upper half of cancel keys. */
    number: v.number(),
    databases: v.array(database),
    health: v.optional(
      v.array(v.strictObject({ name: resourceName, ...databaseHealth.entries })),
      [],
    ),
  }),
);

export const proxy = resource(
  "proxy",
  v.strictObject({
    host: v.string(),
    hostname: v.string(),
    version: v.string(),
    /** `host:port` where agents and clients reach it. */
    public_addr: v.string(),
  }),
);

/** The public half of a certificate authority, as every service watches it. */
export const certAuthority = resource(
  "cert_authority",
  v.strictObject({
    type: v.picklist(["host", "user", "db_client", "db", "jwt", "audit"]),
    /** DER of the trusted CA certificates, base64; several while rotating. */
    trusted: v.array(v.string()),
  }),
);

/** Resource kinds by name. */
export const resources = {
  role,
  user,
  token,
  db: database,
  lock,
  agent,
  proxy,
  cert_authority: certAuthority,
} as const;

export type ResourceKind = keyof typeof resources;
export type Resource = { [K in ResourceKind]: Output<(typeof resources)[K]> }[ResourceKind];
export type ResourceOf<K extends ResourceKind> = Output<(typeof resources)[K]>;
export type Role = ResourceOf<"role">;
export type User = ResourceOf<"user">;
export type Token = ResourceOf<"token">;
export type Database = ResourceOf<"db">;
export type Lock = ResourceOf<"lock">;
export type Agent = ResourceOf<"agent">;
export type DatabaseHealth = Output<typeof databaseHealth>;
export type ProxyResource = ResourceOf<"proxy">;
export type CertAuthority = ResourceOf<"cert_authority">;
