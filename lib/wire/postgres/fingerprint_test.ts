import { match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fingerprint, normalised } from "./fingerprint.ts";

const same: readonly (readonly string[])[] = [
  ["select * from t where id = 1", "SELECT *\nFROM t WHERE id=$1;", "select*from T where id = -2"],
  ["select 'a'", "select 'it''s'", "select E'\\'x'", "select $a$ x $$ $a$", "select U&'\\0041'"],
  ["select 1 -- a", "select/* a /* b */ c */2", "select 0x1F", "select 1_000.5e-3", "select .5"],
  ["select 1 where x in (1)", "select 1 where x in (1, 2, 'a', $4)"],
  ["insert into t values (1, 'a')", "insert into t values (1, 'a'), (2, 'b'), ($1, $2)"],
  ["select n'a', b'01'", "select 'a', X'FF'"],
];
for (const texts of same) {
  Deno.test(`${texts[0]} has one fingerprint whatever its values`, () => {
    for (const text of texts) strictEqual(normalised(text), normalised(texts[0] ?? ""), text);
  });
}

Deno.test("what a statement does makes its fingerprint", () => {
  const texts = [
    "select a from t",
    "select b from t",
    'select "A" from t',
    'select "a" from t',
    "select a - 1 from t",
    "select a from t where b = 1",
    "select a from t where b > 1",
    "select t1.a from t1",
    "select null",
    "insert into t values (1, a)",
    "",
  ];
  strictEqual(new Set(texts.map(fingerprint)).size, texts.length);
  match(fingerprint("select 1"), /^[0-9a-f]{16}$/);
});

Deno.test("no value is in the normalised text, however it is quoted", () => {
  const text = "alter role a password 'PLANTED'; select $x$PLANTED$x$, e'PLANTED\\'PLANTED', " +
    "'PLANTED /* ' , n'PLANTED' /* PLANTED */ -- PLANTED";
  ok(!normalised(text).includes("planted"), normalised(text));
  ok(!normalised("select 'PLANTED never closed").toLowerCase().includes("planted"));
});

Deno.test("rows of values beyond what is looked at change nothing", () => {
  const insert = (rows: number) =>
    `insert into t values ${Array.from({ length: rows }, () => "(1, 'abc')").join(", ")}`;
  strictEqual(fingerprint(insert(20_000)), fingerprint(insert(1)));
  notStrictEqual(fingerprint(insert(2)), fingerprint(`${insert(2)} returning 1`));
});

const pieces = ["'", "/*", "$a$", "(", "-", "1,", "(1),", "$1", "\\", "e'", " ", "$", "𝒳"];
for (const piece of pieces) {
  Deno.test(`takes time in proportion to a text of ${JSON.stringify(piece)}`, () => {
    const began = performance.now();
    fingerprint(piece.repeat(1_000_000));
    ok(performance.now() - began < 2000);
  });
}
