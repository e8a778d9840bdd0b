import type { Handshake, LoggedIn, LoginRequest } from "../protocol.ts";
import { latin1 } from "../latin1.ts";
import { asBytes, asText } from "../reply.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { limits } from "./limits.ts";
import { command, measureReply, readReply, type Value, wireError } from "./resp.ts";

/** The account and the database of a connection that names none. */
export const firstUser = "default";
export const firstDatabase = "0";

/** TLS comes first: the server says nothing before. */
export function* startTls(): Handshake<void> {
  yield { do: "tls", as: "client", early: "refuse" };
}

/** Client side of the start towards the database: TLS, AUTH, and the database's number. */
export function* login(request: LoginRequest): Handshake<LoggedIn> {
  yield* startTls();
  if (request.hasPassword === true) yield* authenticate(request.user);
  else yield* checkUser(request.user);
  const found = yield* describe();
  if (request.database !== firstDatabase) yield* select(request.database);
  return found;
}

/** One command and its reply, errors among them. */
export function* ask(...parts: readonly (string | Uint8Array)[]): Handshake<Value> {
  yield { do: "send", bytes: command(...parts) };
  const maxBytes = limits.loginBytes;
  return readReply(asBytes(yield { do: "frame", measure: (held) => measureReply(held), maxBytes }));
}

/** What the server said against it. */
export function refusedBy(text: string): UpstreamRefused {
  const [code = "ERR"] = text.split(" ", 1);
  return new UpstreamRefused("redis", code.slice(0, 64), "", text);
}

/** `AUTH` (Redis manual, "AUTH"): without a name it is the default user's, in every version. */
function* authenticate(user: string): Handshake<void> {
  const password = asText(yield { do: "secret", kind: "password", inClear: true });
  const said = user === firstUser
    ? yield* ask("AUTH", password)
    : yield* ask("AUTH", user, password);
  if (said.type === "error") throw refusedBy(said.text);
  if (said.type !== "status") throw wireError("unexpected", "AUTH", "answered with no status");
}

/**
 * Without a password the server has to take the connection for the right user by itself: few do by
 * the certificate, the others take it for the default one.
 */
function* checkUser(user: string): Handshake<void> {
  const said = yield* ask("ACL", "WHOAMI");
  if (said.type === "bulk") {
    const is = new TextDecoder().decode(said.bytes);
    if (is === user) return;
    const text = `WRONGPASS the database takes this connection for the user ${is}, not for ${user}`;
    throw refusedBy(text);
  }
  if (said.type !== "error") throw wireError("unexpected", "ACL", "answered with no name");
  // Servers before 6 have no users; an account may be forbidden to ask.
  if (user !== firstUser || said.text.startsWith("NOAUTH")) throw refusedBy(said.text);
}

/** `HELLO` without arguments changes nothing: it says what the server is. */
function* describe(): Handshake<LoggedIn> {
  const said = yield* ask("HELLO");
  if (said.type === "error" && said.text.startsWith("NOAUTH")) throw refusedBy(said.text);
  const values = said.type === "array" || said.type === "map" ? said.values : [];
  const version = valueOf(values, "version");
  const id = valueOf(values, "id");
  const mode = valueOf(values, "mode");
  return {
    cancelKey: null,
    greeting: [],
    serverVersion: version?.type === "bulk" ? latin1(version.bytes).slice(0, 64) : "",
    isSpread: mode?.type === "bulk" && latin1(mode.bytes) === "cluster",
    backendPid: id?.type === "integer" ? Number(BigInt.asUintN(53, id.value)) : null,
  };
}

function valueOf(values: readonly Value[], name: string): Value | undefined {
  for (let at = 0; at + 1 < values.length; at += 2) {
    const key = values[at];
    if (key?.type === "bulk" && latin1(key.bytes) === name) return values[at + 1];
  }
  return undefined;
}

function* select(database: string): Handshake<void> {
  if (!/^\d{1,9}$/.test(database)) {
    throw refusedBy(`ERR ${JSON.stringify(database.slice(0, 64))} is not a database's number`);
  }
  const said = yield* ask("SELECT", database);
  if (said.type === "error") throw refusedBy(said.text);
}
