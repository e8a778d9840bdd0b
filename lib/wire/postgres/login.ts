import { createHash } from "node:crypto";
import type { CancelKey, Handshake, LoggedIn, LoginRequest, Measure } from "../protocol.ts";
import { ByteReader } from "../../bytes/reader.ts";
import { concat } from "../../bytes/writer.ts";
import { asBytes, asText } from "../reply.ts";
import { scramClient } from "../scram.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { readErrorFields } from "./error_fields.ts";
import { limits } from "./limits.ts";
import {
  client,
  message,
  readBody,
  server,
  VERSION_3_0,
  VERSION_3_2,
  wireError,
} from "./message.ts";
import { forwardedParameters } from "./startup_parameters.ts";
import { withLimits } from "./session_settings.ts";
import { startTls } from "./start_tls.ts";
import { hex } from "../text.ts";

/** Authentication requests ("Message Formats", Authentication*). */
const auth = { ok: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;
const MECHANISM = "SCRAM-SHA-256";
const IDLE = 0x49; // I

const measureMessage: Measure = (held) => {
  if (held.length < 5) return null;
  const size = new ByteReader(held.subarray(1)).u32be() + 1;
  if (size < 5) throw wireError("malformed", "header", "length below 4");
  if (size > limits.loginBytes) throw wireError("oversize", "header", `${size} bytes at login`);
  return size;
};

/** A message of the database. */
export interface Message {
  readonly type: number;
  readonly body: Uint8Array;
  readonly whole: Uint8Array;
}

/** Client side of the start towards the database: TLS, startup, authentication, settings. */
export function* login(request: LoginRequest): Handshake<LoggedIn> {
  const { startup, limits: ofSession, replication } = request;
  const parameters = withLimits(forwardedParameters(startup.parameters, replication), ofSession);
  yield* startTls();
  yield { do: "send", bytes: startupMessage(request, parameters) };
  yield* authenticate(request);
  return yield* settle();
}

/** The next message but errors, which end the conversation with what the database said. */
export function* next(): Handshake<Message> {
  const whole = asBytes(
    yield { do: "frame", measure: measureMessage, maxBytes: limits.loginBytes },
  );
  const found = { type: whole[0] ?? 0, body: whole.subarray(5), whole };
  if (found.type !== server.error) return found;
  const fields = readErrorFields(found.body);
  throw new UpstreamRefused("postgres", fields.code, fields.severity, fields.message);
}

function startupMessage(
  request: LoginRequest,
  parameters: ReadonlyMap<string, string>,
): Uint8Array {
  return message(0, (out) => {
    out.i32be(versionFor(request));
    out.cstring("user").cstring(request.user).cstring("database").cstring(request.database);
    for (const [name, value] of parameters) out.cstring(name).cstring(value);
    out.u8(0);
  });
}

/**
 * What the client speaks is what the database is asked for: older ones, and poolers that know
 * nothing of 3.2, may close on being asked.
 */
function versionFor({ startup }: LoginRequest): number {
  return startup.version === "3.2" ? VERSION_3_2 : VERSION_3_0;
}

function* authenticate(request: LoginRequest): Handshake<void> {
  const { kind, from } = yield* nextAuthentication(request);
  switch (kind) {
    case auth.ok:
      return;
    case auth.cleartext:
      yield* sendPassword(yield* password(true));
      break;
    case auth.md5: {
      const known = yield* password(false);
      yield* sendPassword(md5Password(request.user, known, from.bytes(4)));
      break;
    }
    case auth.sasl:
      yield* scram(request, from);
      break;
    default:
      throw new UpstreamRefused(
        "postgres",
        "28000",
        "FATAL",
        `the database asks for an authentication method that is not supported (${kind})`,
      );
  }
  const last = yield* nextAuthentication(request);
  if (last.kind !== auth.ok) throw wireError("unexpected", "Authentication", "not yet done");
}

function* nextAuthentication(
  request: LoginRequest,
): Handshake<{ kind: number; from: ByteReader }> {
  let negotiated = false;
  for (let count = 0; count < limits.loginMessages; count++) {
    const found = yield* next();
    if (found.type === server.notice) continue;
    if (found.type === server.negotiate && !negotiated) {
      checkNegotiation(request, found.body);
      negotiated = true;
      continue;
    }
    if (found.type !== server.authentication || found.body.length < 4) {
      throw wireError("unexpected", "Authentication", `message type ${found.type}`);
    }
    const from = new ByteReader(found.body);
    const kind = from.i32be();
    if (kind === auth.md5 && from.left !== 4) {
      throw wireError("malformed", "AuthenticationMD5Password", "salt is not 4 bytes");
    }
    return { kind, from };
  }
  throw wireError("oversize", "Authentication", "too many notices");
}

/** An older server says what it speaks; all of 3.0 to 3.2 will do. ("NegotiateProtocolVersion") */
function checkNegotiation(request: LoginRequest, body: Uint8Array): void {
  const name = "NegotiateProtocolVersion";
  const [newest, unknown] = readBody(name, body, (from) => {
    const head = [from.i32be(), from.i32be()] as const;
    from.rest();
    return head;
  });
  // Some send the minor version alone.
  const spoken = newest < 0x10000 ? VERSION_3_0 + newest : newest;
  if (spoken < VERSION_3_0 || spoken > versionFor(request) || unknown !== 0) {
    throw wireError("unexpected", name, `version ${newest}, ${unknown} unknown options`);
  }
}

function* password(inClear: boolean): Handshake<string> {
  return asText(yield { do: "secret", kind: "password", inClear });
}

function* sendPassword(text: string): Handshake<void> {
  if (text.includes("\0")) {
    throw new UpstreamRefused("postgres", "28P01", "FATAL", "the stored password holds a NUL");
  }
  yield { do: "send", bytes: message(client.password, (out) => out.cstring(text)) };
}

/** "md5" and the hex of md5(md5(password, user), salt). */
function md5Password(user: string, password: string, salt: Uint8Array): string {
  const md5 = (bytes: Uint8Array) => hex(createHash("md5").update(bytes).digest());
  const encoder = new TextEncoder();
  const inner = md5(encoder.encode(password + user));
  return `md5${md5(concat([encoder.encode(inner), salt]))}`;
}

/** "SASL Authentication"; the user name is the startup's, so it stays empty here. */
function* scram(request: LoginRequest, offer: ByteReader): Handshake<void> {
  const mechanisms = readBody("AuthenticationSASL", offer.rest(), readMechanisms);
  if (!mechanisms.includes(MECHANISM)) {
    throw new UpstreamRefused("postgres", "28000", "FATAL", `the database offers no ${MECHANISM}`);
  }
  const known = yield* password(false);
  const fail = (detail: string) => wireError("malformed", "AuthenticationSASL", detail);
  const run = scramClient({
    hash: "SHA-256",
    user: "",
    password: known,
    nonce: request.nonce,
    fail,
  });
  const first = new TextEncoder().encode(run.first);
  yield {
    do: "send",
    bytes: message(
      client.password,
      (out) => out.cstring(MECHANISM).i32be(first.length).bytes(first),
    ),
  };
  const challenge = yield* nextAuthentication(request);
  if (challenge.kind !== auth.saslContinue) throw fail("no challenge");
  const final = yield* run.final(challenge.from.utf8(challenge.from.left));
  yield { do: "send", bytes: message(client.password, (out) => out.utf8(final)) };
  const outcome = yield* nextAuthentication(request);
  if (outcome.kind !== auth.saslFinal) throw fail("no server signature");
  run.verify(outcome.from.utf8(outcome.from.left));
}

function readMechanisms(from: ByteReader): string[] {
  const names: string[] = [];
  for (let name = from.cstring(); name !== ""; name = from.cstring()) names.push(name);
  return names;
}

/** From AuthenticationOk to the first ReadyForQuery. Some databases send no key. */
function* settle(): Handshake<LoggedIn> {
  const greeting: Uint8Array[] = [];
  let cancelKey: CancelKey | null = null;
  let serverVersion = "";
  for (let count = 0; count < limits.loginMessages; count++) {
    const { type, body, whole } = yield* next();
    if (type === server.readyForQuery) {
      if (body.length !== 1 || body[0] !== IDLE) {
        throw wireError("malformed", "ReadyForQuery", "not idle after login");
      }
      return { cancelKey, greeting, serverVersion, backendPid: cancelKey?.processId ?? null };
    } else if (type === server.backendKeyData) {
      cancelKey = readBody("BackendKeyData", body, readKey);
    } else if (type === server.parameterStatus) {
      const [name, value] = readBody("ParameterStatus", body, (b) => [b.cstring(), b.cstring()]);
      if (name === "server_version") serverVersion = value ?? "";
      greeting.push(whole.slice());
    } else if (type === server.notice) {
      greeting.push(whole.slice());
    } else {
      throw wireError("unexpected", "login", `message type ${type}`);
    }
  }
  throw wireError("oversize", "login", "too many messages");
}

function readKey(from: ByteReader): CancelKey {
  const processId = from.u32be();
  const secret = from.rest().slice();
  if (secret.length < 1 || secret.length > 256) {
    throw wireError("malformed", "BackendKeyData", `secret of ${secret.length} bytes`);
  }
  return { processId, secret };
}
