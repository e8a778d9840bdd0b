import { concat } from "../../lib/bytes/writer.ts";
import type { Sample } from "./protocol.ts";
import {
  bind,
  bindComplete,
  call,
  close,
  closeComplete,
  complete,
  copyData,
  copyDone,
  copyFail,
  copyIn,
  copyOut,
  describe,
  emptyQuery,
  error,
  execute,
  flush,
  message,
  noData,
  notice,
  parameterStatus,
  parameterTypes,
  parse,
  parseComplete,
  query,
  ready,
  row,
  rowDescription,
  run,
  suspended,
  sync,
  terminate,
} from "../fakes/postgres_messages.ts";

/** Planted in texts, values and passwords. */
export const SECRET = "planted-7f3a";

const client = (...parts: Uint8Array[]) => ({ from: "client" as const, bytes: concat(parts) });
const server = (...parts: Uint8Array[]) => ({ from: "server" as const, bytes: concat(parts) });
const ran = [parseComplete, bindComplete];
/** Over what is kept of one parameter. */
const large = new Uint8Array(4200).fill(0x61);

export const samples: readonly Sample[] = [
  {
    name: "simple queries",
    turns: [
      client(query(`select '${SECRET}'; select 2`)),
      server(rowDescription, row(30), complete("SELECT 1"), notice("n"), rowDescription),
      server(row(9), row(0), complete("SELECT 2"), ready()),
      client(query("")),
      server(emptyQuery, ready()),
      client(query("begin")),
      server(complete("BEGIN"), parameterStatus("TimeZone", "UTC"), ready("T")),
      client(query("selec")),
      server(error("42601", "no", { F: "scan.l", R: "scanner_yyerror", P: "1" }), ready("E")),
      client(query(Uint8Array.of(0x73, 0xff, 0xe9)), terminate),
      server(error("25P02", "aborted"), ready("E")),
    ],
  },
  {
    name: "extended protocol with typed parameters",
    turns: [
      client(
        parse("s1", `insert into t values ($1, $2, $3) -- ${SECRET}`),
        describe("S", "s1"),
        sync,
      ),
      server(parseComplete, parameterTypes([23, 25, 0]), noData, ready()),
      client(
        bind("", "s1", [Uint8Array.of(0, 0, 0, 7), SECRET, null], [1, 0, 0]),
        execute(),
        bind("p", "s1", [Uint8Array.of(0, 0, 0, 8), "x", Uint8Array.of(1, 2)], [1]),
        execute("p", 10),
        close("P", "p"),
        flush,
        sync,
      ),
      server(bindComplete, complete("INSERT 0 1"), bindComplete, complete("INSERT 0 1")),
      server(closeComplete, ready()),
    ],
  },
  {
    name: "pipelines with errors",
    turns: [
      client(run("select 1"), run("selec 2"), run("select 3"), sync, run("select 4"), sync),
      server(...ran, row(5), complete("SELECT 1"), error("42601", "syntax"), ready()),
      server(...ran, row(5), complete("SELECT 1"), ready()),
      client(parse("", "bad"), sync, bind("", "nix"), execute(), query("skipped"), sync),
      server(error("42P01", "no"), ready(), error("26000", "no"), ready()),
      client(parse("a", "select $1::int"), bind("", "a", ["x"]), execute(), execute(), sync),
      server(parseComplete, error("22P02", "no"), ready()),
      client(bind("", "a", ["1"]), execute(), sync),
      server(bindComplete, complete("SELECT 1"), error("23505", "at the end"), ready()),
    ],
  },
  {
    name: "a portal in parts",
    turns: [
      client(
        parse("", "select * from t"),
        bind("p", ""),
        describe("P", "p"),
        execute("p", 2),
        sync,
      ),
      server(...ran, rowDescription, row(8), row(8), suspended, ready("T")),
      client(execute("p", 2), execute("p"), sync),
      server(row(8), row(8), suspended, row(8), complete("SELECT 1"), ready("T")),
      client(run(""), sync),
      server(...ran, emptyQuery, ready("T")),
    ],
  },
  {
    name: "COPY",
    turns: [
      client(query("copy t from stdin")),
      server(copyIn),
      client(copyData(`${SECRET}\n`), copyData("abc\n".repeat(40)), copyDone),
      server(complete("COPY 2"), ready()),
      client(query("copy t to stdout")),
      server(
        copyOut,
        copyData("1\n"),
        copyData("abc\n".repeat(40)),
        message("c"),
        complete("COPY 2"),
        ready(),
      ),
      client(run("copy t from stdin"), sync),
      server(...ran, copyIn),
      client(copyData("1\n"), copyFail("no"), sync),
      server(error("57014", "COPY failed"), ready()),
      client(copyData("late"), copyDone, query("select 1")),
      server(complete("SELECT 1"), ready()),
    ],
  },
  {
    name: "long statements",
    turns: [
      client(
        query(`select '${"äöü€𝄞".repeat(20)}', '${SECRET}'; select 2`),
        query(Uint8Array.from({ length: 90 }, (_, at) => at < 60 ? 0x61 : 0xff)),
      ),
      server(complete("SELECT 1"), complete("SELECT 1"), ready(), error("22021", "no"), ready()),
      client(
        parse("a statement of a long name", `select $1, '${"𝄞é".repeat(30)}'`, [23, 25, 0]),
        parse("", `insert into t values ${"($1),".repeat(40)} ($1)`),
        bind("", "a statement of a long name", ["1"]),
        execute(),
        bind("p", "", [SECRET]),
        execute("p"),
        sync,
      ),
      server(parseComplete, parseComplete, bindComplete, complete("SELECT 1")),
      server(bindComplete, complete("INSERT 0 41"), ready()),
      client(parse("b", `selec ${"1,".repeat(30)}2`), bind("", "b"), execute(), sync),
      server(error("42601", "no"), ready()),
      client(parse("c", `selec ${"1,".repeat(30)}2`), sync, close("S", "c"), sync),
      server(error("42601", "no"), ready(), closeComplete, ready()),
      client(run("selec"), parse("d", `select ${"1,".repeat(30)}2`), sync),
      server(error("42601", "no"), ready()),
      client(query("discard all"), bind("", "a statement of a long name", ["1"]), execute(), sync),
      server(complete("DISCARD ALL"), ready(), error("26000", "no"), ready()),
    ],
  },
  {
    name: "large values and odd ends",
    turns: [
      client(parse("", "select $1, $2"), bind("", "", [large, SECRET, ""]), execute(), sync),
      server(...ran, row(5000), complete("SELECT 1"), ready()),
      client(call(1299, ["a", null]), call(99)),
      server(message("V", "value"), ready(), error("42883", "no", { R: "fetch_fp_info" }), ready()),
      client(query("discard all"), run("select 1"), sync),
      server(complete("DISCARD ALL"), ready()),
      server(error("57P01", "bye", { V: "FATAL" })),
    ],
  },
];
