/** Events of database sessions, reported by Database Services. */
import { v } from "../schema/mod.ts";
import {
  amount,
  databaseFields,
  failure,
  flag,
  outcomeFields,
  text,
  time,
  whoFields,
  whole,
} from "./catalog_fields.ts";

const session = { ...whoFields, ...databaseFields } as const;

/** A statement's text is split into parts of at most this many bytes of UTF-8. */
export const partBytesMax = 256 * 1024;

const parameter = v.strictObject({
  type: text(128, "type name, or the type's number where unknown; empty when not told"),
  value: v.pipe(
    v.nullable(v.pipe(v.string(), v.maxLength(8192))),
    v.description("null for SQL NULL; at most the first 4 KiB"),
  ),
  encoding: v.pipe(
    v.picklist(["text", "base64"]),
    v.description("`base64` for binary values of unknown type"),
  ),
  bytes: v.optional(whole("whole length in bytes, where `value` is only a prefix")),
  sha256: v.optional(text(64, "SHA-256 of the whole value in hex, where `value` is only a prefix")),
});

const part = v.strictObject({
  of: text(64, "`uid` of part 0"),
  index: whole("from 0"),
  count: v.optional(
    whole("how many parts there are; of a text that came in pieces only part 0 knows, in the end"),
  ),
});

/** Where the whole of a text is that was too long to be held. */
const fullText = v.strictObject({
  of: text(64, "`uid` of the statement whose parts hold it"),
  bytes: whole("its length in UTF-8, as recorded"),
  sha256: text(64, "SHA-256 in hex of its UTF-8, as recorded"),
});

const results = v.array(
  v.strictObject({
    tag: text(128, "what the database says it did, for example `INSERT 0 1`"),
    rows: whole("rows returned or affected"),
  }),
);

/** A command as it was asked and answered (Redis). */
const command = v.strictObject({
  args: v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(16_384))),
    v.maxLength(4096),
    v.description(
      "its name, then its arguments: UTF-8, other bytes and control characters as `\\xHH`, `\\` " +
        "as `\\\\`; secrets are `***`",
    ),
  ),
  cut: v.optional(
    v.pipe(
      v.array(v.strictObject({
        index: whole("its place in `args`"),
        bytes: whole("its whole length in bytes"),
        sha256: v.optional(
          text(64, "SHA-256 in hex of all of it; absent where the role records no values"),
        ),
      })),
      v.description("arguments that are there in part only, or not at all"),
    ),
  ),
  omitted: v.optional(whole("how many more arguments there were")),
  reply: v.optional(
    text(
      32,
      "type of the reply: status, integer, bulk, array, queued, ...; none where the " +
        "client wanted none",
    ),
  ),
  error: v.optional(text(1024, "the error it was answered with, or the first one within EXEC")),
  elements: v.optional(whole("elements of an aggregate")),
  duration_ms: v.optional(amount("from forwarding the commands to this one's reply")),
});

export const outcomes = [
  "done",
  "parse_error",
  "skipped",
  "suspended",
  "started",
  "unknown",
  "part",
] as const;

const query = {
  ...session,
  ...outcomeFields,
  success: v.pipe(
    v.nullable(v.boolean()),
    v.description("whether the database did it; null where that is not known"),
  ),
  db_query: text(partBytesMax, "the statement as sent, secrets replaced by ***"),
  full_text: v.optional(
    v.pipe(fullText, v.description("where `db_query` is only the beginning: where the whole is")),
  ),
  db_query_parameters: v.pipe(
    v.optional(v.array(parameter)),
    v.description("values bound to the statement, in order"),
  ),
  commands: v.pipe(
    v.optional(v.pipe(v.array(command), v.maxLength(256))),
    v.description(
      "Redis: the commands of one moment, in order; `db_query` has them as lines, shortened",
    ),
  ),
  command: v.pipe(
    v.picklist(["query", "execute", "function", "prepare", "command"]),
    v.description(
      "how it was asked: `query` (simple), `execute` (extended), `function`, `prepare` (a Parse " +
        "that failed by itself, or one too long to be held; each of MySQL), `command` (not by a " +
        "text: MySQL's other commands, all of Redis)",
    ),
  ),
  statement_name: v.optional(text(512, "prepared statement; empty for the unnamed one")),
  portal_name: v.optional(text(512, "portal; empty for the unnamed one")),
  db_schema: v.optional(
    text(255, "the schema in use when it was asked (MySQL); absent where none is, or not told"),
  ),
  fingerprint: v.optional(
    text(
      32,
      "16 hex digits, the same for statements that differ in their values only",
    ),
  ),
  outcome: v.pipe(
    v.picklist(outcomes),
    v.description(
      "`done` the database answered; `parse_error` refused before it ran; `skipped` after an " +
        "earlier error of its pipeline; `suspended` the portal has more rows; `started` still " +
        "running (an event with its uid follows and replaces it); `unknown` the answer was lost; " +
        "`part` a further piece of a text, part 0 says what came of the statement",
    ),
  ),
  mark: v.optional(
    v.pipe(
      v.picklist(["parse_error", "skipped", "reexecution", "prepare", "truncated"]),
      v.description(
        "why the server's own statement log has no line of its own for it; `truncated`: the " +
          "session ended before the statement was there whole, so it never ran",
      ),
    ),
  ),
  rows: v.optional(whole("rows returned or affected, over all results")),
  results: v.pipe(
    v.optional(results),
    v.description("one for each statement, where the text holds several"),
  ),
  bytes_sent: v.optional(whole("payload bytes of the answer towards the client")),
  bytes_received: v.optional(whole("payload bytes of COPY data, or of a file, from the client")),
  duration_ms: v.optional(amount("from forwarding the statement to its result")),
  transaction_status: v.optional(
    text(
      32,
      "state of the transaction afterwards: idle, transaction, failed; empty where not told",
    ),
  ),
  copy: v.optional(
    v.pipe(
      v.nullable(v.strictObject({
        direction: v.picklist(["in", "out", "both"]),
        bytes: whole("bytes of it"),
      })),
      v.description("COPY, or the file of a LOAD DATA LOCAL: its direction and volume"),
    ),
  ),
  cancelled: v.optional(flag("ended by a cancel request or a statement timeout")),
  part: v.optional(v.pipe(part, v.description("where the event was split, which piece this is"))),
} as const;

/** name -> codes, origin, meaning, fields; see `catalog.ts`. */
export const databaseEvents = {
  "db.session.start": {
    codes: { ok: "TDB00I", failed: "TDB00W" },
    from: ["db", "proxy"],
    about: "A database session was opened, or refused.",
    fields: {
      ...session,
      ...outcomeFields,
      db_pid: v.optional(v.nullable(whole("the database's own process or connection number"))),
      server_version: v.optional(text(128, "version as the database gave it")),
      proxy_id: v.optional(text(64, "host id of the proxy that the client came through")),
      end_to_end: v.optional(
        flag("whether its TLS ended at the Database Service, so that no proxy could read it"),
      ),
    },
  },
  "db.session.end": {
    codes: { ok: "TDB01I" },
    from: ["db"],
    about: "A database session ended.",
    fields: {
      ...session,
      success: v.optional(flag("whether it ended in order")),
      message: v.optional(text(1024, "why it ended")),
      error: v.optional(failure),
      start_time: v.optional(time("when it began")),
      end_time: v.optional(time("when it ended")),
      statements: v.optional(whole("statements in it")),
      bytes_sent: v.optional(whole("bytes towards the client")),
      bytes_received: v.optional(whole("bytes from the client")),
    },
  },
  "db.session.query": {
    codes: { ok: "TDB02I" },
    from: ["db"],
    about: "A statement and what came of it. One Query message or Execute is one event.",
    fields: query,
  },
  "db.session.query.failed": {
    codes: { ok: "TDB02W" },
    from: ["db"],
    about: "A statement that was not forwarded to the database.",
    fields: {
      ...session,
      ...outcomeFields,
      db_query: text(partBytesMax, "the statement as sent, secrets replaced by ***"),
      part: v.optional(
        v.pipe(part, v.description("where the event was split, which piece this is")),
      ),
    },
  },
  "db.session.malformed_packet": {
    codes: { ok: "TDB06I" },
    from: ["db"],
    about: "A message that breaks the protocol; the session ends.",
    fields: {
      ...session,
      message_name: text(64, "the protocol's name of the message"),
      error_code: text(32, "truncated, oversize, malformed, unexpected or unsupported"),
      side: v.pipe(v.picklist(["client", "server"]), v.description("who sent it")),
      length: v.optional(whole("its length in bytes, as far as it is known")),
    },
  },
  "db.session.cancel": {
    codes: { ok: "TDB20I", failed: "TDB20W" },
    from: ["db"],
    about: "A cancel request arrived for a session.",
    fields: { ...session, ...outcomeFields },
  },
} as const;
