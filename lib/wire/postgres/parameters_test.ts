import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { concat } from "../../bytes/writer.ts";
import { limits } from "./limits.ts";
import { decodeParameter } from "./parameters.ts";

const most = limits.parameterPrefixBytes;

/** What the audit catalogue takes as the text of one parameter. */
const shownMax = 8192;

const longest: readonly [name: string, oid: number, value: Uint8Array][] = [
  ["bytea", 17, new Uint8Array(most)],
  ["a type that nobody knows", 4_000_000, new Uint8Array(most)],
  ["a number of 131,072 digits", 1700, numeric(32_767)],
  ["many such numbers", 1231, array(1700, Array(100).fill(numeric(32_767)))],
  ["many times", 1185, array(1184, Array(330).fill(new Uint8Array(8)))],
  ["many intervals", 1187, array(1186, Array(200).fill(new Uint8Array(16).fill(0x81)))],
  ["texts of quotes alone", 1009, array(25, [new Uint8Array(most - 24).fill(0x22)])],
];

for (const [name, oid, value] of longest) {
  Deno.test(`the text of ${name} is never longer than the record takes`, () => {
    const raw = { format: 1, value, bytes: value.length, sha256: "" };
    const shown = decodeParameter(raw, oid).value ?? "";
    strictEqual(value.length <= most, true, "more than is kept");
    strictEqual(shown.length > 0 && shown.length <= shownMax, true, `${shown.length} characters`);
  });
}

Deno.test("the front of a long bytea is hex, with its whole length", () => {
  const raw = { format: 1, value: new Uint8Array(most), bytes: 3_000_000, sha256: "ab" };
  deepStrictEqual(decodeParameter(raw, 17), {
    type: "bytea",
    value: "\\x" + "00".repeat(most),
    encoding: "text",
    bytes: 3_000_000,
    sha256: "ab",
  });
});

Deno.test("sizes that announce more elements than there are bytes are shown as bytes", () => {
  for (const sizes of [[0x7fffffff, 0], [0x7fffffff, 1], [2, 2, 2], [-1, -1]]) {
    const dimensions = sizes.flatMap((size) => [i32(size), i32(1)]);
    const value = concat([i32(sizes.length), i32(0), i32(23), ...dimensions, i32(-1)]);
    const raw = { format: 1, value, bytes: value.length, sha256: "" };
    strictEqual(decodeParameter(raw, 1007).encoding, "base64", sizes.join());
  }
});

/** One digit, `weight` groups of four before the point. */
function numeric(weight: number): Uint8Array {
  return new Uint8Array([0, 1, weight >> 8, weight & 255, 0, 0, 0, 0, 0, 1]);
}

function array(element: number, values: readonly Uint8Array[]): Uint8Array {
  const parts = values.flatMap((value) => [i32(value.length), value]);
  return concat([i32(1), i32(0), i32(element), i32(values.length), i32(1), ...parts]);
}

function i32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}
