import type { Handshake, Trial } from "../protocol.ts";
import { limits } from "./limits.ts";
import { next } from "./login.ts";
import { client, message, server, wireError } from "./message.ts";

const statement = "SELECT 1";

/** One simple query ("Simple Query"), then Terminate. */
function* run(): Handshake<void> {
  yield { do: "send", bytes: message(client.query, (out) => out.cstring(statement)) };
  let isDone = false;
  for (let count = 0; count < limits.loginMessages; count++) {
    const { type } = yield* next();
    if (type === server.commandComplete) isDone = true;
    else if (type === server.readyForQuery) {
      if (!isDone) throw wireError("unexpected", "ReadyForQuery", "before the statement's end");
      yield { do: "send", bytes: message(client.terminate, () => {}) };
      return;
    } else if (!harmless.has(type)) {
      throw wireError("unexpected", "Query", `message type ${type}`);
    }
  }
  throw wireError("oversize", "Query", "too many messages");
}

/** What belongs to the answer, or may come at any time. */
const harmless: ReadonlySet<number> = new Set([
  server.rowDescription,
  server.dataRow,
  server.notice,
  server.notification,
  server.parameterStatus,
]);

/** By SQLSTATE (PostgreSQL manual, appendix A). */
const advices: Readonly<Record<string, string>> = {
  "08001": "set ssl = on in postgresql.conf, with ssl_cert_file and ssl_key_file",
  "28000": "see that pg_hba.conf has a line for this user, database and address (by certificate: " +
    "hostssl ... cert) and that the role exists and may log in; reload after a change",
  "28P01": "correct the stored password (credentials of the database), or that of the role",
  "3D000": "name a database that exists with --db-name",
  "42501": "let the role in: GRANT CONNECT ON DATABASE ... TO ...",
  "53300": "raise max_connections, or end sessions that are not needed",
  "55000": "the database takes no connections: ALTER DATABASE ... ALLOW_CONNECTIONS true",
  "57P03": "wait until the server has started, or look at its log",
};

/** A login that is tried out. */
export const trial: Trial = {
  statement,
  run,
  advice: (code) => Object.hasOwn(advices, code) ? advices[code] ?? null : null,
};
