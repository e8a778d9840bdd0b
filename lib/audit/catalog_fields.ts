/**
 * The fields that events share. Each says what it means: the documentation is generated from
 * here.
 */
import { v } from "../schema/mod.ts";

type TextField = v.GenericSchema<string, string>;
type NumberField = v.GenericSchema<number, number>;
type FlagField = v.GenericSchema<boolean, boolean>;

/** Text of at most `max` characters. */
export function text(max: number, about: string): TextField {
  return v.pipe(v.string(), v.maxLength(max), v.description(about));
}

/** A whole number from 0 on. */
export function whole(about: string): NumberField {
  return v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.description(about));
}

/** A number from 0 on that may have a fraction. */
export function amount(about: string): NumberField {
  return v.pipe(v.number(), v.finite(), v.minValue(0), v.description(about));
}

export function flag(about: string): FlagField {
  return v.pipe(v.boolean(), v.description(about));
}

export function names(
  max: number,
  about: string,
): v.GenericSchema<string[], string[]> {
  return v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(256))),
    v.maxLength(max),
    v.description(about),
  );
}

export function time(about: string): TextField {
  return v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "a time in RFC 3339, UTC, milliseconds"),
    v.description(about),
  );
}

/** What went wrong; an object in every event, so that one index mapping fits all. */
export const failure = v.pipe(
  v.strictObject({
    code: text(64, "SQLSTATE, vendor error number, or a code of our own like `access.denied`"),
    message: text(8192, "the words of the database, or ours"),
    severity: v.optional(text(32, "severity as the database gave it: ERROR, FATAL, PANIC")),
  }),
  v.description("what went wrong; null where nothing did"),
);

/** Carried by every event without exception. */
export const stampFields = {
  time: time("when it happened, RFC 3339, UTC, milliseconds"),
  uid: text(
    64,
    "unique id and deduplication key: a UUID; later parts of a split event add `.1`, `.2`",
  ),
  ei: whole("order of the event within its session, from 0; 0 outside sessions"),
  namespace: v.pipe(v.literal("default"), v.description("always `default`")),
} as const;

/** Set by the Auth Service from the sender's certificate; what a sender writes here is replaced. */
export const stampedByAuth = {
  cluster_name: v.optional(text(255, "the cluster; set by the Auth Service")),
  server_id: v.optional(
    text(
      64,
      "host id of the service that reported it; set by the Auth Service from its certificate",
    ),
  ),
} as const;

/** Set by the Auth Service when it writes the event into its log: the chain. */
export const chainFields = {
  log: text(64, "host id of the Auth Service whose log this is"),
  seq: whole("position in that log, from 1, without gaps"),
  prev: text(
    64,
    "SHA-256, hex, of the bytes of the line before without its newline; zeros for the first",
  ),
  spool: v.optional(
    text(64, "id of the spool the event came from; absent for the Auth Service's own"),
  ),
  spool_seq: v.optional(whole("position in that spool, from 1")),
} as const;

/** Who did it. */
export const whoFields = {
  user: text(255, "the person or bot, by name; empty where nobody was identified"),
  user_kind: v.optional(
    v.pipe(v.picklist([1, 2, 3]), v.description("1 human, 2 bot, 3 system")),
  ),
  user_roles: v.optional(names(256, "roles in force")),
  login_session: v.optional(text(64, "id of the login that the certificate descends from")),
  "addr.remote": v.optional(text(128, "`host:port` the client came from")),
  user_agent: v.optional(text(512, "the client program as it names itself")),
  trace: v.optional(text(64, "trace id that follows the session through the services")),
} as const;

/** Whether it worked, in words where not. */
export const outcomeFields = {
  success: flag("whether it worked"),
  error: v.optional(v.nullable(failure)),
  message: v.optional(text(1024, "the same in words for people")),
} as const;

/** Which database, and as whom. */
export const databaseFields = {
  sid: text(64, "id of the database session"),
  db_service: text(255, "the database by its name in the cluster"),
  db_protocol: text(32, "postgres"),
  db_uri: v.optional(text(512, "`host:port` of the database as the agent dials it")),
  db_name: text(255, "the database within the server; empty where none was named"),
  db_user: text(255, "the database account"),
  db_type: v.optional(text(32, "`self-hosted` or the cloud product")),
  db_origin: v.optional(text(32, "where its definition comes from: `config-file`")),
  db_labels: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.maxLength(128)), v.pipe(v.string(), v.maxLength(256))),
      v.description("labels of the database"),
    ),
  ),
} as const;

/** A resource that was changed, and by whom. */
export const changeFields = {
  ...whoFields,
  name: text(255, "name of what was changed"),
  expires: v.optional(text(32, "when it expires, RFC 3339")),
} as const;
