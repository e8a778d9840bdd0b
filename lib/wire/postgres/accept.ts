import type { Handshake, Measure, Opening, Startup } from "../protocol.ts";
import { ByteReader } from "../../bytes/reader.ts";
import { asBytes } from "../reply.ts";
import { limits } from "./limits.ts";
import {
  CANCEL_REQUEST,
  GSSENC_REQUEST,
  message,
  readBody,
  server,
  SSL_REQUEST,
  VERSION_3_2,
  wireError,
} from "./message.ts";
import { isCancelLength, readCancelKey } from "./sniff.ts";
import { asksReplication } from "./startup_parameters.ts";
import { utf8 } from "../text.ts";

const NAME = "StartupMessage";

const measureStartup: Measure = (held) => {
  if (held.length < 4) return null;
  const length = new ByteReader(held).i32be();
  if (length < 8) throw wireError("malformed", NAME, "length below 8");
  if (length > limits.startupBytes) throw wireError("oversize", NAME, `${length} bytes`);
  return length;
};

/**
 * Server side of the start, inside TLS ("Start-up"). Clients newer than 3.2 are told that we speak
 * 3.2, those with options we don't know which these are.
 */
export function* accept(): Handshake<Opening> {
  const first = asBytes(
    yield { do: "frame", measure: measureStartup, maxBytes: limits.startupBytes },
  );
  const code = new ByteReader(first.subarray(4)).i32be();
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
    throw wireError("unexpected", NAME, "asks for encryption inside TLS");
  }
  if (code === CANCEL_REQUEST) {
    if (!isCancelLength(first.length)) {
      throw wireError("malformed", "CancelRequest", `${first.length} bytes`);
    }
    return { kind: "cancel", key: readCancelKey(first) };
  }
  if (code >>> 16 !== 3) throw wireError("unsupported", NAME, `protocol version ${version(code)}`);
  const found = readBody(NAME, first.subarray(8), readParameters);
  const extensions = [...found.keys()].filter((name) => name.startsWith("_pq_."));
  const spoken = Math.min(code, VERSION_3_2);
  if (spoken !== code || extensions.length > 0) {
    yield { do: "send", bytes: negotiate(spoken, extensions) };
  }
  return { kind: "startup", startup: startupOf(found, version(spoken)) };
}

function version(code: number): string {
  return `${code >>> 16}.${code & 0xffff}`;
}

/** NegotiateProtocolVersion: what we speak from here on, and the options we do not know. */
function negotiate(spoken: number, extensions: readonly string[]): Uint8Array {
  return message(server.negotiate, (out) => {
    out.i32be(spoken).i32be(extensions.length);
    for (const name of extensions) out.cstring(name);
  });
}

function readParameters(from: ByteReader): Map<string, string> {
  const found = new Map<string, string>();
  for (;;) {
    const name = utf8(from.cbytes());
    if (name === "") return found;
    const value = utf8(from.cbytes());
    if (name === null || value === null) throw wireError("malformed", NAME, "not UTF-8");
    // A second value would leave it to each reader which one counts.
    if (found.has(name)) throw wireError("malformed", NAME, "a parameter twice");
    found.set(name, value);
  }
}

function startupOf(found: ReadonlyMap<string, string>, spoken: string): Startup {
  const parameters = new Map<string, string>();
  for (const [name, value] of found) {
    if (name !== "user" && name !== "database" && !name.startsWith("_pq_.")) {
      parameters.set(name, value);
    }
  }
  const user = found.get("user") ?? "";
  if (user === "") throw wireError("malformed", NAME, "no user");
  const database = found.get("database") ?? "";
  return {
    user,
    database: database === "" ? null : database,
    parameters,
    clientProgram: found.get("application_name") ?? "",
    replication: asksReplication(parameters),
    version: spoken,
  };
}
