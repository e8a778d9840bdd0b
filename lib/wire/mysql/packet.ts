import { ByteReader, ShortInput } from "../../bytes/reader.ts";
import { ByteWriter } from "../../bytes/writer.ts";
import { WireError, type WireErrorCode } from "../wire_error.ts";
import { limits } from "./limits.ts";

/** Length (3 bytes, little endian) and number of a packet ("MySQL Packets"). */
export const HEADER = 4;
/** A packet of this length is not the last of its message. */
export const PACKET_MAX = 0xffffff;

export function wireError(code: WireErrorCode, messageName: string, detail: string): WireError {
  return new WireError("mysql", code, messageName, detail);
}

/** Length of the payload whose header begins at `at`. */
export function payloadBytesAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}

/** A packet with its length filled in; its payload is shorter than 16 MiB - 1. */
export function packet(sequence: number, payload: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(64);
  out.mark(HEADER);
  payload(out);
  const bytes = out.finish();
  const length = bytes.length - HEADER;
  if (length >= PACKET_MAX) throw new RangeError("Packet too long");
  bytes[0] = length & 0xff;
  bytes[1] = (length >>> 8) & 0xff;
  bytes[2] = length >>> 16;
  bytes[3] = sequence & 0xff;
  return bytes;
}

/** Size of a packet during the login. */
export function measurePacket(held: Uint8Array): number | null {
  if (held.length < HEADER) return null;
  const size = payloadBytesAt(held, 0) + HEADER;
  if (size > limits.loginBytes) throw wireError("oversize", "header", `${size} bytes at login`);
  return size;
}

/** Reads a payload to its very end; what does not fit becomes a {@linkcode WireError}. */
export function readBody<T>(name: string, body: Uint8Array, read: (from: ByteReader) => T): T {
  const from = new ByteReader(body);
  const value = readFront(name, from, read);
  if (from.left > 0) throw wireError("malformed", name, `${from.left} bytes too many`);
  return value;
}

/** The same where more may follow. */
export function readFront<T>(name: string, from: ByteReader, read: (from: ByteReader) => T): T {
  try {
    return read(from);
  } catch (error) {
    if (!(error instanceof ShortInput)) throw error;
    throw wireError("malformed", name, `ends early at byte ${error.offset + error.left}`);
  }
}
