import assert from "node:assert/strict";
import { crc32c } from "./crc32c.ts";

Deno.test("crc32c() gives the values of RFC 3720 appendix B.4", () => {
  const rising = Uint8Array.from({ length: 32 }, (_, index) => index);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(rising), 0x46dd794e);
  assert.equal(crc32c(rising.toReversed()), 0x113fdb5c);
});

Deno.test("crc32c() takes any length and place", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  const framed = new TextEncoder().encode("xx123456789yyy");
  assert.equal(crc32c(framed.subarray(1), 1, 10), 0xe3069283);
  assert.equal(crc32c(new Uint8Array()), 0);
});
