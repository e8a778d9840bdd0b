import { deepStrictEqual } from "node:assert/strict";
import { splitStatements } from "./split.ts";

const cases: readonly [text: string, statements: readonly string[], rest: string][] = [
  ["select 1; select 2;", ["select 1;", "select 2;"], ""],
  ["select 1", [], "select 1"],
  ["select ';';", ["select ';';"], ""],
  ["select 'it''s;';", ["select 'it''s;';"], ""],
  ["select 'a\\'; select 2;", ["select 'a\\';", "select 2;"], ""],
  ["select e'a\\';';", ["select e'a\\';';"], ""],
  ['select ";";', ['select ";";'], ""],
  ["do $$ begin; end $$;", ["do $$ begin; end $$;"], ""],
  ["do $a$ ; $$ ; $a$;", ["do $a$ ; $$ ; $a$;"], ""],
  ["select a$b$c; x$b$;", ["select a$b$c;", "x$b$;"], ""],
  ["-- ; \nselect 1;", ["-- ; \nselect 1;"], ""],
  ["/* ; /* ; */ ; */ select 1;", ["/* ; /* ; */ ; */ select 1;"], ""],
  ["create rule r as do (a; b);", ["create rule r as do (a; b);"], ""],
  ["select 'open; select 2;", [], "select 'open; select 2;"],
  ["select 1; select $$ ;", ["select 1;"], "select $$ ;"],
];
for (const [text, statements, rest] of cases) {
  Deno.test(`statements end where they do in: ${JSON.stringify(text)}`, () => {
    deepStrictEqual(splitStatements(text), { statements, rest });
  });
}
