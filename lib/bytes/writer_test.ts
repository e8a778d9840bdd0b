import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { ByteReader } from "./reader.ts";
import { ByteWriter, concat } from "./writer.ts";

Deno.test("what is written is read back, also where the buffer had to grow", () => {
  for (const start of [0, 1, 7, 256]) {
    const out = new ByteWriter(start)
      .u8(1).u16be(2).u16le(3).i16be(-4).u32be(5).u32le(6).i32be(-7).i32le(-8)
      .u64be(9n).u64le(10n).f64be(1.25).cstring("ä").utf8("b").bytes(Uint8Array.of(3, 4)).finish();
    const r = new ByteReader(out);
    deepStrictEqual(
      [r.u8(), r.u16be(), r.u16le(), r.i16be(), r.u32be(), r.u32le(), r.i32be(), r.i32le()],
      [1, 2, 3, -4, 5, 6, -7, -8],
    );
    deepStrictEqual([r.u64be(), r.u64le(), r.f64be(), r.cstring(), r.utf8(1)], [
      9n,
      10n,
      1.25,
      "ä",
      "b",
    ]);
    deepStrictEqual([...r.rest()], [3, 4]);
  }
});

Deno.test("a marked field is zero until it is patched", () => {
  const out = new ByteWriter(2);
  const at = out.mark(4);
  out.utf8("body");
  out.patchU32be(at, out.length);
  deepStrictEqual([...out.finish().subarray(0, 4)], [0, 0, 0, 8]);
  const other = new ByteWriter(2);
  other.mark(6);
  other.patchU32le(0, 1).patchU16be(4, 2);
  deepStrictEqual([...other.finish()], [1, 0, 0, 0, 0, 2]);
});

Deno.test("patching what was not written is refused", () => {
  const out = new ByteWriter(64).u8(1);
  throws(() => out.patchU32be(0, 1), RangeError);
  throws(() => out.patchU16be(-1, 1), RangeError);
});

Deno.test("a NUL inside a NUL-terminated field is refused", () => {
  throws(() => new ByteWriter().cstring("alice\0admin"), RangeError);
});

Deno.test("concat joins in order", () => {
  deepStrictEqual([...concat([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)])], [
    1,
    2,
    3,
  ]);
  strictEqual(concat([]).length, 0);
});
