import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { ByteReader, ShortInput } from "./reader.ts";

const bytes = Uint8Array.of(0xff, 0xfe, 0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07);

const numbers: readonly [string, (r: ByteReader) => number | bigint, number | bigint, number][] = [
  ["u8", (r) => r.u8(), 0xff, 1],
  ["i8", (r) => r.i8(), -1, 1],
  ["u16be", (r) => r.u16be(), 0xfffe, 2],
  ["u16le", (r) => r.u16le(), 0xfeff, 2],
  ["i16be", (r) => r.i16be(), -2, 2],
  ["i16le", (r) => r.i16le(), -257, 2],
  ["u32be", (r) => r.u32be(), 0xfffe8001, 4],
  ["u32le", (r) => r.u32le(), 0x0180feff, 4],
  ["i32be", (r) => r.i32be(), 0xfffe8001 | 0, 4],
  ["i32le", (r) => r.i32le(), 0x0180feff, 4],
  ["u64be", (r) => r.u64be(), 0xfffe800102030405n, 8],
  ["u64le", (r) => r.u64le(), 0x050403020180feffn, 8],
  ["i64be", (r) => r.i64be(), BigInt.asIntN(64, 0xfffe800102030405n), 8],
  ["i64le", (r) => r.i64le(), 0x050403020180feffn, 8],
];

Deno.test("numbers are read in their byte order, and each read needs all its bytes", () => {
  for (const [name, take, want, size] of numbers) {
    const reader = new ByteReader(bytes);
    strictEqual(take(reader), want, name);
    strictEqual(reader.offset, size, name);
    const short = new ByteReader(bytes.subarray(0, size - 1));
    throws(() => take(short), ShortInput, name);
    strictEqual(short.offset, 0, `${name} stays where it was`);
  }
});

Deno.test("floats are read as IEEE 754", () => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, 0.1);
  strictEqual(new ByteReader(new Uint8Array(view.buffer)).f64be(), 0.1);
  view.setFloat64(0, -3.5, true);
  strictEqual(new ByteReader(new Uint8Array(view.buffer)).f64le(), -3.5);
  view.setFloat32(0, 1.5);
  strictEqual(new ByteReader(new Uint8Array(view.buffer)).f32be(), 1.5);
});

Deno.test("a reader over a part of a buffer never sees the bytes around it", () => {
  const reader = new ByteReader(bytes.subarray(2, 4));
  strictEqual(reader.u16be(), 0x8001);
  strictEqual(reader.left, 0);
  throws(() => reader.u8(), ShortInput);
});

Deno.test("bytes are views, negative and fractional lengths are refused", () => {
  const reader = new ByteReader(bytes);
  strictEqual(reader.bytes(2).buffer, bytes.buffer);
  throws(() => reader.bytes(-1), ShortInput);
  throws(() => reader.bytes(NaN), ShortInput);
  throws(() => reader.bytes(9), ShortInput);
  deepStrictEqual([...reader.rest()], [...bytes.subarray(2)]);
  deepStrictEqual([...reader.rest()], []);
});

Deno.test("cstring ends at the NUL inside the message and inside its limit", () => {
  const text = new TextEncoder().encode("user\0häns\0open");
  const reader = new ByteReader(text);
  strictEqual(reader.cstring(), "user");
  throws(() => reader.cstring(4), ShortInput);
  strictEqual(reader.cstring(5), "häns");
  throws(() => reader.cstring(), ShortInput);
  strictEqual(reader.peek(), 0x6f);
  strictEqual(reader.utf8(4), "open");
  throws(() => reader.peek(), ShortInput);
});

Deno.test("broken UTF-8 becomes U+FFFD and a byte order mark stays", () => {
  strictEqual(new ByteReader(Uint8Array.of(0xc3, 0x28, 0)).cstring(), "\uFFFD(");
  strictEqual(new ByteReader(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)).utf8(4), "\uFEFFA");
});
