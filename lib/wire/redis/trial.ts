import type { Handshake, Trial } from "../protocol.ts";
import { ask, refusedBy } from "./login.ts";
import { command, wireError } from "./resp.ts";

const statement = "PING";

function* run(): Handshake<void> {
  const said = yield* ask(statement);
  if (said.type === "error") throw refusedBy(said.text);
  if (said.type !== "status") throw wireError("unexpected", statement, "answered with no status");
  yield { do: "send", bytes: command("QUIT") };
}

/** By the code that an error begins with. */
const advices: Readonly<Record<string, string>> = {
  WRONGPASS:
    "correct the stored password (credentials of the database), or that of the ACL user: " +
    "ACL SETUSER ... on >password; a certificate alone is no user to most servers",
  NOAUTH: "the server wants a password: set credentials.type: secret with the ACL user's password",
  NOPERM: "give the ACL user what it needs, for example: ACL SETUSER ... +ping +select +@read ~*",
  DENIED: "the server is in protected mode: set bind, a password and protected-mode no",
  LOADING: "wait until the server has loaded its data",
  ERR: "name a database that exists with --db-name (its number; 0 in cluster mode)",
};

/** A login that is tried out. */
export const trial: Trial = {
  statement,
  run,
  advice: (code) => Object.hasOwn(advices, code) ? advices[code] ?? null : null,
};
