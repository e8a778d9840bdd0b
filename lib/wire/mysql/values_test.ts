import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  bulk,
  definition,
  eof,
  execute,
  join,
  longData,
  ok,
  packet,
  prepare,
  prepared,
  u16,
  u32,
} from "../../../tests/fakes/mysql_messages.ts";
import { session } from "./session_fake.ts";

const INT = u16(3);
const TEXT = u16(0xfd);
const BLOB = u16(0xfc);

Deno.test("values are decoded by their types, which are told once", () => {
  const s = session();
  s.client(prepare("insert into t values (?, ?, ?)"));
  s.server(
    prepared(1, 7, 0, 3),
    definition(2, "?"),
    definition(3, "?"),
    definition(4, "?"),
    eof(5),
  );
  s.client(execute(7, 0b100, 1, u16(0x8003), TEXT, BLOB, u32(0xffffffff), 2, "ä"));
  s.server(ok(1, 1));
  s.client(execute(7, 0, 0, u32(5), 1, "b", 2, Uint8Array.of(0xff, 0)));
  s.server(ok(1, 1));
  const [made, first, second] = s.statements;
  strictEqual(made?.command, "prepare");
  strictEqual(first?.text, "insert into t values (?, ?, ?)");
  strictEqual(first?.statementName, "7");
  strictEqual(first?.fingerprint, made?.fingerprint);
  deepStrictEqual(first?.parameters, [
    { type: "int unsigned", value: "4294967295", encoding: "text" },
    { type: "varchar", value: "ä", encoding: "text" },
    { type: "blob", value: null, encoding: "text" },
  ]);
  deepStrictEqual(second?.parameters, [
    { type: "int unsigned", value: "5", encoding: "text" },
    { type: "varchar", value: "b", encoding: "text" },
    { type: "blob", value: "/wA=", encoding: "base64" },
  ]);
});

Deno.test("dates, times and numbers read as the database writes them", () => {
  const cases: readonly [number, Uint8Array, string][] = [
    [1, join(0xff), "-1"],
    [0x8001, join(0xff), "255"],
    [2, u16(0xfffe), "-2"],
    [8, join(u32(1), u32(0x80000000)), "-9223372036854775807"],
    [0x8008, join(u32(0), u32(0x80000000)), "9223372036854775808"],
    [4, join(0, 0, 0xc0, 0x3f), "1.5"],
    [5, join(new Uint8Array(6), 0xf8, 0x3f), "1.5"],
    [10, join(0), "0000-00-00"],
    [10, join(4, u16(2026), 2, 28), "2026-02-28"],
    [12, join(7, u16(2026), 2, 28, 23, 5, 6), "2026-02-28 23:05:06"],
    [12, join(11, u16(2026), 2, 28, 23, 5, 6, u32(42)), "2026-02-28 23:05:06.000042"],
    [12, join(13, u16(2026), 2, 28, 23, 5, 6, u32(0), u16(90)), "2026-02-28 23:05:06+01:30"],
    [11, join(8, 1, u32(2), 3, 4, 5), "-51:04:05"],
    [11, join(12, 0, u32(0), 3, 4, 5, u32(7)), "03:04:05.000007"],
    [11, join(0), "00:00:00"],
    [0xf6, join(4, "1.50"), "1.50"],
    [13, u16(2026), "2026"],
  ];
  for (const [type, bytes, text] of cases) {
    const s = session();
    s.client(prepare("do ?"));
    s.server(prepared(1, 1, 0, 1), definition(2, "?"), eof(3));
    s.client(execute(1, 0, 1, u16(type), bytes));
    strictEqual(s.statements[1]?.parameters[0]?.value, text, `type ${type}`);
  }
});

Deno.test("of a large value its front, length and hash are told, however it is cut", () => {
  const value = new Uint8Array(300_000).fill(0x61);
  const length = join(0xfd, value.length & 0xff, (value.length >>> 8) & 0xff, value.length >>> 16);
  for (const size of [1 << 20, 1000, 65_537]) {
    const s = session();
    s.client(prepare("do ?, ?"));
    s.server(prepared(1, 1, 0, 2), definition(2, "?"), definition(3, "?"), eof(4));
    const bytes = execute(1, 0, 1, BLOB, INT, length, value, u32(9));
    for (let at = 0; at < bytes.length; at += size) s.client(bytes.subarray(at, at + size));
    deepStrictEqual(s.statements[1]?.parameters, [
      {
        type: "blob",
        value: "a".repeat(4096),
        encoding: "text",
        bytes: 300_000,
        sha256: createHash("sha256").update(value).digest("hex"),
      },
      { type: "int", value: "9", encoding: "text" },
    ]);
    deepStrictEqual(s.toServer().length, prepare("do ?, ?").length + bytes.length);
  }
});

Deno.test("data that came ahead of its statement stands in the statement's own values", () => {
  const s = session();
  s.client(prepare("insert into t values (?, ?)"));
  s.server(prepared(1, 3, 0, 2), definition(2, "?"), definition(3, "?"), eof(4));
  s.client(longData(3, 1, "one "), longData(3, 1, "two"), execute(3, 0, 1, INT, BLOB, u32(1)));
  s.server(ok(1, 1));
  s.client(execute(3, 0, 0, u32(2), 1, "x"));
  const values = s.statements.slice(1).map(({ parameters }) =>
    parameters.map(({ value }) => value)
  );
  deepStrictEqual(values, [["1", "one two"], ["2", "x"]]);
});

Deno.test("rows of a bulk execute are told with what stands for them", () => {
  const s = session();
  s.client(prepare("insert into t values (?, ?)"));
  s.server(prepared(1, 3, 0, 2), definition(2, "?"), definition(3, "?"), eof(4));
  s.client(bulk(3, 128, INT, TEXT, 0, u32(1), 0, 1, "a", 0, u32(2), 1, 2, 3));
  s.server(ok(1, 3));
  deepStrictEqual(s.statements[1]?.parameters, [
    { type: "int", value: "1", encoding: "text" },
    { type: "varchar", value: "a", encoding: "text" },
    { type: "int", value: "2", encoding: "text" },
    { type: "varchar", value: null, encoding: "text" },
    { type: "int, DEFAULT", value: null, encoding: "text" },
    { type: "varchar, IGNORE", value: null, encoding: "text" },
    { type: "rows", value: "3", encoding: "text" },
  ]);
});

Deno.test("a guess that was wrong costs the values and not the session", () => {
  const s = session();
  // With NO_BACKSLASH_ESCAPES each literal is one and there is one question mark.
  s.client(prepare("select '\\', '?', '?', ?"), execute(0xffffffff, 0, 1, TEXT, 2, "hi"));
  s.server(prepared(1, 12, 0, 1), definition(2, "?"), eof(3), ok(1));
  deepStrictEqual(s.statements[1]?.parameters, []);
  s.client(execute(12, 0, 1, TEXT, 2, "hi"));
  deepStrictEqual(s.statements[2]?.parameters.map(({ value }) => value), ["hi"]);
});

Deno.test("how many parameters may come ahead of their statements is bounded", () => {
  const s = session();
  s.client(prepare(`do ${"?,".repeat(5000)}?`));
  s.server(prepared(1, 3, 0, 5001));
  // One that is executed or reset makes room again.
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 4000; at++) s.client(longData(3, at, "x"));
    s.client(packet(0, 0x1a, u32(3)));
  }
  throws(() => {
    for (let at = 0; at < 5000; at++) s.client(longData(3, at, "x"));
  }, /too many parameters ahead/);
});
