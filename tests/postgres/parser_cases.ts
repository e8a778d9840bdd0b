/** What the server's raw parser refuses, which it never logs; and what looks like it and is. */
import { concat } from "../../lib/bytes/writer.ts";
import { query } from "../fakes/postgres_messages.ts";
import type { LogCase, Round } from "./log_cases.ts";

const ask = (...parts: Uint8Array[]): Round => ({ send: concat(parts), until: "Z" });
const each = (texts: readonly string[]) => texts.map((text) => ask(query(text)));

export const parserCases: readonly LogCase[] = [
  {
    name: "a syntax error is not logged",
    rounds: [ask(query("selec 1")), ask(query("select 1; selec 2"))],
    events: ["query parse_error failed 0 42601", "query parse_error failed 0 42601"],
  },
  {
    name: "errors of analysis are logged, also those with a syntax error's code",
    rounds: [
      ask(query("select * from nix")),
      ask(query("insert into pg_am values (1,2,3,4,5,6,7,8,9)")),
      ask(query("select 'foo bar baz'::regtype")),
    ],
    events: [
      "query done failed 0 42P01",
      "query done failed 0 42601",
      "query done failed 0 42601",
    ],
  },
  {
    name: "syntax errors in bodies within a statement are logged",
    rounds: [
      ask(query("do $$ begin execute 'selec 1'; end $$")),
      ask(query("do $$ begin selec 1; end $$")),
      ask(query("create function pg_temp.f() returns int language sql as 'selec 1'")),
      ask(query("create function pg_temp.f() returns int language sql as $b$ selec '1' $b$")),
      ask(query("/* 'a */ create function pg_temp.f() returns int language sql as E'\\n selec 1'")),
    ],
    events: Array.from({ length: 5 }, () => "query done failed 0 42601"),
  },
  {
    name: "what the parser refuses with other codes is not",
    rounds: [
      ask(query("create table x (a int, foreign key(a) references y match partial)")),
      ask(query("select E'\\u00zz'")),
      ask(query("select U&'\\zzzz'")),
      ask(query("select 'open")),
      ask(query(Uint8Array.of(0x73, 0x65, 0x6c, 0x65, 0x63, 0x74, 0x20, 0x27, 0xff, 0x27))),
    ],
    events: [
      "query parse_error failed 0 0A000",
      "query parse_error failed 0 22025",
      "query parse_error failed 0 42601",
      "query parse_error failed 0 42601",
      "query parse_error failed 0 22021",
    ],
  },
  {
    name: "a conversion that fails while running is",
    rounds: [ask(query("select convert_from('\\xff', 'UTF8')"))],
    events: ["query done failed 0 22021"],
  },
  {
    name: "what the grammar refuses without a position is not",
    rounds: each(["select 1 fetch first 2 rows with ties"]),
    events: ["query parse_error failed 0 42601"],
  },
  {
    name: "the same in a body is",
    rounds: each([
      "do $$ begin perform 1 fetch first 2 rows with ties; end $$",
      "do $$ begin execute 'select 1 fetch first 2 rows with ties'; end $$",
      "create function pg_temp.f() returns int language sql as " +
      "'select 1 fetch first 2 rows with ties'",
      "do $$ begin perform E'\\udb99'; end $$",
      "do $$ begin perform U&'\\zzzz'; end $$",
      "do $$ begin perform E'\\u00zz'; end $$",
    ]),
    events: [
      ...Array.from({ length: 5 }, () => "query done failed 0 42601"),
      "query done failed 0 22025",
    ],
  },
  {
    name: "an escape that is no character is not",
    rounds: each([
      "select E'wrong: \\udb99'",
      "select E'wrong: \\udb99xy'",
      "select E'wrong: \\udb99\\\\'",
      "select E'wrong: \\udb99\\u0061'",
      "select E'wrong: \\U002FFFFF'",
      "select U&'wrong: \\db99xy'",
      "create function pg_temp.f() returns text language sql as E'select ''\\udb99'''",
    ]),
    events: Array.from({ length: 7 }, () => "query parse_error failed 0 42601"),
  },
  {
    name: "bytes that escapes make and that are no text are not; those made at run time are",
    rounds: each([
      "select E'\\xff'",
      "select E'\\303'",
      "select E'\\000'",
      "select E'\\xc3\\xa4', convert_from('\\xff', 'UTF8')",
    ]),
    events: [
      ...Array.from({ length: 3 }, () => "query parse_error failed 0 22021"),
      "query done failed 0 22021",
    ],
  },
];
