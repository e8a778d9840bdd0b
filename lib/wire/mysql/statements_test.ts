import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { fingerprint, normalised } from "./fingerprint.ts";
import { killed, offeredFiles, placeholders, usedSchema } from "./statements.ts";

Deno.test("a fingerprint is the same whatever the values, comments and blanks", () => {
  const same = [
    "SELECT * FROM `Users` WHERE id = 1 AND name = 'x'",
    "select *\nfrom users where id=? and name=?",
    'select * from users where id = -2 and name = "it\\"s" # again',
    "select * from users -- why\nwhere id = 0x1f and name = N'y' 'z'",
    "select /* a */ * from users where id = 1.5e3 and name = 'a''b\\'c'",
    "select /*!50001 * from */ users where id = 1 and name = x'00';",
  ];
  for (const text of same) strictEqual(normalised(text), normalised(same[0] ?? ""), text);
  strictEqual(fingerprint(same[0] ?? ""), fingerprint(same[1] ?? ""));
  notStrictEqual(fingerprint("select 1 from a"), fingerprint("select 1 from b"));
});

Deno.test("lists and rows of values are one", () => {
  const forms = [
    ["insert into t values (1, 'a'), (2, 'b'), (3, 'c')", "insert into t values ( ? )"],
    ["select * from t where a in (1, 2, 3)", "select * from t where a in ( ? )"],
    ["select a -1, a - 1", "select a - ? , a - ?"],
    ["select 1--1", "select ? - ?"],
    ["select @a, @@global.b", "select @ a , @ @ global . b"],
  ];
  for (const [text = "", form] of forms) strictEqual(normalised(text), form);
});

Deno.test("a long text is looked at up to its limit, and broken ones have a form as well", () => {
  const long = `insert into t values ${"(1, 'x'),".repeat(100_000)}(1)`;
  strictEqual(normalised(long), "insert into t values ( ? )");
  for (const text of ["", "'", '"', "`", "/*", "/*!", "--", "#", "select 'x\\", "\\", "*/", "?"]) {
    strictEqual(typeof normalised(text), "string");
  }
});

Deno.test("the lexer takes time in proportion to the text", () => {
  for (const piece of ["'", '"', "`", "/*", "/*!", "-- ", "#", "\\", "''", "*/", "-", "x'", "? "]) {
    const began = performance.now();
    placeholders(`? ${piece.repeat(300_000)}`);
    strictEqual(performance.now() - began < 1500, true, piece);
  }
});

Deno.test("placeholders are those that are code", () => {
  const text = "select '?', \"?\", `?`, ? -- ?\n, ? # ?\n/* ? */ /*! , ? */";
  strictEqual(placeholders(text), 3);
  strictEqual(placeholders("select 'a\\'?', ?"), 1);
});

Deno.test("a file is offered by LOAD ... LOCAL INFILE, wherever it stands", () => {
  const offers = [
    "load data local infile 'x' into table t",
    'LOAD DATA LOW_PRIORITY LOCAL INFILE "x" INTO TABLE t',
    "LOAD XML CONCURRENT LOCAL INFILE 'x' INTO TABLE t",
    "select 1; /* a */ load/**/data local -- x\n infile 'x' into table t",
    "/*!50000 load data local infile 'x' into table t */",
  ];
  for (const text of offers) deepStrictEqual(offeredFiles(text), ["x"], text);
  const others = [
    "load data infile 'x' into table t",
    "select 'load data local infile'",
    "select 1 /* load data local infile 'x' */",
    "select `load data local infile`, 'x'",
    "select local, infile from load_data",
  ];
  for (const text of others) deepStrictEqual(offeredFiles(text), [], text);
  const odd = String.raw`load data local infile 'C:\\a\tb''c' into table t`;
  deepStrictEqual(offeredFiles(odd), ["C:\\a\tb'c", String.raw`C:\\a\tb'c`]);
});

Deno.test("KILL is understood where it is all of the text, USE where it is a statement", () => {
  deepStrictEqual(killed("KILL 12"), { start: 5, end: 7, id: 12 });
  deepStrictEqual(killed("kill /* x */ hard query 12 ;"), { start: 24, end: 26, id: 12 });
  deepStrictEqual(killed("kill connection 12;"), { start: 16, end: 18, id: 12 });
  for (
    const text of ["kill user x", "kill 1 + 1", "select 'kill 1'", "kill query 1; drop table t"]
  ) {
    strictEqual(killed(text), null, text);
  }
  strictEqual(usedSchema("use shop"), "shop");
  strictEqual(usedSchema("USE/**/`a``b` ;"), "a`b");
  strictEqual(usedSchema("use a; select 'use c'; /* x */ use b"), "b");
  strictEqual(usedSchema("select 1; use b;; select 2"), "b");
  for (const text of ["user", "select use", "use 'x'", "use a b", "select 1 use b", "use"]) {
    strictEqual(usedSchema(text), null, text);
  }
});
