import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { concat } from "../../bytes/writer.ts";
import {
  bind,
  bindComplete,
  complete,
  copyData,
  copyDone,
  copyIn,
  copyOut,
  describe,
  error,
  execute,
  i16,
  i32,
  message,
  parameterTypes,
  parse,
  parseComplete,
  query,
  ready,
  row,
  rowDescription,
  run,
  sync,
  terminate,
} from "../../../tests/fakes/postgres_messages.ts";
import { gateOf, unsaid } from "../../../tests/fakes/gate.ts";
import type { Statement, StatementResult } from "../protocol.ts";
import { WireError } from "../wire_error.ts";
import { postgres } from "./mod.ts";

/** An inspector with all it said. */
function session() {
  const inspector = postgres.inspector();
  const log: string[] = [];
  const statements: Statement[] = [];
  const results = new Map<number, StatementResult>();
  const forwarded: Uint8Array[] = [];
  let idles = 0;
  const keep = (statement: Statement) => {
    statements.push(statement);
    log.push(`statement ${statement.id}`);
  };
  const gate = gateOf({
    forward: (bytes) => {
      forwarded.push(bytes);
      log.push(`forward ${bytes.length}`);
    },
    statement: keep,
    goodbye: () => log.push("goodbye"),
  });
  const tap = {
    forward: (bytes: Uint8Array) => log.push(`reply ${bytes.length}`),
    result: (id: number, result: StatementResult) => results.set(id, result),
    lateStatement: keep,
    idle: () => idles++,
    ...unsaid,
  };
  return {
    inspector,
    log,
    statements,
    results,
    forwarded,
    idles: () => idles,
    client: (...parts: Uint8Array[]) => inspector.client(concat(parts), gate),
    server: (...parts: Uint8Array[]) => inspector.server(concat(parts), tap),
    raw: (chunk: Uint8Array) => inspector.client(chunk, gate),
    close: () => inspector.close(tap),
  };
}

const wire = (code: string) => (thrown: unknown) =>
  thrown instanceof WireError && thrown.code === code;

Deno.test("a statement is announced before any of its bytes go on", () => {
  const s = session();
  const bytes = query("select 1");
  s.raw(bytes.subarray(0, 5));
  s.raw(bytes.subarray(5, 12));
  deepStrictEqual(s.log, []);
  s.raw(bytes.subarray(12));
  deepStrictEqual(s.log, ["statement 1", `forward ${bytes.length}`]);
});

Deno.test("several messages in a chunk go on as that chunk, with no copy", () => {
  const s = session();
  const chunk = concat([run("select 1"), sync]);
  s.raw(chunk);
  deepStrictEqual(s.log, ["statement 1", `forward ${chunk.length}`]);
  strictEqual(s.forwarded[0]?.buffer, chunk.buffer);
});

Deno.test("replies go on before they are looked at", () => {
  const s = session();
  throws(() => s.server(row(4)), wire("unexpected"));
  deepStrictEqual(s.log, ["reply 9"]);
});

Deno.test("after goodbye nothing goes on", () => {
  const s = session();
  s.client(terminate, query("select 1"));
  s.client(query("select 2"));
  deepStrictEqual(s.log, ["goodbye", "forward 5"]);
});

Deno.test("what comes before a broken message still goes on", () => {
  const s = session();
  throws(() => s.client(query("select 1"), message("y"), query("select 2")), wire("unexpected"));
  deepStrictEqual(s.log, ["statement 1", "forward 14"]);
});

const broken: readonly [string, Uint8Array, string][] = [
  ["a type nobody knows", message("y"), "unexpected"],
  ["a password after login", message("p", "secret\0"), "unexpected"],
  ["a Query without its NUL", message("Q", "select 1"), "malformed"],
  ["a Query with bytes after it", message("Q", "select 1\0x"), "malformed"],
  ["a Sync with a body", message("S", "x"), "malformed"],
  ["a length below 4", Uint8Array.of(0x51, 0, 0, 0, 3), "malformed"],
  ["a negative length", Uint8Array.of(0x51, 255, 255, 255, 255), "malformed"],
  ["a Describe of nothing", message("D", "X\0"), "malformed"],
  [
    "a Bind whose value is longer than it",
    message("B", "\0\0", i16(0), i16(1), i32(99)),
    "malformed",
  ],
  [
    "a Bind with a negative length",
    message("B", "\0\0", i16(0), i16(1), i32(-2), i16(0)),
    "malformed",
  ],
  ["a Bind that ends early", message("B", "\0\0", i16(0)), "malformed"],
  ["a Bind that goes on", message("B", "\0\0", i16(0), i16(0), i16(0), "x"), "malformed"],
  ["an empty Bind", message("B"), "malformed"],
  ["a Parse with half a type", message("P", "\0\0", i16(2), i32(1)), "malformed"],
];
for (const [name, bytes, code] of broken) {
  Deno.test(`the client may not send ${name}`, () => {
    throws(() => session().client(bytes), wire(code));
  });
}

Deno.test("a server that answers what nobody asked is not believed", () => {
  for (
    const bytes of [complete("SELECT 1"), ready(), parseComplete, copyIn, message("R", i32(0))]
  ) {
    throws(() => session().server(bytes), wire("unexpected"));
  }
  const s = session();
  s.client(run("select 1"), sync);
  throws(() => s.server(bindComplete), wire("unexpected"));
});

Deno.test("parameters have the types of ParameterDescription, or of Parse before that", () => {
  const s = session();
  s.client(parse("a", "select $1, $2", [23]), describe("S", "a"), sync);
  s.server(parseComplete, parameterTypes([20, 16_385]), rowDescription, ready());
  s.client(
    bind("", "a", [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5), Uint8Array.of(255)], [1]),
    execute(),
  );
  s.client(
    parse("b", "select $1", [23]),
    bind("", "b", [Uint8Array.of(0, 0, 0, 9)], [1]),
    execute(),
  );
  s.client(bind("", "b", [Uint8Array.of(9)], [1]), execute(), bind("", "b", ["7"]), execute());
  deepStrictEqual(s.statements.flatMap((statement) => statement.parameters), [
    { type: "int8", value: "5", encoding: "text" },
    { type: "oid 16385", value: "/w==", encoding: "base64" },
    { type: "int4", value: "9", encoding: "text" },
    { type: "int4", value: "CQ==", encoding: "base64" },
    { type: "int4", value: "7", encoding: "text" },
  ]);
});

Deno.test("of a long parameter the front, the length and the hash are kept", () => {
  const s = session();
  const value = "ä".repeat(100_000);
  s.client(parse("", "select $1", [25]), bind("", "", [value]), execute());
  const [parameter] = s.statements[0]?.parameters ?? [];
  const bytes = new TextEncoder().encode(value);
  deepStrictEqual(parameter, {
    type: "text",
    value: "ä".repeat(2047),
    encoding: "text",
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
});

Deno.test("a Bind of 256 MiB passes in bounded memory, hashed whole", () => {
  const s = session();
  const chunk = new Uint8Array(1024 * 1024).fill(0x61);
  const size = 256 * chunk.length;
  s.client(parse("", "select $1"));
  const head = concat([message("", "\0\0", i16(0), i16(1), i32(size)).subarray(4)]);
  s.client(concat([Uint8Array.of(0x42), i32(4 + head.length + size + 2), head]));
  const hash = createHash("sha256");
  let grown = 0;
  const before = Deno.memoryUsage().external;
  for (let at = 0; at < 256; at++) {
    s.raw(chunk);
    hash.update(chunk);
    s.forwarded.length = 0;
    grown = Math.max(grown, Deno.memoryUsage().external - before);
  }
  s.client(i16(0), execute(), sync);
  ok(grown < 16 * chunk.length, `grew by ${grown}`);
  const [parameter] = s.statements[0]?.parameters ?? [];
  strictEqual(parameter?.bytes, size);
  strictEqual(parameter?.sha256, hash.digest("hex"));
});

Deno.test("65,535 long parameters keep a megabyte, not 256", () => {
  const s = session();
  const values = Array.from({ length: 65_535 }, () => "x".repeat(100));
  s.client(parse("", "select 1"), bind("", "", values), execute());
  const parameters = s.statements[0]?.parameters ?? [];
  strictEqual(parameters.length, 65_535);
  const kept = parameters.reduce((sum, parameter) => sum + (parameter.value?.length ?? 0), 0);
  ok(kept <= 1024 * 1024, `${kept} bytes`);
  strictEqual(parameters[65_534]?.bytes, 100);
  strictEqual(
    parameters[65_534]?.sha256,
    createHash("sha256").update("x".repeat(100)).digest("hex"),
  );
});

Deno.test("names are bounded in count and in bytes", () => {
  const s = session();
  throws(() => {
    for (let at = 0; at < 10_001; at++) s.client(parse(`s${at}`, "select 1"), sync);
  }, wire("oversize"));
  const other = session();
  const long = `select '${"x".repeat(1_000_000)}'`;
  throws(() => {
    for (let at = 0; at < 68; at++) {
      other.client(parse(`s${at}`, long), sync);
      other.server(parseComplete, ready());
    }
  }, wire("oversize"));
});

Deno.test("questions without answers are bounded", () => {
  const s = session();
  const many = concat(Array.from({ length: 10_000 }, () => sync));
  throws(() => {
    for (let at = 0; at < 60; at++) s.raw(many);
  }, wire("oversize"));
});

Deno.test("one name used again and again is no growth", () => {
  const s = session();
  for (let at = 0; at < 20_000; at++) {
    s.client(run(`select ${at}`), sync);
    s.server(parseComplete, bindComplete, row(10), complete("SELECT 1"), ready());
  }
  strictEqual(s.results.size, 20_000);
  strictEqual(s.idles(), 20_000);
});

Deno.test("text in another encoding loses nothing", () => {
  const s = session();
  s.client(query(Uint8Array.from({ length: 255 }, (_, at) => at + 1)));
  const text = s.statements[0]?.text ?? "";
  deepStrictEqual(
    Array.from(text, (c) => c.charCodeAt(0)),
    Array.from({ length: 255 }, (_, at) => at + 1),
  );
});

Deno.test("rows, bytes, tags and the transaction's state are counted", () => {
  const s = session();
  s.client(query("begin; update t set a = 1; select 1"));
  s.server(complete("BEGIN"), complete("UPDATE 7"), rowDescription, row(10), row(20));
  s.server(complete("SELECT 2"), ready("T"));
  deepStrictEqual(s.results.get(1), {
    outcome: "done",
    success: true,
    error: null,
    rows: 9,
    results: [
      { tag: "BEGIN", rows: 0 },
      { tag: "UPDATE 7", rows: 7 },
      { tag: "SELECT 2", rows: 2 },
    ],
    bytesSent: 30,
    bytesReceived: 0,
    copy: null,
    transactionStatus: "transaction",
    cancelled: false,
  });
  strictEqual(s.idles(), 0);
});

Deno.test("COPY is counted both ways, also beside other statements", () => {
  const s = session();
  s.client(query("copy t from stdin"));
  s.server(copyIn);
  s.client(copyData("12345"), copyData("67"), copyDone);
  s.server(complete("COPY 2"), ready());
  s.client(query("copy t to stdout"));
  s.server(copyOut, copyData("123"), message("c"), complete("COPY 1"), ready());
  deepStrictEqual([...s.results.values()].map((result) => [result.rows, result.copy]), [
    [2, { direction: "in", bytes: 7 }],
    [1, { direction: "out", bytes: 3 }],
  ]);
  deepStrictEqual([s.results.get(1)?.bytesReceived, s.results.get(2)?.bytesSent], [7, 3]);
});

Deno.test("a cancelled statement says so, a COPY that the client gave up doesn't", () => {
  const s = session();
  s.client(query("select pg_sleep(9)"));
  s.server(error("57014", "canceling statement due to user request"), ready());
  s.client(query("copy t from stdin"));
  s.server(copyIn);
  s.client(message("f", "no\0"));
  s.server(error("57014", "COPY from stdin failed: no"), ready());
  deepStrictEqual([...s.results.values()].map((result) => result.cancelled), [true, false]);
});

Deno.test("a session that breaks off leaves no statement without a result", () => {
  const s = session();
  s.client(query("select 1"));
  s.server(rowDescription, row(5));
  s.client(run("select 2"));
  s.close();
  const seen = [...s.results.values()].map((
    result,
  ) => [result.outcome, result.rows, result.success]);
  deepStrictEqual(seen, [["unknown", 1, false], ["unknown", 0, false]]);
});

Deno.test("a FATAL leaves open statements unknown, with its words", () => {
  const s = session();
  s.client(query("select 1"), query("select 2"));
  s.server(error("57P01", "terminating connection", { V: "FATAL" }));
  for (const id of [1, 2]) {
    strictEqual(s.results.get(id)?.outcome, "unknown");
    strictEqual(s.results.get(id)?.error?.code, "57P01");
  }
});

Deno.test("betweenFrames tells when words of ours may go in between", () => {
  const s = session();
  s.client(query("select 1"));
  ok(s.inspector.betweenFrames);
  s.server(row(10).subarray(0, 3));
  ok(!s.inspector.betweenFrames);
  s.server(row(10).subarray(3, 9));
  ok(!s.inspector.betweenFrames);
  s.server(row(10).subarray(9));
  ok(s.inspector.betweenFrames);
});

Deno.test("an ErrorResponse of 10 MiB is read at its front and skipped", () => {
  const s = session();
  s.client(query("select 1"));
  s.server(error("22012", "x".repeat(10 * 1024 * 1024)), ready());
  strictEqual(s.results.get(1)?.error?.code, "22012");
  ok((s.results.get(1)?.error?.message.length ?? 0) <= 65_536);
});
