import type { Abilities, Handshake, LoggedIn, LoginRequest, ServerFacts } from "../protocol.ts";
import { ByteReader } from "../../bytes/reader.ts";
import { asBytes } from "../reply.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { isKnownMethod, prove, proveMore } from "./auth.ts";
import {
  both,
  can,
  dialect,
  dialectNames,
  has,
  passable,
  passableMariadb,
} from "./capabilities.ts";
import {
  factsOf,
  type Handshake10,
  isMariadb,
  OFFERED_PLUGIN,
  plainVersion,
  readGreeting,
} from "./greeting.ts";
import { command } from "./commands.ts";
import { limits } from "./limits.ts";
import { HEADER, measurePacket, packet, readFront, wireError } from "./packet.ts";
import { first, numbered, readError, readOk } from "./replies.ts";
import { sslRequest, writeResponse } from "./response.ts";

/** A packet of the database. */
export interface Packet {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** The next packet but errors, which end the conversation with what the database said. */
export function* next(): Handshake<Packet> {
  const whole = asBytes(
    yield { do: "frame", measure: measurePacket, maxBytes: limits.loginBytes },
  );
  const payload = whole.subarray(HEADER);
  if (payload.length === 0) throw wireError("malformed", "packet", "empty");
  if (payload[0] !== first.error) return { sequence: whole[3] ?? 0, payload };
  const { number, sqlState, message } = readError(payload);
  throw new UpstreamRefused("mysql", String(number), sqlState, message);
}

/** The greeting and TLS: all that can be asked without a user. */
export function* greet(): Handshake<ServerFacts> {
  return factsOf(yield* startTls());
}

function* startTls(abilities: Abilities = plain, database = ""): Handshake<Handshake10> {
  const { payload } = yield* next();
  const greeting = readGreeting(payload);
  if (!has(greeting.flags, can.tls)) {
    throw new UpstreamRefused("mysql", "3159", "HY000", "the database does not offer TLS");
  }
  const flags = agreed(greeting, abilities, database);
  yield { do: "send", bytes: sslRequest({ ...abilities, flags }) };
  yield { do: "tls", as: "client", early: "refuse" };
  return greeting;
}

/** What is agreed on where there is no client. */
const plain: Abilities = {
  flags: 0,
  extended: 0,
  collation: 45,
  packetBytesMax: 0x1000000,
  proof: "",
};

const always = can.protocol41 | can.secureConnection | can.transactions | can.longFlag |
  can.pluginAuth | can.pluginAuthLenenc | can.connectAttributes | can.multiFactor;

/**
 * What the client has with us, as far as the database has it; what a login takes comes on top. The
 * same before TLS and in it: MariaDB reads it before, MySQL in it.
 */
function agreed(
  { flags: offered }: Handshake10,
  { flags }: Pick<Abilities, "flags">,
  database: string,
): number {
  const ours = can.protocol41 | can.secureConnection | can.tls |
    (database === "" ? 0 : can.connectWithDb);
  const theirs = both(flags & passable & ~can.connectWithDb, offered);
  return (theirs | both(always, offered) | ours) >>> 0;
}

/** Client side of the start towards the database: TLS, authentication, settings. */
export function* login(request: LoginRequest): Handshake<LoggedIn> {
  const abilities = wished(request);
  const { database } = request;
  const greeting = yield* startTls(abilities, database);
  checkDialect(greeting, abilities);
  const flags = agreed(greeting, abilities, database);
  const extended = abilities.extended;
  const ok = yield* authenticate(request, greeting, { ...abilities, flags, extended });
  yield* settle(request, greeting);
  return {
    cancelKey: { processId: greeting.connectionId, secret: new Uint8Array(0) },
    greeting: welcoming(request, ok),
    serverVersion: plainVersion(greeting.serverVersion),
    backendPid: greeting.connectionId,
    facts: factsOf(greeting),
    abilities: { ...abilities, flags, extended },
  };
}

function wished({ startup, localInfile }: LoginRequest): Abilities {
  const abilities = startup.abilities ?? plain;
  const withheld = localInfile === true ? 0 : can.localFiles;
  return { ...abilities, flags: (abilities.flags & ~withheld) >>> 0 };
}

/** A client was greeted with what the database can't; there is no talking in two dialects. */
function checkDialect({ flags, extended }: Handshake10, wanted: Abilities): void {
  const missing = wanted.flags & dialect & ~flags;
  const further = wanted.extended & passableMariadb & ~extended;
  if (missing === 0 && further === 0) return;
  const names = dialectNames(missing).join(", ") || "flags of MariaDB";
  const words = `the client was greeted with more than the database can (${names}): come by ` +
    "tsh db connect or tsh proxy db, where it is greeted as the database greets";
  throw new UpstreamRefused("mysql", "1251", "08004", words);
}

function* authenticate(
  request: LoginRequest,
  greeting: Handshake10,
  abilities: Abilities,
): Handshake<Uint8Array> {
  const hasPassword = request.hasPassword !== false;
  let plugin = isKnownMethod(greeting.plugin) ? greeting.plugin : OFFERED_PLUGIN;
  // In clear text only where the database asks for that.
  if (isClear(plugin)) plugin = OFFERED_PLUGIN;
  const proof = yield* prove(plugin, greeting.nonce, hasPassword);
  const { user, database, startup: { parameters: attributes } } = request;
  const response = { ...abilities, user, proof, database, plugin, attributes };
  yield { do: "send", bytes: writeResponse(2, response) };
  for (let count = 0; count < limits.loginMessages; count++) {
    const { sequence, payload } = yield* next();
    let answer: Uint8Array | null;
    switch (payload[0]) {
      case first.ok:
        return payload;
      case first.authMore:
        answer = yield* proveMore(plugin, payload.subarray(1));
        break;
      case first.nextFactor:
      case first.eof: {
        const asked = readSwitch(payload);
        plugin = asked.plugin;
        answer = yield* prove(plugin, asked.nonce, hasPassword);
        break;
      }
      default:
        throw wireError("unexpected", "login", `packet type ${payload[0]}`);
    }
    if (answer !== null) yield { do: "send", bytes: numbered(sequence + 1, answer) };
  }
  throw wireError("oversize", "login", "too many packets");
}

function isClear(plugin: string): boolean {
  return plugin === "mysql_clear_password" || plugin === "sha256_password";
}

/** AuthSwitchRequest and AuthNextFactor: a method, and its nonce with a NUL or without. */
function readSwitch(payload: Uint8Array): { plugin: string; nonce: Uint8Array } {
  if (payload.length === 1) {
    const words = "the database asks for the password in the form of before MySQL 4.1";
    throw new UpstreamRefused("mysql", "2049", "HY000", words);
  }
  return readFront("AuthSwitchRequest", new ByteReader(payload.subarray(1)), (from) => {
    const plugin = from.cstring(limits.nameBytes);
    const data = from.rest();
    const nonce = data.at(-1) === 0 ? data.subarray(0, -1) : data;
    return { plugin, nonce };
  });
}

/** The session's limits; advisory, since a session can set them anew. */
function* settle({ limits: asked }: LoginRequest, { serverVersion }: Handshake10): Handshake<void> {
  const { statementMs = null, readOnly = false } = asked ?? {};
  if (statementMs !== null) {
    yield* run(
      isMariadb(serverVersion)
        ? `SET SESSION max_statement_time = ${statementMs / 1000}`
        : `SET SESSION max_execution_time = ${Math.ceil(statementMs)}`,
    );
  }
  if (readOnly) yield* run("SET SESSION TRANSACTION READ ONLY");
}

/** Runs a statement that gives no rows. */
export function* run(statement: string): Handshake<void> {
  yield { do: "send", bytes: packet(0, (out) => out.u8(command.query).utf8(statement)) };
  const { payload } = yield* next();
  if (payload[0] !== first.ok) throw wireError("unexpected", "Query", `packet type ${payload[0]}`);
  readOk(payload, 0);
}

/**
 * What tells the client that it is in: the database's own OK. One that has tried to prove a
 * password by caching_sha2 waits to hear that it was known before.
 */
function welcoming(
  { startup: { sequence, abilities } }: LoginRequest,
  ok: Uint8Array,
): Uint8Array[] {
  if (sequence === undefined) return [];
  if (abilities?.proof !== OFFERED_PLUGIN) return [numbered(sequence, ok)];
  const known = packet(sequence, (out) => out.u8(first.authMore).u8(3));
  return [known, numbered(sequence + 1, ok)];
}
