/**
 * Events of logins, users, roles, locks, tokens, certificates, services and of the audit
 * itself.
 */
import { v } from "../schema/mod.ts";
import {
  changeFields,
  failure,
  flag,
  names,
  outcomeFields,
  text,
  time,
  whoFields,
  whole,
} from "./catalog_fields.ts";

const lockTarget = v.strictObject({
  user: v.optional(text(255, "a user")),
  role: v.optional(text(255, "everybody with a role")),
  login: v.optional(text(64, "one login")),
  service: v.optional(text(255, "a database")),
  host: v.optional(text(64, "a host")),
});

const auth = ["auth"] as const;

export const accessEvents = {
  "user.login": {
    codes: { ok: "T1000I", failed: "T1000W" },
    from: auth,
    about: "A login with a password, or a failed one.",
    fields: {
      ...whoFields,
      ...outcomeFields,
      method: v.pipe(v.picklist(["local"]), v.description("how")),
      expires: v.optional(text(32, "when the certificate expires, RFC 3339")),
    },
  },
  "user.locked_out": {
    codes: { ok: "T1020W" },
    from: auth,
    about: "Too many failed logins: further ones are refused for a while.",
    fields: {
      ...whoFields,
      attempts: whole("failed attempts in a row"),
      until: time("when logins are tried again"),
    },
  },
  "user.create": {
    codes: { ok: "T1002I" },
    from: auth,
    about: "A user was created.",
    fields: { ...changeFields, roles: names(256, "roles of the user") },
  },
  "user.update": {
    codes: { ok: "T1003I" },
    from: auth,
    about: "A user was changed.",
    fields: { ...changeFields, roles: names(256, "roles of the user afterwards") },
  },
  "user.delete": {
    codes: { ok: "T1004I" },
    from: auth,
    about: "A user was removed.",
    fields: changeFields,
  },
  "user.password_change": {
    codes: { ok: "T1005I" },
    from: auth,
    about: "A user chose a password by an invite or reset link.",
    fields: changeFields,
  },
  "reset_password_token.create": {
    codes: { ok: "T6000I" },
    from: auth,
    about: "An invite or reset link was made.",
    fields: { ...changeFields, purpose: v.optional(v.picklist(["invite", "reset"])) },
  },
  "role.created": {
    codes: { ok: "T9000I" },
    from: auth,
    about: "A role was created.",
    fields: changeFields,
  },
  "role.deleted": {
    codes: { ok: "T9001I" },
    from: auth,
    about: "A role was removed.",
    fields: changeFields,
  },
  "role.updated": {
    codes: { ok: "T9002I" },
    from: auth,
    about: "A role was changed.",
    fields: changeFields,
  },
  "lock.created": {
    codes: { ok: "TLK00I" },
    from: auth,
    about: "A lock was set.",
    fields: {
      ...changeFields,
      target: v.pipe(lockTarget, v.description("what is locked")),
      message: v.optional(text(1024, "why")),
    },
  },
  "lock.deleted": {
    codes: { ok: "TLK01I" },
    from: auth,
    about: "A lock was lifted.",
    fields: changeFields,
  },
  "join_token.create": {
    codes: { ok: "TJT00I" },
    from: auth,
    about: "A join token was made. `name` is its public name, never the secret.",
    fields: {
      ...changeFields,
      system_roles: names(3, "what may join with it"),
      services: v.optional(names(1024, "what its agents may serve")),
    },
  },
  "join_token.delete": {
    codes: { ok: "TJT01I" },
    from: auth,
    about: "A join token was removed.",
    fields: changeFields,
  },
  "cert.create": {
    codes: { ok: "TC000I" },
    from: auth,
    about: "A certificate was issued.",
    fields: {
      ...whoFields,
      cert_type: v.pipe(
        v.picklist(["user", "route", "host", "db_client", "db"]),
        v.description(
          "for what: `route` is a user certificate for one database, `db` a database's own",
        ),
      ),
      host: v.optional(text(64, "the host that it is for or that asked for it")),
      serial: v.optional(text(64, "serial number, hex")),
      expires: v.optional(text(32, "when it expires, RFC 3339")),
      names: v.optional(names(64, "names and addresses of the database it is for")),
      db_service: v.optional(text(255, "the database it opens")),
      db_user: v.optional(text(1024, "the database account")),
      db_name: v.optional(text(1024, "the database within the server")),
      test: v.optional(text(64, "the database test that it is for, as in `db.test.start`")),
    },
  },
  "session.rejected": {
    codes: { ok: "T1006W" },
    from: ["auth", "proxy", "db"],
    about: "A session was not begun: a lock, a limit, or an identity that is no longer in force.",
    fields: {
      ...whoFields,
      reason: text(64, "a code like `access.locked`"),
      message: v.optional(text(1024, "in words")),
      db_service: v.optional(text(255, "the database that was asked for")),
      db_user: v.optional(text(255, "the account that was asked for")),
      db_name: v.optional(text(255, "the database name that was asked for")),
    },
  },
  "auth": {
    codes: { ok: "T3007W" },
    from: ["auth", "proxy", "db"],
    about:
      "An attempt without a valid identity: no certificate, an expired one, one of another CA.",
    fields: {
      ...whoFields,
      error: failure,
      protocol: v.optional(text(32, "what the client spoke")),
    },
  },
} as const;

const databaseTest = {
  ...whoFields,
  test: text(64, "id of the test"),
  db_service: text(255, "the database"),
  db_user: v.optional(text(255, "the account that a login is tried as; absent for no login")),
  db_name: v.optional(text(255, "the database within the server")),
} as const;

/** What `remoteler db test` does. */
export const testEvents = {
  "db.test.start": {
    codes: { ok: "TDB21I" },
    from: auth,
    about: "An administrator has a database tried, step by step, at the agents that serve it.",
    fields: { ...databaseTest, hosts: names(4096, "hosts of these agents") },
  },
  "db.test.end": {
    codes: { ok: "TDB22I", failed: "TDB22W" },
    from: auth,
    about: "What came of it; `message` names the step that failed at each agent.",
    fields: { ...databaseTest, ...outcomeFields },
  },
} as const;

export const serviceEvents = {
  "instance.join": {
    codes: { ok: "TJ002I", failed: "TJ002E" },
    from: auth,
    about: "A service joined the cluster, or was refused.",
    fields: {
      ...outcomeFields,
      "addr.remote": whoFields["addr.remote"],
      host: v.optional(text(64, "id of the host")),
      hostname: v.optional(text(1024, "its name as it says")),
      system_roles: names(3, "what it joined as"),
      method: v.pipe(v.picklist(["token"]), v.description("how")),
      token_name: v.optional(text(255, "public name of the token, never the secret")),
    },
  },
  "agent.connect": {
    codes: { ok: "TAG00I" },
    from: ["proxy"],
    about: "A Database Service opened its tunnel to a proxy.",
    fields: {
      host: text(64, "id of the agent's host"),
      "addr.remote": whoFields["addr.remote"],
      services: v.optional(names(4096, "databases it serves here")),
    },
  },
  "agent.disconnect": {
    codes: { ok: "TAG01I" },
    from: ["proxy"],
    about: "A tunnel of a Database Service ended.",
    fields: {
      host: text(64, "id of the agent's host"),
      "addr.remote": whoFields["addr.remote"],
      message: v.optional(text(1024, "why")),
    },
  },
  "agent.heartbeat.rejected": {
    codes: { ok: "TAG02W" },
    from: auth,
    about: "A Database Service announced a database that its certificate does not allow.",
    fields: {
      host: text(64, "id of the agent's host"),
      services: names(4096, "databases that were refused"),
    },
  },
} as const;

export const auditEvents = {
  "audit.checkpoint": {
    codes: { ok: "TAU00I" },
    from: auth,
    about: "The head of the log is signed: this line and all before it.",
    fields: {
      head_seq: whole("`seq` of the line before this one"),
      head_hash: text(64, "SHA-256 of that line, hex"),
    },
  },
  "audit.spool.full": {
    codes: { ok: "TAU01E" },
    from: ["auth", "proxy", "db"],
    about: "A spool reached its limit or its disk is full; statements are refused.",
    fields: {
      host: v.optional(text(64, "whose spool")),
      bytes: v.optional(whole("bytes in the spool")),
      message: v.optional(text(1024, "what went wrong")),
    },
  },
  "audit.spool.recovered": {
    codes: { ok: "TAU02I" },
    from: ["auth", "proxy", "db"],
    about: "A spool takes events again after it was full, or was put in order after a crash.",
    fields: {
      host: v.optional(text(64, "whose spool")),
      full_ms: v.optional(whole("for how long it was full")),
      cut_bytes: v.optional(whole("bytes of a torn last record that were cut off")),
      unknown_statements: v.optional(whole("statements whose result was lost")),
      lost_events: v.optional(whole("events of best-effort sessions that could not be kept")),
    },
  },
  "audit.event.refused": {
    codes: { ok: "TAU03W" },
    from: auth,
    about:
      "A service sent an event that is not in the catalogue or not its to send; kept as it came.",
    fields: {
      host: text(64, "who sent it"),
      reason: text(1024, "what is wrong with it"),
      payload: text(2 << 20, "the event as sent"),
    },
  },
  "audit.spool.gap": {
    codes: { ok: "TAU04W" },
    from: auth,
    about: "Events of a spool are missing: its disk, or this log, was set back or changed.",
    fields: {
      host: text(64, "whose spool"),
      first: whole("first missing `spool_seq`"),
      last: whole("last missing `spool_seq`"),
    },
  },
  "audit.log.repaired": {
    codes: { ok: "TAU05W" },
    from: auth,
    about: "A torn, never acknowledged last line of the log was cut off after a crash.",
    fields: {
      file: text(64, "which file"),
      cut_bytes: whole("bytes that were cut off"),
      synced: v.optional(flag("whether the rest was made durable")),
    },
  },
} as const;
