import type { Handshake, Trial } from "../protocol.ts";
import { command } from "./commands.ts";
import { run as runStatement } from "./login.ts";
import { packet } from "./packet.ts";

const statement = "DO 1";

/** One statement without rows, then Quit. */
function* run(): Handshake<void> {
  yield* runStatement(statement);
  yield { do: "send", bytes: packet(0, (out) => out.u8(command.quit)) };
}

const account = "see that the account exists for the agent's address, and that what it requires " +
  "(REQUIRE SUBJECT, IDENTIFIED WITH) fits what the Database Service shows";

/** By error number ("Server Error Message Reference"). */
const advices: Readonly<Record<string, string>> = {
  "1040": "raise max_connections, or end sessions that are not needed",
  "1044": "let the account use the database: GRANT ... ON database.* TO ...",
  "1045": account,
  "1049": "name a database that exists with --db-name",
  "1129": "the host is blocked after failed attempts: FLUSH HOSTS (mysqladmin flush-hosts)",
  "1130": "let the account be used from the agent's address ('user'@'host')",
  "1203": "raise max_user_connections of the account",
  "1698": account,
  "1862": "the password has expired: ALTER USER ... IDENTIFIED BY ...",
  "2059": "let the account use caching_sha2_password, ed25519 or a certificate",
  "3118": "the account is locked: ALTER USER ... ACCOUNT UNLOCK",
  "3159": "set ssl_ca, ssl_cert and ssl_key in the server's configuration",
  "4151": "the account is locked: ALTER USER ... ACCOUNT UNLOCK",
};

/** A login that is tried out. */
export const trial: Trial = {
  statement,
  run,
  advice: (code) => Object.hasOwn(advices, code) ? advices[code] ?? null : null,
};
