import { ByteWriter } from "../../bytes/writer.ts";
import { ByteReader, ShortInput } from "../../bytes/reader.ts";
import { WireError, type WireErrorCode } from "../wire_error.ts";

/** First byte of each message; PostgreSQL manual, "Message Formats". */
export const client = {
  bind: 0x42, // B
  close: 0x43, // C
  describe: 0x44, // D
  execute: 0x45, // E
  functionCall: 0x46, // F
  flush: 0x48, // H
  parse: 0x50, // P
  query: 0x51, // Q
  sync: 0x53, // S
  terminate: 0x58, // X
  copyDone: 0x63, // c
  copyData: 0x64, // d
  copyFail: 0x66, // f
  password: 0x70, // p
} as const;

export const server = {
  parseComplete: 0x31, // 1
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  notification: 0x41, // A
  commandComplete: 0x43, // C
  dataRow: 0x44, // D
  error: 0x45, // E
  copyIn: 0x47, // G
  copyOut: 0x48, // H
  emptyQuery: 0x49, // I
  backendKeyData: 0x4b, // K
  notice: 0x4e, // N
  authentication: 0x52, // R
  parameterStatus: 0x53, // S
  rowDescription: 0x54, // T
  functionCallResponse: 0x56, // V
  copyBoth: 0x57, // W
  readyForQuery: 0x5a, // Z
  copyDone: 0x63, // c
  copyData: 0x64, // d
  noData: 0x6e, // n
  portalSuspended: 0x73, // s
  parameterDescription: 0x74, // t
  negotiate: 0x76, // v
} as const;

/** Codes that stand where a startup message has its version. */
export const CANCEL_REQUEST = 80877102;
export const SSL_REQUEST = 80877103;
export const GSSENC_REQUEST = 80877104;
export const VERSION_3_0 = 196608;
/** The newest we speak: cancel keys of variable length (PostgreSQL 18). */
export const VERSION_3_2 = 196610;

export function wireError(code: WireErrorCode, messageName: string, detail: string): WireError {
  return new WireError("postgres", code, messageName, detail);
}

/** A message of `type` (0: none, as before authentication) with its length filled in. */
export function message(type: number, body: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(64);
  if (type !== 0) out.u8(type);
  const at = out.mark(4);
  body(out);
  return out.patchU32be(at, out.length - at).finish();
}

/** Reads a message's body to its very end; what does not fit becomes a {@linkcode WireError}. */
export function readBody<T>(name: string, body: Uint8Array, read: (from: ByteReader) => T): T {
  try {
    const from = new ByteReader(body);
    const value = read(from);
    if (from.left > 0) throw wireError("malformed", name, `${from.left} bytes too many`);
    return value;
  } catch (error) {
    if (!(error instanceof ShortInput)) throw error;
    throw wireError("malformed", name, `ends early at byte ${error.offset + error.left}`);
  }
}
