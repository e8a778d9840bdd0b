import assert from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import {
  DerReader,
  inside,
  maxDerBytes,
  maxDerDepth,
  readBits,
  readBoolean,
  readInteger,
  readOid,
  readSmall,
  readTime,
  readUtf8,
  readWhole,
  tags,
} from "./der.ts";
import * as build from "./der_build.ts";

const whole = (hex: string) => readWhole(Uint8Array.fromHex(hex));

function refuses(run: () => unknown, what: RegExp): void {
  assert.throws(run, (error) =>
    error instanceof Fault && error.code === "ca.bad-der" &&
    what.test(error.message));
}

const badElements: readonly [string, RegExp][] = [
  ["", /identifier/],
  ["30", /length/],
  ["3080", /indefinite/],
  ["308000000000", /indefinite/],
  ["308101", /not minimal/],
  ["30817f", /not minimal/],
  ["3082007f", /not minimal/],
  ["308200ff", /not minimal/],
  ["308300ffff", /not minimal/],
  ["3084ffffffff", /too large/],
  ["30ff", /too large/],
  ["3083ffffff", /beyond the end/],
  ["040200", /beyond the end/],
  ["0401", /beyond the end/],
  ["3081", /ends within its length/],
  ["050000", /left over/],
  ["1f0100", /tag number/],
  ["bf2a00", /tag number/],
];
for (const [hex, what] of badElements) {
  Deno.test(`an element that is ${hex || "empty"} is refused`, () => {
    refuses(() => whole(hex), what);
  });
}

const badValues: readonly [string, (e: ReturnType<typeof whole>) => unknown][] = [
  ["0100", readBoolean],
  ["010101", readBoolean],
  ["0102ffff", readBoolean],
  ["0200", readInteger],
  ["02020001", readInteger],
  ["0202007f", readInteger],
  ["0202ff80", readInteger],
  ["0202ffff", readInteger],
  ["0600", readOid],
  ["060180", readOid],
  ["06022a80", readOid],
  ["06032a8001", readOid],
  ["060288", readOid],
  ["0300", readBits],
  ["030108", readBits],
  ["030101", readBits],
  ["03020801", readBits],
  ["03020101", readBits],
  ["0c02c328", readUtf8],
  ["0c03eda080", readUtf8],
  ["0c02c080", readUtf8],
];
for (const [hex, read] of badValues) {
  Deno.test(`${read.name} refuses ${hex}`, () => refuses(() => read(whole(hex)), /offset/));
}

Deno.test("integers keep sign and size", () => {
  const cases: [string, bigint][] = [
    ["020100", 0n],
    ["02017f", 127n],
    ["02020080", 128n],
    ["0201ff", -1n],
    ["020180", -128n],
    ["0202ff7f", -129n],
    ["021100ffffffffffffffffffffffffffffffff", (1n << 128n) - 1n],
  ];
  for (const [hex, value] of cases) assert.equal(readInteger(whole(hex)), value);
  assert.equal(readSmall(whole("020103"), 3), 3);
  refuses(() => readSmall(whole("020103"), 2), /range/);
  refuses(() => readSmall(whole("0201ff"), 2), /range/);
});

Deno.test("OIDs round-trip, with long arcs and both forms of the first", () => {
  for (
    const dotted of [
      "0.0",
      "0.39",
      "1.2.840.10045.4.3.2",
      "2.5.29.15",
      "2.39",
      "2.40.1",
      "2.999.3",
      "2.25.65908044447743071701402812419643543042",
      `2.25.${(1n << 128n) - 1n}`,
      `2.${1n << 60n}.${1n << 45n}.${(1n << 52n) + 1n}.${(1n << 53n) + 1n}.${(1n << 46n) - 1n}`,
    ]
  ) assert.equal(readOid(readWhole(build.oid(dotted))), dotted);
  refuses(() => readOid(whole(`0642${"ff".repeat(65)}7f`)), /OID size/);
});

Deno.test("times are read in the forms of RFC 5280 alone", () => {
  const time = (tag: number, text: string) =>
    readTime(readWhole(build.element(tag, new TextEncoder().encode(text))));
  for (const at of ["1950-01-01T00:00:00Z", "2026-02-28T23:59:59Z", "2049-12-31T23:59:59Z"]) {
    assert.equal(
      new Date(readTime(readWhole(build.time(Date.parse(at))))).toISOString(),
      at.replace("Z", ".000Z"),
    );
  }
  assert.equal(time(tags.generalizedTime, "99991231235959Z"), Date.UTC(9999, 11, 31, 23, 59, 59));
  assert.equal(readWhole(build.time(Date.UTC(2050, 0, 1))).tag, tags.generalizedTime);
  const bad: [number, string][] = [
    [tags.utcTime, "260102030405"],
    [tags.utcTime, "2601020304Z"],
    [tags.utcTime, "260102030405+0000"],
    [tags.utcTime, "261302030405Z"],
    [tags.utcTime, "260230030405Z"],
    [tags.utcTime, "260102240000Z"],
    [tags.utcTime, "260102236000Z"],
    [tags.utcTime, "260102235960Z"],
    [tags.utcTime, "26010203040 Z"],
    [tags.utcTime, "260102030405ZZ"],
    [tags.generalizedTime, "20490101000000Z"],
    [tags.generalizedTime, "00500101000000Z"],
    [tags.generalizedTime, "20500101000000.5Z"],
    [tags.generalizedTime, "99999999999999Z"],
    [tags.utf8String, "260102030405Z"],
  ];
  for (const [tag, text] of bad) refuses(() => time(tag, text), /time/i);
});

Deno.test("depth and size are bounded", () => {
  let nested: Uint8Array = build.none;
  for (let i = 0; i < maxDerDepth + 1; i++) nested = build.sequence(nested);
  refuses(() => {
    for (let reader = new DerReader(nested);;) reader = reader.enter(tags.sequence);
  }, /too deep/);
  refuses(() => new DerReader(new Uint8Array(maxDerBytes + 1)), /more than/);
});

Deno.test("elements are built with minimal lengths around every border", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 32_000]) {
    const built = build.octets(new Uint8Array(length).fill(0xab));
    assert.equal(readWhole(built, tags.octetString).body.length, length);
  }
  const large = build.octets(new Uint8Array(0x10000));
  assert.equal(large.subarray(0, 5).toHex(), "0483010000");
});

Deno.test("integers and named bits are built canonical", () => {
  const unsigned = (hex: string) => build.unsigned(Uint8Array.fromHex(hex)).toHex();
  assert.equal(unsigned(""), "020100");
  assert.equal(unsigned("000000"), "020100");
  assert.equal(unsigned("00ff"), "020200ff");
  assert.equal(unsigned("007f"), "02017f");
  assert.equal(build.small(300).toHex(), "0202012c");
  assert.equal(build.namedBits([0]).toHex(), "03020780");
  assert.equal(build.namedBits([5, 6]).toHex(), "03020106");
  assert.equal(build.namedBits([8]).toHex(), "0303070080");
  assert.equal(build.set(build.small(2), build.small(1)).toHex(), "3106020101020102");
});

Deno.test("a reader tells where it refuses, counted from the start of the input", () => {
  const outer = inside(whole("3007020101020200ff"));
  outer.read(tags.integer);
  assert.equal(outer.offset, 5);
  refuses(() => outer.read(tags.oid), /0x02 where 0x06 belongs at offset 5/);
});
