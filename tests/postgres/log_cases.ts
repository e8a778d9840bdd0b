import { concat } from "../../lib/bytes/writer.ts";
import {
  bind,
  call,
  close,
  copyData,
  copyDone,
  copyFail,
  describe,
  execute,
  parse,
  query,
  run,
  sync,
} from "../fakes/postgres_messages.ts";

/** Bytes to send, then the messages to wait for in turn, by their type letters. */
export interface Round {
  readonly send: Uint8Array;
  readonly until: string;
}

export interface LogCase {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** Of each statement in order: command, outcome, success, rows, SQLSTATE. */
  readonly events: readonly string[];
}

/** One round that ends with a ReadyForQuery. */
const ask = (...parts: Uint8Array[]): Round => ({ send: concat(parts), until: "Z" });
const table = query("create temp table t(a int primary key)");
const created = "query done ok 0";

export const logCases: readonly LogCase[] = [
  {
    name: "several statements in one Query",
    rounds: [ask(query("select 1; select generate_series(1,3)"))],
    events: ["query done ok 4"],
  },
  {
    name: "a failure in the second of three statements is",
    rounds: [ask(query("select 1; select 1/0; select 3"))],
    events: ["query done failed 1 22012"],
  },
  {
    name: "empty queries",
    rounds: [ask(query("")), ask(query(" ; -- nothing"))],
    events: ["query done ok 0", "query done ok 0"],
  },
  {
    name: "empty statements of the extended protocol are not logged",
    rounds: [ask(run(""), run("-- nothing"), sync)],
    events: ["execute skipped ok 0", "execute skipped ok 0"],
  },
  {
    name: "an aborted transaction",
    rounds: [
      ask(query("begin")),
      ask(query("select 1/0")),
      ask(query("select 2")),
      ask(run("select 3"), sync),
      ask(run("rollback"), sync),
    ],
    events: [
      "query done ok 0",
      "query done failed 0 22012",
      "query done failed 0 25P02",
      "execute parse_error failed 0 25P02",
      "execute done ok 0",
    ],
  },
  {
    name: "an aborted transaction with a prepared statement and an open portal",
    rounds: [
      ask(parse("a", "select generate_series(1,3)"), sync),
      ask(query("begin")),
      ask(bind("p", "a"), execute("p", 1), sync),
      ask(query("selec")),
      ask(execute("p", 1), sync),
      ask(bind("", "a"), execute(), sync),
      ask(query("rollback")),
    ],
    events: [
      "query done ok 0",
      "execute suspended ok 1",
      "query parse_error failed 0 42601",
      "execute done failed 0 25P02",
      "execute skipped failed 0 25P02",
      "query done ok 0",
    ],
  },
  {
    name: "extended protocol",
    rounds: [ask(
      parse("", "select $1::int + $2::int"),
      bind("", "", ["5", "6"]),
      describe("P"),
      execute(),
      sync,
    )],
    events: ["execute done ok 1"],
  },
  {
    name: "a Parse that fails, with and without its Execute",
    rounds: [
      ask(run("selec 1"), sync),
      ask(parse("", "selec 2"), describe("S"), sync),
      ask(parse("", "select * from nix"), sync),
      ask(parse("", "select 1; select 2"), sync),
    ],
    events: [
      "execute parse_error failed 0 42601",
      "prepare parse_error failed 0 42601",
      "prepare parse_error failed 0 42P01",
      "prepare parse_error failed 0 42601",
    ],
  },
  {
    name: "a Bind that fails is not logged",
    rounds: [
      ask(run("select $1::int", ["abc"]), sync),
      ask(run("select $1::int", []), sync),
      ask(run("select 1/0"), sync),
      ask(bind("", "nix"), execute(), sync),
    ],
    events: [
      "execute skipped failed 0 22P02",
      "execute skipped failed 0 08P01",
      "execute skipped failed 0 22012",
      "execute skipped failed 0 26000",
    ],
  },
  {
    name: "an Execute that fails is",
    rounds: [
      ask(table),
      ask(run("insert into t values (1), (1)"), sync),
      ask(run("fetch 1 from nix"), sync),
    ],
    events: [created, "execute done failed 0 23505", "execute done failed 0 34000"],
  },
  {
    name: "an Execute of no portal is not",
    rounds: [
      ask(execute("nix"), sync),
      ask(parse("", "select 1"), bind("p", ""), close("P", "p"), execute("p"), sync),
    ],
    events: ["execute skipped failed 0 34000", "execute skipped failed 0 34000"],
  },
  {
    name: "an error skips to Sync and no further",
    rounds: [
      ask(
        parse("a", "select $1::int"),
        ...["1", "x", "3"].flatMap((value) => [bind("", "a", [value]), execute()]),
        sync,
      ),
      ask(bind("", "a", ["4"]), execute(), sync),
    ],
    events: [
      "execute done ok 1",
      "execute skipped failed 0 22P02",
      "execute skipped failed 0",
      "execute done ok 1",
    ],
  },
  {
    name: "pipelines sent together, an error in the first",
    rounds: [{
      send: concat([
        run("select 1"),
        run("selec 2"),
        run("select 3"),
        sync,
        run("select 4"),
        sync,
        query("select 5"),
        run("selec 6"),
        query("select 7"),
        sync,
      ]),
      until: "ZZZZ",
    }],
    events: [
      "execute done ok 1",
      "execute parse_error failed 0 42601",
      "execute skipped failed 0",
      "execute done ok 1",
      "query done ok 1",
      "execute parse_error failed 0 42601",
      "query skipped failed 0",
    ],
  },
  {
    name: "portals that are fetched in parts",
    rounds: [
      ask(query("begin")),
      ask(parse("", "select generate_series(1,5)"), bind("p", ""), execute("p", 2), sync),
      ask(execute("p", 2), execute("p", 2), execute("p", 2), sync),
      ask(query("commit")),
      ask(execute("p"), sync),
    ],
    events: [
      "query done ok 0",
      "execute suspended ok 2",
      "execute suspended ok 2",
      "execute done ok 1",
      "execute done ok 0",
      "query done ok 0",
      "execute skipped failed 0 34000",
    ],
  },
  {
    name: "a portal that cannot run twice",
    rounds: [
      ask(table),
      ask(parse("", "insert into t values(1)"), bind("p", ""), execute("p"), execute("p"), sync),
    ],
    events: [created, "execute done ok 1", "execute done failed 0 55000"],
  },
  {
    name: "a transaction in one pipeline",
    rounds: [ask(run("begin"), run("select 1"), run("commit"), sync)],
    events: ["execute done ok 0", "execute done ok 1", "execute done ok 0"],
  },
  {
    name: "a constraint that fails at Sync",
    rounds: [
      ask(query("create temp table d(a int unique deferrable initially deferred)")),
      ask(run("insert into d values (1), (1)"), sync),
    ],
    events: [created, "execute done failed 2 23505"],
  },
  {
    name: "a name prepared twice keeps its first statement",
    rounds: [
      ask(parse("a", "select 1"), parse("a", "select 2"), sync),
      ask(bind("", "a"), execute(), sync),
    ],
    events: ["prepare parse_error failed 0 42P05", "execute done ok 1"],
  },
  {
    name: "statements outlive their names in portals",
    rounds: [
      ask(parse("a", "select 1"), bind("p", "a"), close("S", "a"), execute("p"), sync),
      ask(parse("a", "select 2"), bind("", "a"), execute(), sync),
    ],
    events: ["execute done ok 1", "execute done ok 1"],
  },
  {
    name: "a Query does away with the unnamed statement; DISCARD ALL with all",
    rounds: [
      ask(parse("", "select 1"), parse("a", "select 2"), sync),
      ask(query("select 3")),
      ask(bind("", ""), execute(), sync),
      ask(query("discard all")),
      ask(bind("", "a"), execute(), sync),
    ],
    events: [
      "query done ok 1",
      "execute skipped failed 0 26000",
      "query done ok 0",
      "execute skipped failed 0 26000",
    ],
  },
  {
    name: "COPY both ways",
    rounds: [
      ask(table),
      { send: query("copy t from stdin"), until: "G" },
      ask(copyData("1\n2\n"), copyData("3\n"), copyDone),
      ask(query("copy t to stdout")),
      { send: query("select 1; copy t from stdin; select 2"), until: "G" },
      ask(copyData("4\n"), copyDone),
      { send: concat([run("copy t from stdin"), sync]), until: "G" },
      ask(copyData("5\n"), copyDone, sync),
      ask(run("copy t to stdout"), sync),
    ],
    events: [
      created,
      "query done ok 3",
      "query done ok 3",
      "query done ok 3",
      "execute done ok 1",
      "execute done ok 5",
    ],
  },
  {
    name: "COPY that fails",
    rounds: [
      ask(table),
      { send: query("copy t from stdin"), until: "G" },
      ask(copyData("1\n"), copyFail("no")),
      { send: query("copy t from stdin"), until: "G" },
      ask(copyData("x\n"), copyData("2\n"), copyDone),
      ask(query("select 1")),
      { send: concat([run("copy t from stdin"), sync]), until: "G" },
      ask(copyData("x\n"), copyDone, sync),
      ask(run("select 2"), sync),
    ],
    events: [
      created,
      "query done failed 0 57014",
      "query done failed 0 22P02",
      "query done ok 1",
      "execute done failed 0 22P02",
      "execute done ok 1",
    ],
  },
  {
    name: "FunctionCall",
    rounds: [ask(call(1299)), ask(call(99)), ask(call(1299, [null]))],
    events: [
      "function done ok 0",
      "function parse_error failed 0 42883",
      "function done failed 0 08P01",
    ],
  },
  {
    name: "statement timeout",
    rounds: [
      ask(query("set statement_timeout = 50")),
      ask(query("select pg_sleep(5)")),
      ask(run("select pg_sleep(5)"), sync),
    ],
    events: ["query done ok 0", "query done failed 0 57014", "execute done failed 0 57014"],
  },
  {
    name: "names that SQL gave, used by the protocol",
    rounds: [
      ask(query("prepare x(int) as select $1")),
      ask(bind("", "x", ["7"]), execute(), sync),
      ask(query("begin; declare c cursor for select 1")),
      ask(execute("c"), sync),
      ask(query("commit")),
    ],
    events: [
      "query done ok 0",
      "execute done ok 1",
      "query done ok 0",
      "execute done ok 1",
      "query done ok 0",
    ],
  },
];
