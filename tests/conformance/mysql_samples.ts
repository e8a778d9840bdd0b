import { concat } from "../../lib/bytes/writer.ts";
import {
  askFile,
  binaryRow,
  bulk,
  closeStatement,
  columns,
  definition,
  end,
  eof,
  error,
  execute,
  fetch,
  initDb,
  join,
  longData,
  ok,
  packet,
  ping,
  prepare,
  prepared,
  query,
  quit,
  resetStatement,
  result,
  row,
  u16,
  u32,
} from "../fakes/mysql_messages.ts";
import type { Sample } from "./protocol.ts";

/** Planted in texts, values and passwords. */
export const SECRET = "planted-7f3a";

const client = (...parts: Uint8Array[]) => ({ from: "client" as const, bytes: concat(parts) });
const server = (...parts: Uint8Array[]) => ({ from: "server" as const, bytes: concat(parts) });
const MORE = 8 | 2;
const IN_TRANSACTION = 1 | 2;
const CURSOR = 0x40 | 2;
/** Over what is kept of one parameter. */
const large = "a".repeat(4200);
const INT = u16(3);
const TEXT = u16(0xfd);
/** Two parameters, an int and a text, with their types. */
const two = (number: number, text: string) => [0, 1, INT, TEXT, u32(number), text.length, text];

export const samples: readonly Sample[] = [
  {
    name: "queries",
    turns: [
      client(query(`select '${SECRET}', 2`)),
      server(result(1, ["1", "22"])),
      client(query("begin")),
      server(ok(1, 0, IN_TRANSACTION)),
      client(query("insert into t values (1),(2); select 1; select 2")),
      server(ok(1, 2, MORE), result(2, ["1"], MORE), result(7, ["2"], IN_TRANSACTION)),
      client(query("selec")),
      server(error(1, 1064, "42000", "You have an error in your SQL syntax")),
      client(query(Uint8Array.of(0x73, 0xff, 0xe9))),
      server(error(1, 1317, "70100", "Query execution was interrupted")),
      client(query("commit"), ping, quit),
      server(ok(1), ok(1)),
    ],
  },
  {
    name: "commands by code",
    turns: [
      client(initDb("shop")),
      server(ok(1)),
      client(packet(0, 9)),
      server(packet(1, "Uptime: 1")),
      client(packet(0, 4, "t\0%")),
      server(definition(1, "a"), definition(2, "b"), eof(3)),
      client(packet(0, 0x0c, u32(12)), packet(0, 0x1b, u16(0)), packet(0, 0x1f)),
      server(ok(1), eof(1), ok(1)),
      client(packet(0, 0x0a)),
      server(result(1, ["12"])),
      client(query("use `other`")),
      server(ok(1)),
      client(query("select 1"), quit),
      server(result(1, ["1"])),
    ],
  },
  {
    name: "prepared statements",
    turns: [
      client(prepare("select a from t where a = ? and b = ?")),
      server(prepared(1, 7, 1, 2), definition(2, "?"), definition(3, "?"), eof(4)),
      server(definition(5, "a"), eof(6)),
      client(execute(7, ...two(4711, SECRET))),
      server(columns(1, 1), definition(2, "a"), eof(3), binaryRow(4, u32(1)), eof(5)),
      client(execute(7, 0, 0, u32(12), 1, "x")),
      server(columns(1, 1), definition(2, "a"), eof(3), eof(4)),
      client(execute(7, 2, 0, u32(13))),
      server(error(1, 1213, "40001", "Deadlock")),
      client(longData(7, 1, SECRET), longData(7, 1, "more"), execute(7, 0, 0, u32(14))),
      server(ok(1, 1)),
      client(longData(7, 1, large), resetStatement(7), closeStatement(7), execute(7, 1)),
      server(ok(1), error(1, 1243, "HY000", "Unknown prepared statement handler")),
      client(prepare("selec"), quit),
      server(error(1, 1064, "42000", "no")),
    ],
  },
  {
    name: "cursors and MariaDB's shortcuts",
    turns: [
      client(prepare("select a from t where a > ?"), execute(0xffffffff, 0, 1, INT, u32(5))),
      server(prepared(1, 1, 1, 1), definition(2, "?"), eof(3), definition(4, "a"), eof(5)),
      server(columns(1, 1), definition(2, "a"), eof(3, CURSOR)),
      client(fetch(1, 2)),
      server(binaryRow(1, u32(1)), binaryRow(2, u32(2)), eof(3, CURSOR)),
      client(fetch(1, 2)),
      server(eof(1, 0x80)),
      client(prepare("insert into t values (?)")),
      server(prepared(1, 2, 0, 1), definition(2, "?"), eof(3)),
      client(bulk(2, 128, TEXT, 0, 3, "one", 1, 0, 3, "two", 2)),
      server(packet(1, 0xff, u16(0xffff), 1, 1, 0, 0, 0, 0), ok(2, 4)),
      client(prepare("do 1"), quit),
      server(prepared(1, 3, 0, 0)),
    ],
  },
  {
    name: "large and odd",
    turns: [
      client(query(`select '${large}'`)),
      server(
        columns(1, 1),
        definition(2, "a"),
        eof(3),
        row(4, "1"),
        error(5, 1030, "HY000", "disk"),
      ),
      client(prepare("insert into t values (?, ?)")),
      server(prepared(1, 9, 0, 2), definition(2, "?"), definition(3, "?"), eof(4)),
      client(execute(9, 0, 1, INT, TEXT, u32(1), join(0xfc, u16(4200), large))),
      server(ok(1, 1)),
      client(quit),
    ],
  },
  {
    name: "a file that is not asked for, and words of the server's own",
    turns: [
      client(query("load data local infile 'x' into table t")),
      server(error(1, 3948, "42000", "Loading local data is disabled")),
      server(error(0, 4031, "HY000", "The client was disconnected by the server")),
    ],
  },
];

/** The same in the newer form, with attributes beside the text of a query. */
export const newerSamples: readonly Sample[] = [
  {
    name: "newer forms",
    turns: [
      client(query(join(1, 1, 0, 1, TEXT, 5, "trace", 3, "abc", "select 1"))),
      server(columns(1, 1), definition(2, "a"), row(3, "1"), row(4, "2"), end(5, MORE)),
      server(join(packet(6, 1, 0)), row(7, "3"), end(8)),
      client(query(join(0, 1, "use shop"))),
      server(ok(1, 0, 0x4002, 0, 7, 1, 5, 4, "shop")),
      client(prepare("select ?")),
      server(prepared(1, 1, 1, 1, 1), definition(2, "?"), definition(3, "a")),
      client(packet(0, 0x17, u32(1), 8, u32(1), 1, 0, 1, TEXT, 0, 12, SECRET)),
      server(columns(1, 1), definition(2, "a"), binaryRow(3, u32(1)), end(4)),
      client(quit),
    ],
  },
];

export const fileTurns = {
  question: askFile(1, "/etc/passwd"),
  file: concat([packet(2, "1\n2\n"), packet(3)]),
} as const;
