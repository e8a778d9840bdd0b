/**
 * The typed contract between the services, and between people's tools and Auth: every call with its
 * input, its output and who may make it. The only place where auth, proxy, db and client meet.
 *
 * Transport: `POST /v1/<call>` with a JSON body (`body.ts`) over HTTP/1.1 inside TLS that ends at
 * Auth (ALPN `remoteler-auth`), or over Auth's local socket. A failure is `{"error": apiError}`
 * with the HTTP status of its kind. Stream calls ({@linkcode StreamCall}) answer with NDJSON, one
 * item a line, until either side closes; an empty line each 3 s says that the other side is alive.
 */
import { type Output, v } from "../schema/mod.ts";
import { databaseList } from "./database_list.ts";
import { base64, chain, count, databaseName, issued, words } from "./fields.ts";
import { agent, resourceName, resources } from "./resources.ts";
import { trialCalls } from "./trials.ts";

const anyResource = v.variant("kind", [
  resources.role,
  resources.user,
  resources.token,
  resources.db,
  resources.lock,
  resources.agent,
  resources.proxy,
  resources.cert_authority,
]);
const resourceKind = v.picklist([
  "role",
  "user",
  "token",
  "db",
  "lock",
  "agent",
  "proxy",
  "cert_authority",
]);

/** Search over the audit log; times are RFC 3339, `cursor` is what the last answer gave. */
const auditQuery = v.strictObject({
  from: v.optional(v.string()),
  to: v.optional(v.string()),
  events: v.optional(v.array(v.string())),
  user: v.optional(v.string()),
  database: v.optional(v.string()),
  session: v.optional(v.string()),
  text: v.optional(v.string()),
  limit: v.optional(v.pipe(count, v.maxValue(1000)), 100),
  order: v.optional(v.picklist(["oldest", "newest"]), "oldest"),
  cursor: v.optional(v.string()),
});

/**
 * Who may call: `anyone` (before there is a certificate; the input carries the proof), `proxy`,
 * `agent`, `host` (either, or Auth), `user` (a user certificate in force), or a verb on a resource
 * kind, which a user's roles must allow and the built-in `admin` of the local socket always may.
 */
export type Caller =
  | "anyone"
  | "proxy"
  | "agent"
  | "host"
  | "user"
  | { readonly verb: "list" | "read" | "create" | "update" | "delete"; readonly on: string };

export const contract = {
  /** Gives a host certificate for a join token and a CSR. The caller has checked the CA pin. */
  "join": {
    who: "anyone",
    input: v.strictObject({
      token: words,
      csr: base64,
      hostname: words,
      system_roles: v.pipe(v.array(v.picklist(["proxy", "db"])), v.minLength(1)),
      /** DNS names and addresses that clients will use for it; proxies only. */
      principals: v.optional(v.array(words), []),
    }),
    output: v.strictObject({
      ...issued.entries,
      cluster: v.string(),
      host: v.string(),
      /** 1 to 32767, for cancel keys; 0 for a host that is no agent. */
      number: count,
      /** Trusted host CA certificates, DER in base64. */
      host_cas: v.array(base64),
    }),
  },
  /** A new host certificate with the same identity for a new key. */
  "renew": {
    who: "host",
    input: v.strictObject({ csr: base64, principals: v.optional(v.array(words), []) }),
    output: issued,
  },
  /** NDJSON of `change`: first everything there is, then `ready`, then each change. */
  "watch": {
    who: "host",
    input: v.strictObject({ kinds: v.pipe(v.array(resourceKind), v.minLength(1)) }),
    output: v.variant("type", [
      v.strictObject({ type: v.literal("put"), resource: anyResource }),
      v.strictObject({ type: v.literal("delete"), kind: resourceKind, name: v.string() }),
      v.strictObject({ type: v.literal("ready") }),
    ]),
  },
  /**
   * An agent lives, serves these and found them so; refused whole where its certificate does not
   * allow one. Sent early where what it says has changed.
   */
  "agents.heartbeat": {
    who: "agent",
    input: v.strictObject({
      hostname: words,
      version: words,
      databases: v.array(resources.db),
      health: agent.entries.spec.entries.health,
    }),
    output: v.strictObject({
      /** `host:port` of every proxy, to keep a tunnel to each. */
      proxies: v.array(v.strictObject({ host: v.string(), public_addr: v.string() })),
      /** Seconds until the next heartbeat is due; three missed ones end the lease. */
      period_s: count,
    }),
  },
  "proxies.heartbeat": {
    who: "proxy",
    input: v.strictObject({ hostname: words, version: words, public_addr: words }),
    output: v.strictObject({ period_s: count }),
  },
  /**
   * A `db_client` certificate (CN = database user, 1 h at most); decided again with the user's own
   * chain.
   */
  "certificates.database": {
    who: "agent",
    input: v.strictObject({
      csr: base64,
      user_chain: chain,
      service: resourceName,
      db_user: databaseName,
      db_name: databaseName,
    }),
    output: issued,
  },
  /** A server certificate of the `db` CA for a self-hosted database, with what it must trust. */
  "certificates.database_server": {
    who: { verb: "create", on: "database_certificate" },
    input: v.strictObject({
      csr: base64,
      /** DNS names and addresses under which agents reach the database. */
      names: v.pipe(
        v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(253))),
        v.minLength(1),
        v.maxLength(64),
      ),
      ttl_s: v.pipe(count, v.minValue(60)),
    }),
    /** `client_cas`: the `db_client` CA, DER in base64. */
    output: v.strictObject({ ...issued.entries, client_cas: v.array(base64) }),
  },
  /** Password login, asked by a proxy for a person. */
  "login.password": {
    who: "proxy",
    input: v.strictObject({
      user: words,
      password: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
      csr: base64,
      /** Seconds; the smallest `max_session_ttl` wins anyway. */
      ttl_s: v.optional(count),
      client_address: words,
    }),
    output: v.strictObject({
      ...issued.entries,
      cluster: v.string(),
      user: v.string(),
      roles: v.array(v.string()),
      host_cas: v.array(base64),
    }),
  },
  /** What an invite or reset link is for, before a password is chosen. */
  "invites.read": {
    who: "proxy",
    input: v.strictObject({ token: words }),
    output: v.strictObject({ user: v.string(), expires: v.string() }),
  },
  /** Sets the password; the link is spent. */
  "invites.accept": {
    who: "proxy",
    input: v.strictObject({
      token: words,
      password: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
      client_address: words,
    }),
    output: v.strictObject({ user: v.string() }),
  },
  /** Who I am, as Auth sees it. */
  "status": {
    who: "user",
    input: v.strictObject({}),
    output: v.strictObject({ cluster: v.string(), user: v.string(), roles: v.array(v.string()) }),
  },
  /** A certificate with a route in it, for a new key; roles and traits are computed afresh. */
  "certificates.route": {
    who: "user",
    input: v.strictObject({
      csr: base64,
      service: resourceName,
      db_user: v.optional(databaseName),
      db_name: v.optional(databaseName),
    }),
    output: v.strictObject({ ...issued.entries, protocol: v.string() }),
  },
  /** The databases the caller's roles allow, by name. */
  "databases.list": {
    who: "user",
    input: v.strictObject({}),
    output: databaseList,
  },
  /**
   * Events from an agent's or proxy's spool, in order, at least once. `events` and `contexts` are
   * JSON objects as text; what many events have in common is sent once, as a context:
   * `context_of` has for each event the place of its context in `contexts`, -1 for an event that is
   * whole, and is empty where all are.
   */
  "audit.append": {
    who: "host",
    input: v.strictObject({
      spool: words,
      /** Sequence number of the first event; they follow each other. */
      first: count,
      events: v.pipe(
        v.array(v.pipe(v.string(), v.maxLength(2 << 20))),
        v.minLength(1),
        v.maxLength(4096),
      ),
      contexts: v.optional(
        v.pipe(v.array(v.pipe(v.string(), v.maxLength(128 << 10))), v.maxLength(4096)),
        [],
      ),
      context_of: v.optional(
        v.pipe(
          v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(-1), v.maxValue(4095))),
          v.maxLength(4096),
        ),
        [],
      ),
    }),
    /** All up to and with `high` are fsynced in Auth's log. */
    output: v.strictObject({ high: count }),
  },
  "audit.search": {
    who: { verb: "read", on: "audit" },
    input: auditQuery,
    /** Events as the exact stored lines, duplicates by uid dropped. */
    output: v.strictObject({ events: v.array(v.string()), cursor: v.nullable(v.string()) }),
  },
  /** NDJSON of events as they are stored, from now on. */
  "audit.tail": {
    who: { verb: "read", on: "audit" },
    input: auditQuery,
    output: v.looseObject({}),
  },
  /** The signed head of each log, to be kept elsewhere and given to `audit verify`. */
  "audit.head": {
    who: { verb: "read", on: "audit" },
    input: v.strictObject({}),
    output: v.strictObject({ heads: v.array(v.string()) }),
  },
  "cluster.status": {
    who: { verb: "read", on: "cluster" },
    input: v.strictObject({}),
    output: v.strictObject({
      cluster: v.string(),
      version: v.string(),
      ca_pin: v.string(),
      authorities: v.array(
        v.strictObject({ type: v.string(), fingerprint: v.string(), expires: v.string() }),
      ),
      agents: count,
      proxies: count,
      databases: count,
      users: count,
      audit_events: count,
    }),
  },
  "resources.list": {
    who: { verb: "list", on: "$kind" },
    input: v.strictObject({ kind: resourceKind }),
    output: v.strictObject({ resources: v.array(anyResource) }),
  },
  "resources.get": {
    who: { verb: "read", on: "$kind" },
    input: v.strictObject({ kind: resourceKind, name: resourceName }),
    output: v.strictObject({ resource: anyResource }),
  },
  /**
   * Creates, or with `replace` replaces (its `metadata.revision`, where given, must still be in
   * force).
   */
  "resources.put": {
    who: { verb: "create", on: "$kind" },
    input: v.strictObject({ resource: anyResource, replace: v.optional(v.boolean(), false) }),
    output: v.strictObject({ resource: anyResource }),
  },
  "resources.remove": {
    who: { verb: "delete", on: "$kind" },
    input: v.strictObject({ kind: resourceKind, name: resourceName }),
    output: v.strictObject({}),
  },
  /** A user with an invite link. */
  "users.create": {
    who: { verb: "create", on: "user" },
    input: v.strictObject({
      name: resourceName,
      roles: v.pipe(v.array(resourceName), v.minLength(1)),
      traits: v.optional(v.record(v.string(), v.array(v.string())), {}),
    }),
    output: v.strictObject({ user: resources.user, invite_token: v.string(), expires: v.string() }),
  },
  /** Ends a user's password and gives a reset link. */
  "users.reset": {
    who: { verb: "update", on: "user" },
    input: v.strictObject({ name: resourceName }),
    output: v.strictObject({ invite_token: v.string(), expires: v.string() }),
  },
  /** A join token; the secret is shown here once. */
  "tokens.create": {
    who: { verb: "create", on: "token" },
    input: v.strictObject({
      system_roles: v.pipe(v.array(v.picklist(["proxy", "db"])), v.minLength(1)),
      services: v.optional(v.array(v.string()), []),
      ttl_s: v.optional(count, 1800),
      /** Null: any number of uses until it expires. */
      uses: v.optional(v.nullable(count), 1),
    }),
    output: v.strictObject({
      token: v.string(),
      name: v.string(),
      expires: v.string(),
      ca_pin: v.string(),
    }),
  },
  ...trialCalls,
} as const satisfies Record<
  string,
  { readonly who: Caller; readonly input: v.GenericSchema; readonly output: v.GenericSchema }
>;

export type CallName = keyof typeof contract;
/** What a caller gives; defaults may be left out. */
export type CallInput<N extends CallName> = v.InferInput<(typeof contract)[N]["input"]>;
/** What a handler gets: defaults filled in. */
export type CallRequest<N extends CallName> = Output<(typeof contract)[N]["input"]>;
export type CallOutput<N extends CallName> = Output<(typeof contract)[N]["output"]>;
export type WatchChange = CallOutput<"watch">;

/** Calls that answer with a stream of items instead of one answer. */
export type StreamCall = "watch" | "audit.tail" | "databases.test" | "trials.watch";

/** How a failure travels; `shown` and `hint` are for users, the rest for programs. */
export const apiError = v.strictObject({
  kind: v.string(),
  code: v.string(),
  shown: v.string(),
  hint: v.optional(v.string()),
});

/** The client's side of the contract; what every room that needs Auth is handed. */
export interface AuthClient {
  call<N extends Exclude<CallName, StreamCall>>(
    name: N,
    input: CallInput<N>,
    signal?: AbortSignal,
  ): Promise<CallOutput<N>>;
  /** Ends with a fault when the connection is lost; the reader calls again. */
  stream<N extends StreamCall>(
    name: N,
    input: CallInput<N>,
    signal: AbortSignal,
  ): AsyncIterable<CallOutput<N>>;
}
