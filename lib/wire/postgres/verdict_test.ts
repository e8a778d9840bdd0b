import { strictEqual } from "node:assert/strict";
import { readErrorFields } from "./error_fields.ts";
import { literalAround, refusedByRawParser } from "./verdict.ts";

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
    strictEqual(literalAround(marked.replace("^", ""), position) !== null, inside);
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
  strictEqual(refused({ C: "42601", F: "gram.y", R: "insertSelectOptions" }), true, "no position");
});

/** `^` marks the position of an error of the scanner; are these statements refused by it? */
const escapes: readonly [marked: string, refused: boolean][] = [
  ["select E'a ^\\udb99\\\\'", false],
  ["select E'a \\udb99^\\\\'", true],
  ["select E'a \\udb99^xy'", true],
  ["select E'a \\udb99^'", true],
  ["select E'a ^\\udc00'", true],
  ["select E'a \\udb99\\udc00 ^x'", false],
  ["select E'\\\\udb99 ^x'", false],
  ["select E'a ^\\U002FFFFF'", true],
  ["select 'a ^\\udc00'", false],
  ["select E'a ^\\u00zz'", true],
  ["do $$ begin perform E'^\\u00zz'; end $$", false],
  ["select U&'a ^\\zzzz'", true],
  ["do $$ begin perform U&'^\\zzzz'; end $$", false],
];
for (const [marked, isRefused] of escapes) {
  Deno.test(`${marked} is ${isRefused ? "refused by the scanner" : "an error in a body"}`, () => {
    const position = [...marked].indexOf("^") + 1;
    const error = fields({ ...scan, P: String(position) });
    strictEqual(refusedByRawParser(marked.replace("^", ""), false, error), isRefused);
  });
}

Deno.test("bytes that an escape makes are refused with the text, those at run time are not", () => {
  const refused = (text: string, position = "0") =>
    refusedByRawParser(text, false, fields({ C: "22021", F: "mbutils.c", P: position }));
  strictEqual(refused("select E'\\xff'"), true);
  strictEqual(refused("select e'\\303'"), true);
  strictEqual(refused("select E'\\000'"), true);
  strictEqual(refused("select E'\\xc3\\xa4 \\101 \\\\xff', convert_from('\\xff', 'UTF8')"), false);
  strictEqual(refused("select E'\\u4e00'", "10"), true, "untranslatable");
  strictEqual(refused("select '{}'::json", "8"), false);
});
