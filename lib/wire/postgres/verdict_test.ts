import { strictEqual } from "node:assert/strict";
import { readErrorFields } from "./error_fields.ts";
import { isInsideLiteral, refusedByRawParser } from "./verdict.ts";

/** `^` marks the position; it is taken out. */
const places: readonly [marked: string, inside: boolean][] = [
  ["^select 'a'", false],
  ["select ^'a'", false],
  ["select '^a'", true],
  ["select 'a'^", false],
  ["select 'a''^b'", true],
  ["select E'a\\'^b'", true],
  ["select E'a\\\\' ^b", false],
  ["select 'a\\' ^b", false],
  ['select "a^b"', false],
  ["do $$ ^x $$", true],
  ["do $a$ $$ ^x $a$ y", true],
  ["do $a$ $$ x $a$ ^y", false],
  ["select $1 ^x $1", false],
  ["select a$b$ ^x", false],
  ["-- 'a\n^x", false],
  ["/* ' /* ' */ ' */ ^x", false],
  ["/* '^x' */", false],
  ["select '😀', ^x", false],
  ["select '😀^x'", true],
  ["select 'open ^x", true],
];

for (const [marked, inside] of places) {
  Deno.test(`${JSON.stringify(marked)} is ${inside ? "inside" : "outside"} of a constant`, () => {
    const position = [...marked].indexOf("^") + 1;
    strictEqual(isInsideLiteral(marked.replace("^", ""), position), inside);
  });
}

const fields = (given: Record<string, string>) =>
  readErrorFields(
    new TextEncoder().encode(Object.entries(given).map(([k, v]) => `${k}${v}\0`).join("") + "\0"),
  );
const scan = { C: "42601", F: "scan.l", R: "scanner_yyerror", P: "1" };

Deno.test("only the raw parser on the statement itself refuses before the log", () => {
  const refused = (given: Record<string, string>, notUtf8 = false) =>
    refusedByRawParser("selec 1", notUtf8, fields(given));
  strictEqual(refused(scan), true);
  strictEqual(refused({ ...scan, F: "analyze.c" }), false);
  strictEqual(refused({ ...scan, q: "selec 1" }), false);
  strictEqual(refused({ ...scan, W: "PL/pgSQL function" }), false);
  strictEqual(refused({ C: "42601" }), true, "a pooler that tells no file");
  strictEqual(refused({ C: "42P01" }), false);
  strictEqual(refused({ C: "22021", F: "mbutils.c" }, true), true);
  strictEqual(refused({ C: "22021", F: "mbutils.c" }, false), false);
});
