import { type ByteReader, ShortInput } from "../../bytes/reader.ts";
import type { ByteWriter } from "../../bytes/writer.ts";

/**
 * A length-encoded integer ("Protocol::LengthEncodedInteger"). Numbers over 2^53 are no lengths of
 * anything: they are read as the largest number there is, so that each check of them fails.
 */
export function lenencInt(from: ByteReader): number {
  const first = from.u8();
  if (first < 0xfb) return first;
  if (first === 0xfc) return from.u16le();
  if (first === 0xfd) return from.u16le() | (from.u8() << 16);
  if (first !== 0xfe) throw new ShortInput(9, 0, from.offset);
  const value = from.u64le();
  return value > 0x1fffffffffffffn ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** A length-encoded string, as a view. */
export function lenencBytes(from: ByteReader): Uint8Array {
  return from.bytes(lenencInt(from));
}

export function putLenencInt(out: ByteWriter, value: number): void {
  if (value < 0xfb) out.u8(value);
  else if (value < 0x10000) out.u8(0xfc).u16le(value);
  else if (value < 0x1000000) out.u8(0xfd).u16le(value & 0xffff).u8(value >>> 16);
  else out.u8(0xfe).u64le(BigInt(value));
}

export function putLenencBytes(out: ByteWriter, bytes: Uint8Array): void {
  putLenencInt(out, bytes.length);
  out.bytes(bytes);
}
