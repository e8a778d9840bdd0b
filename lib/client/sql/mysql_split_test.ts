import { deepStrictEqual } from "node:assert/strict";
import { splitMysql } from "./mysql_dialect.ts";

const cases: readonly (readonly [string, readonly string[], string])[] = [
  ["select 1; select 2;", ["select 1;", "select 2;"], ""],
  ["select 1", [], "select 1"],
  ["select ';', \";\", `;`;", ["select ';', \";\", `;`;"], ""],
  ["select 'it\\'s;'; x", ["select 'it\\'s;';"], "x"],
  ["select 'a''b;'; x", ["select 'a''b;';"], "x"],
  ["# ; \nselect 1;", ["# ; \nselect 1;"], ""],
  ["-- ; \nselect 1;", ["-- ; \nselect 1;"], ""],
  ["select 1--1; x", ["select 1--1;"], "x"],
  ["/* ; */ select 1;", ["/* ; */ select 1;"], ""],
  ["select 'open; select 2;", [], "select 'open; select 2;"],
  ["select 1; /* open ;", ["select 1;"], "/* open ;"],
  ["select 1; select `open ;", ["select 1;"], "select `open ;"],
];

for (const [text, statements, rest] of cases) {
  Deno.test(`MySQL's statements end where they do in: ${JSON.stringify(text)}`, () => {
    deepStrictEqual(splitMysql(text), { statements, rest });
  });
}
