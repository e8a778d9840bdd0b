import { deepStrictEqual, ok as assert, strictEqual, throws } from "node:assert/strict";
import {
  askFile,
  binaryRow,
  columns,
  definition,
  eof,
  error,
  execute,
  fetch,
  flags,
  initDb,
  join,
  ok,
  packet,
  packets,
  ping,
  prepare,
  prepared,
  query,
  quit,
  result,
  row,
  u16,
  u32,
} from "../../../tests/fakes/mysql_messages.ts";
import { concat } from "../../bytes/writer.ts";
import { session } from "./session_fake.ts";

const TEXT = u16(0xfd);

Deno.test("a statement is announced before its bytes go on, its result after its reply", () => {
  const s = session();
  s.client(query("select a from t"));
  s.server(result(1, ["1", "2"]));
  deepStrictEqual(s.log, ["statement 1", ">20", "<62", "result 1", "idle"]);
  const { rows, results, success, transactionStatus } = s.result(1);
  deepStrictEqual(
    { rows, results, success, transactionStatus },
    { rows: 2, results: [{ tag: "rows", rows: 2 }], success: true, transactionStatus: "idle" },
  );
  strictEqual(s.inspector.rows, 2);
});

Deno.test("several statements of one text have a result each", () => {
  const s = session();
  s.client(query("insert into t values (1),(2); select 1; call p()"));
  s.server(ok(1, 2, 8 | 1), result(2, ["1"], 8 | 1), ok(7, 0, 1));
  const { rows, results, transactionStatus } = s.result(1);
  strictEqual(rows, 3);
  deepStrictEqual(results.map(({ tag, rows }) => `${tag} ${rows}`), ["ok 2", "rows 1", "ok 0"]);
  strictEqual(transactionStatus, "transaction");
});

Deno.test("an error is the statement's result, and tells what was cancelled", () => {
  const s = session();
  s.client(query("select sleep(9)"));
  s.server(error(1, 1317, "70100", "Query execution was interrupted"));
  const { success, cancelled, error: why } = s.result(1);
  deepStrictEqual([success, cancelled], [false, true]);
  deepStrictEqual(why, {
    code: "1317",
    severity: "ERROR",
    message: "Query execution was interrupted",
  });
});

Deno.test("the schema in use is told with each statement", () => {
  const s = session();
  s.client(query("select 1"));
  s.server(result(1, ["1"]));
  s.client(initDb("other"));
  s.server(ok(1));
  s.client(query("USE `a``b`;"));
  s.server(ok(1));
  s.client(query("use nowhere"));
  s.server(error(1, 1049, "42000", "Unknown database"));
  s.client(query("select 2"));
  deepStrictEqual(s.statements.map(({ text, schema }) => [text, schema]), [
    ["select 1", "shop"],
    ["Init DB other", "shop"],
    ["USE `a``b`;", "other"],
    ["use nowhere", "a`b"],
    ["select 2", "a`b"],
  ]);
});

Deno.test("a server that tracks the session says itself which schema is in use", () => {
  const abilities = {
    flags: flags.sessionTrack,
    extended: 0,
    collation: 45,
    packetBytesMax: 1,
    proof: "",
  };
  const s = session({ loggedIn: { abilities } });
  s.client(query("prepare x from 'use other'"));
  s.server(ok(1, 0, 0x4002, 0, 8, 1, 6, 5, "other"));
  s.client(query("select 1"));
  strictEqual(s.statements[1]?.schema, "other");
});

Deno.test("a statement may be executed before its id is known", () => {
  const s = session();
  s.client(prepare("select '?', ? -- ?\n, `?`"), execute(0xffffffff, 0, 1, TEXT, 2, "hi"));
  s.server(prepared(1, 12, 0, 1), definition(2, "?"), eof(3), ok(1));
  const [, executed] = s.statements;
  strictEqual(executed?.text, "select '?', ? -- ?\n, `?`");
  deepStrictEqual(executed?.parameters, [{ type: "varchar", value: "hi", encoding: "text" }]);
  strictEqual(s.result(2).success, true);
});

Deno.test("what is fetched from a cursor counts for the fetch", () => {
  const s = session();
  s.client(prepare("select a from t"));
  s.server(prepared(1, 1, 1, 0), definition(2, "a"), eof(3));
  s.client(execute(1));
  s.server(columns(1, 1), definition(2, "a"), eof(3, 0x40));
  s.client(fetch(1, 2));
  s.server(binaryRow(1, u32(1)), binaryRow(2, u32(2)), eof(3, 0x40));
  const [, executed, fetched] = s.statements;
  deepStrictEqual([executed?.reexecution, fetched?.reexecution], [false, true]);
  deepStrictEqual([s.result(2).rows, s.result(3).rows], [0, 2]);
});

Deno.test("a message over several packets is read as one", () => {
  const text = `select '${"x".repeat(0xffffff)}'`;
  const s = session();
  s.client(query(text));
  strictEqual(s.statements[0]?.text.length, text.length);
  strictEqual(s.toServer().length, text.length + 1 + 8);
  const long = join(0xfe, u32(0xffffff), u32(0), "x".repeat(0xffffff));
  s.server(columns(2, 1), definition(3, "a"), eof(4), packets(5, long), eof(7));
  const { rows, bytesSent } = s.result(1);
  strictEqual(rows, 1);
  assert(bytesSent > 0xffffff);
});

Deno.test("a message as long as its packet ends in an empty one", () => {
  const text = "x".repeat(0xffffff - 1);
  const s = session();
  s.client(query(text), ping);
  s.server(error(2, 1064, "42000", "no"), ok(1));
  strictEqual(s.statements[0]?.text.length, text.length);
  strictEqual(s.result(1).success, false);
});

Deno.test("an own KILL of a number of ours goes on with the database's", () => {
  const connectionOf = (id: number) => id === 0x80000001 ? 12 : null;
  const s = session({ connectionOf });
  s.client(query("kill query 2147483649 ;"), query("KILL 5"), packet(0, 0x0c, u32(0x80000001)));
  const passed = concat([query("kill query 12 ;"), query("KILL 5"), packet(0, 0x0c, u32(12))]);
  deepStrictEqual(s.toServer(), passed);
  strictEqual(s.statements[0]?.text, "kill query 2147483649 ;");
  const other = session({ connectionOf });
  other.client(query("/* é ☃ */ kill 2147483649"));
  deepStrictEqual(other.toServer(), query("/* é ☃ */ kill 12"));
});

Deno.test("a KILL of a number of ours that is nobody's here never reaches the database", () => {
  const s = session({ connectionOf: (id) => id === 0x40000001 ? "unknown" : null });
  const unknown = error(1, 1094, "HY000", "Unknown thread id: 1073741825");
  const kills = [query("KILL 1073741825"), packet(0, 12, u32(1073741825))];
  s.client(query("select 1"), ...kills, ping);
  deepStrictEqual(s.toServer(), concat([query("select 1"), ping]));
  deepStrictEqual(s.refused, ["KILL 1073741825", "Kill 1073741825"]);
  deepStrictEqual(s.statements.map(({ text }) => text), ["select 1"]);
  s.server(result(1, ["1"]), ok(1));
  const answers = [result(1, ["1"]), unknown, unknown, ok(1)];
  deepStrictEqual(s.toClient(), concat(answers));
});

Deno.test("a command that does not pass is answered after what is owed", () => {
  const s = session();
  s.client(query("select 1"), packet(0, 0x11, "bob\0", 0, "shop\0"), ping);
  deepStrictEqual(s.refused, ["Change user bob"]);
  deepStrictEqual(s.toServer(), concat([query("select 1"), ping]));
  strictEqual(s.toClient().length, 0);
  s.server(result(1, ["1"]), ok(1));
  const denied = "another database user takes a new connection";
  const answers = concat([result(1, ["1"]), error(1, 1142, "42000", denied), ok(1)]);
  deepStrictEqual(s.toClient(), answers);
});

Deno.test("replication and what nobody knows do not pass; the session goes on", () => {
  const s = session();
  const asked = [0x12, 0x13, 0x15, 0x1e, 0x20, 0x00, 0x0b, 0x1d, 0xfe, 0x50];
  for (const code of asked) s.client(packet(0, code, "xyz"));
  strictEqual(s.refused.length, asked.length);
  strictEqual(s.toServer().length, 0);
  s.client(query("select 1"));
  s.server(result(1, ["1"]));
  strictEqual(s.result(1).rows, 1);
  const replica = session({ replication: true });
  replica.client(packet(0, 0x12, u32(4), u16(0), u32(1), "binlog.1"));
  replica.server(packet(1, 0, "event"), packet(2, 0, "event"));
  deepStrictEqual(replica.refused, []);
  deepStrictEqual(replica.statements.map(({ text }) => text), ["Binlog Dump"]);
});

const load = "load data low_priority local infile 'x' into table t";
const file = concat([packet(2, "1\n2\n"), packet(3)]);

Deno.test("a file goes to the database where its client's own statement offers it", () => {
  const s = session({ localInfile: true });
  s.client(query(load));
  s.server(askFile(1, "x"));
  s.client(file);
  s.server(ok(4, 2));
  deepStrictEqual(s.toClient(), concat([askFile(1, "x"), ok(4, 2)]));
  deepStrictEqual(s.toServer(), concat([query(load), file]));
  const { copy, rows, bytesReceived } = s.result(1);
  deepStrictEqual([copy, rows, bytesReceived], [{ direction: "in", bytes: 4 }, 2, 4]);
  s.client(query("select 1"));
  strictEqual(s.statements.length, 2);
});

Deno.test("a file that no role allows is asked of nobody, and both sides stay in step", () => {
  const s = session();
  s.client(query(load));
  s.server(askFile(1, "x"), ok(3, 0));
  const words = "no role of yours allows LOAD DATA LOCAL INFILE";
  deepStrictEqual(s.toClient(), error(1, 1142, "42000", words));
  deepStrictEqual(s.toServer(), concat([query(load), packet(2)]));
  const { success, error: why } = s.result(1);
  deepStrictEqual([success, why?.code], [false, "wire.refused-denied"]);
  s.client(query("select 1"));
  s.server(result(1, ["1"]));
  strictEqual(s.result(2).rows, 1);
});

Deno.test("a database that asks for a file unasked gets none, whatever is allowed", () => {
  const s = session({ localInfile: true });
  const innocent = query("select 'load data local infile', 1");
  s.client(innocent);
  s.server(askFile(1, "/etc/passwd"));
  deepStrictEqual(s.toServer(), concat([innocent, packet(2)]));
  s.server(ok(3));
  strictEqual(s.result(1).error?.code, "wire.refused-target");
  strictEqual(s.toClient()[4], 0xff);
});

Deno.test("a database that asks for another file than the one offered gets none", () => {
  const s = session({ localInfile: true });
  s.client(query(load));
  s.server(askFile(1, "/etc/passwd"), ok(3));
  deepStrictEqual(s.toServer(), concat([query(load), packet(2)]));
  strictEqual(s.result(1).error?.code, "wire.refused-target");
});

Deno.test("what was asked ahead is never taken for a file", () => {
  const s = session({ localInfile: true });
  s.client(query(load), query("drop table t"));
  throws(() => s.server(askFile(1, "x")), /more was asked in the meantime/);
});

Deno.test("words of ours are numbered as the client expects them", () => {
  const sequence = (s: ReturnType<typeof session>) =>
    s.inspector.refuse({ kind: "ended", message: "over" })[3];
  const s = session();
  strictEqual(sequence(s), 0);
  s.client(query("select 1"));
  strictEqual(sequence(s), 1);
  s.server(columns(1, 1), definition(2, "a"), eof(3));
  strictEqual(sequence(s), 4);
  const cut = row(4, "value");
  s.server(cut.subarray(0, 3));
  strictEqual(s.inspector.betweenFrames, true);
  s.server(cut.subarray(3, 7));
  strictEqual(s.inspector.betweenFrames, false);
  s.server(cut.subarray(7));
  strictEqual(s.inspector.betweenFrames, true);
  s.server(eof(5));
  strictEqual(sequence(s), 0);
});

Deno.test("what is open when the session ends has an unknown result", () => {
  const s = session();
  s.client(query("select 1"), query("select 2"));
  s.server(columns(1, 1));
  s.close();
  deepStrictEqual([s.result(1).outcome, s.result(2).outcome], ["unknown", "unknown"]);
});

Deno.test("nothing is read after the goodbye, and answers to nothing are refused", () => {
  const s = session();
  s.client(quit, query("select 1"));
  strictEqual(s.statements.length, 0);
  deepStrictEqual(s.toServer(), quit);
  throws(() => s.server(ok(1)), /answers nothing that was asked/);
});

Deno.test("packets out of order are refused", () => {
  throws(() => session().client(packet(1, 3, "select 1")), /packet number 1/);
  throws(() => session().client(packet(0)), /empty packet/);
});

Deno.test("what the server's own log has no line of is told apart", () => {
  const outcomes = (version: string) => {
    const facts = { serverVersion: version, capabilities: "" };
    const s = session({ loggedIn: { facts } });
    const syntax = error(1, 1064, "42000", "You have an error in your SQL syntax");
    s.client(query("selec"), query("select nope"), query("prepare x from 'selec'"));
    s.server(syntax, error(1, 1054, "42S22", "Unknown column"), syntax);
    s.client(query("select 1; selec"));
    s.server(result(1, ["1"], 8 | 2), error(6, 1064, "42000", "no"));
    s.client(prepare("selec ?"), execute(0xffffffff, 0, 1, u16(3), u32(5)));
    s.server(syntax, error(1, 1243, "HY000", "Unknown prepared statement handler"));
    return s.statements.map(({ id }) => s.result(id).outcome).join(" ");
  };
  strictEqual(outcomes("9.7.0"), "parse_error done done done parse_error skipped");
  strictEqual(outcomes("10.11.6-MariaDB"), "done done done done parse_error skipped");
});
