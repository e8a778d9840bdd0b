import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { concat } from "../../bytes/writer.ts";
import {
  bind,
  bindComplete,
  complete,
  error,
  execute,
  i16,
  i32,
  message,
  parse,
  parseComplete,
  query,
  ready,
  run,
  sync,
} from "../../../tests/fakes/postgres_messages.ts";
import { unsaid } from "../../../tests/fakes/gate.ts";
import type { Statement, StatementResult, StreamedStatement } from "../protocol.ts";
import { streamSizes } from "../streaming.ts";
import { WireError } from "../wire_error.ts";
import { fingerprint } from "./fingerprint.ts";
import { postgres } from "./mod.ts";

const MIB = 1024 * 1024;

/** A session with all that its gate was told of, in order. */
function session(sizes?: typeof streamSizes) {
  const inspector = postgres.inspector(sizes);
  const log: string[] = [];
  const statements: (Statement | StreamedStatement)[] = [];
  const results = new Map<number, StatementResult>();
  let text = "";
  let forwarded = 0;
  const gate = {
    forward: (bytes: Uint8Array) => {
      forwarded += bytes.length;
      log.push(`forward ${bytes.length}`);
    },
    statement: (statement: Statement) => {
      statements.push(statement);
      log.push(`statement ${statement.id}`);
    },
    begin: (statement: StreamedStatement, piece: string) => {
      statements.push(statement);
      text = piece;
      log.push(`begin ${statement.id} ${piece.length}`);
    },
    more: (piece: string) => {
      text += piece;
      log.push(`more ${piece.length}`);
    },
    whole: ({ id }: StreamedStatement, print: string) => log.push(`whole ${id} ${print}`),
    goodbye: () => {},
    answer: () => {},
    refused: () => {},
    replied: () => {},
  };
  const tap = {
    forward: () => {},
    result: (id: number, result: StatementResult) => {
      ok(!results.has(id), "a second result");
      results.set(id, result);
    },
    lateStatement: () => log.push("late"),
    idle: () => log.push("idle"),
    ...unsaid,
  };
  return {
    log,
    statements,
    results,
    text: () => text,
    forwarded: () => forwarded,
    outcome: (id: number) => results.get(id)?.outcome,
    client: (...parts: Uint8Array[]) => inspector.client(concat(parts), gate),
    server: (...parts: Uint8Array[]) => inspector.server(concat(parts), tap),
    close: () => inspector.close(tap),
  };
}

const wire = (code: string) => (thrown: unknown) =>
  thrown instanceof WireError && thrown.code === code;
const tiny = { wholeMax: 10, piece: 8, lag: 3 };

Deno.test("a statement up to a megabyte is told whole, a longer one in pieces", () => {
  const s = session();
  const { length } = query("");
  s.client(query("x".repeat(MIB - 1)));
  deepStrictEqual(s.log, ["statement 1", `forward ${MIB - 1 + length}`]);
  const text = `select '${"é".repeat(MIB)}'`;
  s.client(query(text));
  strictEqual(s.text(), text);
  ok(s.log.filter((line) => line.startsWith("more")).length >= 9);
});

Deno.test("each piece is told before its bytes go on, the end of it with the next", () => {
  const s = session(tiny);
  const bytes = query("select 1, 22, 333");
  for (const byte of bytes) s.client(Uint8Array.of(byte));
  deepStrictEqual(s.log, [
    "forward 5",
    "begin 1 8",
    "forward 5",
    "more 8",
    ...["forward 3", "forward 5"],
    ...["more 1", `whole 1 ${fingerprint("select 1, 22, 333")}`],
    ...["forward 3", "forward 2"],
  ]);
  strictEqual(s.forwarded(), bytes.length);
  s.server(complete("SELECT 1"), ready());
  strictEqual(s.outcome(1), "done");
});

Deno.test("a long statement's fingerprint is that of a shorter one of its shape", () => {
  const s = session();
  const of = (count: number) => `insert into t values ${"(1, 'a'),".repeat(count)} (2, 'b')`;
  s.client(query(of(2 * MIB / 9)));
  match(s.log.find((line) => line.startsWith("whole")) ?? "", new RegExp(fingerprint(of(10_000))));
});

Deno.test("a session that ends within a long statement leaves it truncated", () => {
  const s = session(tiny);
  s.client(query("select 1"), query("select 1, 22, 333").subarray(0, 16));
  s.server(complete("SELECT 1"), ready());
  s.close();
  deepStrictEqual([...s.results].map(([id, { outcome }]) => [id, outcome]), [
    [1, "done"],
    [2, "truncated"],
  ]);
});

Deno.test("a long Parse is a statement of its own, and what runs it refers to it", () => {
  const s = session(tiny);
  s.client(parse("a", "select $1, $2::text", [23]), bind("", "a", [i32(7)], [1]), execute(), sync);
  const [prepare, executed] = s.statements;
  strictEqual(prepare?.command, "prepare");
  strictEqual(prepare.statementName, "a");
  strictEqual(s.text(), "select $1, $2::text");
  ok(executed !== undefined && "textOf" in executed);
  strictEqual(executed.textOf, prepare);
  strictEqual(executed.text, "");
  strictEqual(executed.fingerprint, fingerprint("select $1, $2::text"));
  deepStrictEqual(executed.parameters, [{ type: "int4", value: "7", encoding: "text" }]);
  s.server(parseComplete, bindComplete, complete("SELECT 1"), ready());
  deepStrictEqual([s.outcome(1), s.outcome(2)], ["done", "done"]);
});

Deno.test("a long Parse that fails, or is skipped, says so once", () => {
  const s = session(tiny);
  s.client(parse("", "selec 1, 22, 333"), bind("", ""), execute(), sync);
  s.server(error("42601", "no"), ready());
  deepStrictEqual([s.outcome(1), s.outcome(2)], ["parse_error", "parse_error"]);
  s.client(run("no"), parse("b", "select 1, 22, 333"), sync);
  s.server(error("42601", "no"), ready());
  deepStrictEqual([s.outcome(3), s.outcome(4)], ["parse_error", "skipped"]);
  ok(!s.log.includes("late"));
  s.client(parse("c", "select 1, 22, 333"), sync);
  s.close();
  strictEqual(s.outcome(5), "unknown");
});

const broken: readonly [string, Uint8Array, string][] = [
  ["a Query without its NUL", message("Q", "select 1, 22, 333"), "malformed"],
  ["a Query with a NUL inside", message("Q", "select 1, 22\0 333\0"), "malformed"],
  ["a Parse without an end", message("P", "a\0", "select 1, 22, 333"), "malformed"],
  ["a Parse of a name alone", message("P", "a".repeat(20)), "malformed"],
  ["a Parse with half a type", message("P", "\0", "select 1, 22\0", i16(2), i32(1)), "malformed"],
  ["a Parse with a type too many", message("P", "\0select 1, 22\0", i16(0), i32(1)), "malformed"],
  ["a Parse with an endless name", message("P", "a".repeat(20_000), "\0x\0", i16(0)), "oversize"],
];
for (const [name, bytes, code] of broken) {
  Deno.test(`in pieces too, the client may not send ${name}`, () => {
    const s = session(tiny);
    throws(() => s.client(bytes), wire(code));
    ok(s.forwarded() < bytes.length, "the end of it went on");
    s.close();
    for (const { id } of s.statements) strictEqual(s.outcome(id), "truncated");
  });
}

Deno.test("text in another encoding loses nothing in pieces either", () => {
  const s = session({ ...tiny, piece: 16 });
  const all = Uint8Array.from({ length: 255 }, (_, at) => at + 1);
  s.client(query(all));
  deepStrictEqual(Array.from(s.text(), (c) => c.charCodeAt(0)), [...all]);
});

Deno.test("a character that is cut in two stays one", () => {
  for (const text of ["äöüäöüäöüäöü", "€uro €€€€€€€€", "𝄞𝄞 𝄞𝄞𝄞𝄞𝄞𝄞", "a𝄞é€𝄞é€𝄞é€"]) {
    for (const piece of [5, 6, 7, 8]) {
      const s = session({ wholeMax: 10, piece, lag: 3 });
      s.client(query(text));
      strictEqual(s.text(), text);
    }
  }
});

Deno.test("a Query of 256 MiB passes in bounded memory", () => {
  const s = session();
  const chunk = new Uint8Array(64 * 1024).fill(0x61);
  const count = 256 * 16;
  const forwardedMax = 2 * streamSizes.piece;
  let text = 0;
  let told = 0;
  let passed = 0;
  const inspector = postgres.inspector();
  const gate = {
    forward: (bytes: Uint8Array) => {
      passed += bytes.length;
      ok(bytes.length <= forwardedMax);
      ok(passed <= told + 5, "went on before it was told");
    },
    statement: () => {},
    begin: (_: StreamedStatement, piece: string) => (text = told = piece.length),
    more: (piece: string) => (text = told += piece.length),
    whole: () => (told += 1),
    goodbye: () => {},
    answer: () => {},
    refused: () => {},
    replied: () => {},
  };
  inspector.client(concat([Uint8Array.of(0x51), i32(4 + count * chunk.length + 1)]), gate);
  let grown = 0;
  const before = Deno.memoryUsage();
  for (let at = 0; at < count; at++) {
    inspector.client(chunk, gate);
    const { heapUsed, external } = Deno.memoryUsage();
    grown = Math.max(grown, heapUsed + external - before.heapUsed - before.external);
  }
  inspector.client(Uint8Array.of(0), gate);
  strictEqual(text, count * chunk.length);
  strictEqual(passed, count * chunk.length + 6);
  ok(grown < 64 * MIB, `grew by ${grown}`);
  s.close();
});

Deno.test("long prepared statements are bounded by what the record keeps of each", () => {
  const s = session(tiny);
  throws(() => {
    for (let at = 0; at < 5000; at++) {
      s.client(parse(`s${at}`, "select 1, 22, 333"), sync);
      s.server(parseComplete, ready());
    }
  }, wire("oversize"));
  ok(s.statements.length > 3000);
});

Deno.test("a FunctionCall of 64 MiB passes as it comes, and is told before its end", () => {
  const s = session();
  const value = new Uint8Array(64 * MIB);
  const bytes = message("F", i32(955), i16(1), i16(1), i16(2), i32(4), i32(3));
  const head = concat([bytes.subarray(5), i32(value.length)]);
  s.client(concat([Uint8Array.of(0x46), i32(4 + head.length + value.length + 2), head]));
  for (let at = 0; at < value.length; at += MIB) s.client(value.subarray(at, at + MIB));
  strictEqual(s.statements.length, 0);
  const before = s.log.length;
  s.client(i16(1));
  deepStrictEqual(s.log.slice(before), ["statement 1", "forward 2"]);
  const statement = s.statements.at(0);
  strictEqual(statement?.parameters[1]?.bytes, value.length);
  strictEqual(statement.parameters[0]?.value, "3");
});
