import assert from "node:assert/strict";
import { loginOf, queryOf } from "../../tests/fakes/audit_events.ts";
import { MemoryFiles } from "../../tests/fakes/audit_files.ts";
import { linesOf, openTestLog, setLines } from "../../tests/fakes/audit_log.ts";
import { Fault } from "../core/fault.ts";
import { parseObject } from "./chain.ts";
import { searchLog, type SearchQuery } from "./search.ts";

const agent = { host: "agent-1", origins: ["db"] } as const;

/** Two days: 40 logins of alice and bob in turn, and 5 statements. */
async function sample(): Promise<MemoryFiles> {
  const { log, options } = await openTestLog({ checkpointMs: 3_600_000_000 });
  for (let n = 0; n < 40; n += 1) {
    if (n === 20) options.clock.advance(24 * 3_600_000);
    await log.emit(loginOf(n, n % 2 === 0 ? "alice" : "bob"));
  }
  const statements = [1, 2, 3, 4, 5].map((n) => queryOf(100 + n, `SELECT 'Ärger ${n}'`));
  await log.append(agent, {
    spool: "s",
    first: 1,
    events: statements.map((event) => JSON.stringify(event)),
  });
  await log.close();
  return options.files;
}

async function all(files: MemoryFiles, query: Partial<SearchQuery>): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await searchLog(files, { limit: 7, order: "oldest", ...query, cursor });
    assert.ok(page.events.length <= (query.limit ?? 7));
    found.push(...page.events);
    if (page.cursor === null) return found;
    cursor = page.cursor;
  }
}

function numbers(lines: readonly string[]): unknown[] {
  return lines.map((line) => parseObject(line)?.ei);
}

Deno.test("pages join to all events, oldest or newest first, as stored", async () => {
  const files = await sample();
  const stored = [...linesOf(files, "2026-01-02.ndjson"), ...linesOf(files, "2026-01-03.ndjson")];
  assert.deepEqual(await all(files, {}), stored);
  assert.deepEqual(await all(files, { order: "newest" }), stored.toReversed());
  assert.deepEqual(await all(files, { limit: 1 }), stored);
});

Deno.test("filters hold together", async () => {
  const files = await sample();
  const bobs = await all(files, { user: "bob" });
  assert.deepEqual(numbers(bobs), Array.from({ length: 20 }, (_, index) => index * 2 + 1));
  assert.equal((await all(files, { user: "bo" })).length, 0);
  assert.equal((await all(files, { events: ["db.session.query"] })).length, 5);
  assert.equal((await all(files, { events: ["T1000I"], user: "alice" })).length, 20);
  assert.equal((await all(files, { database: "orders" })).length, 5);
  assert.equal((await all(files, { session: "6f1c1f0e-97f6-4d6c-8f0f-6d8a1e2b3c4d" })).length, 5);
  assert.deepEqual(numbers(await all(files, { text: "ärger 3" })), [103]);
});

Deno.test("times are those of the events, also of events that came late", async () => {
  const files = await sample();
  const from = "2026-01-02T03:04:05.030Z";
  const to = "2026-01-02T03:04:05.102Z";
  const logins = Array.from({ length: 10 }, (_, index) => index + 30);
  assert.deepEqual(numbers(await all(files, { from, to })), [...logins, 101]);
  assert.equal((await all(files, { from: "2026-01-04T00:00:00Z" })).length, 0);
  await assert.rejects(all(files, { from: "yesterday" }), Fault);
  await assert.rejects(searchLog(files, { limit: 1, order: "oldest", cursor: "../x:1" }), Fault);
});

Deno.test("a cursor stays good while the log grows", async () => {
  const files = await sample();
  const page = await searchLog(files, { limit: 44, order: "oldest" });
  const lines = linesOf(files, "2026-01-03.ndjson");
  setLines(files, "2026-01-03.ndjson", [
    ...lines,
    lines.at(-1)?.replace(/"uid":"/, '"uid":"x') ?? "",
  ]);
  const cursor = page.cursor ?? "";
  const rest = await searchLog(files, { limit: 100, order: "oldest", cursor });
  assert.equal(rest.events.length, 3);
  assert.equal(rest.cursor, null);
});

Deno.test("one statement is one event: a result replaces its beginning, twins go", async () => {
  const files = new MemoryFiles();
  const unknown = { ...queryOf(2), outcome: "unknown" };
  const lines = [
    { ...queryOf(1), outcome: "started", success: null },
    queryOf(1),
    queryOf(2),
    unknown,
    queryOf(3),
    queryOf(3),
  ];
  setLines(files, "2026-01-02.ndjson", lines.map((event) => JSON.stringify(event)));
  for (const order of ["oldest", "newest"] as const) {
    const page = await searchLog(files, { limit: 100, order });
    const outcomes = page.events.map((line) => parseObject(line)).map((e) => [e?.ei, e?.outcome]);
    outcomes.sort();
    assert.deepEqual(outcomes, [[1, "done"], [2, "done"], [3, "done"]]);
  }
});

Deno.test("a page reads a bounded part of the log and goes on from there", async () => {
  const files = new MemoryFiles();
  const filler = JSON.stringify(queryOf(1, "x".repeat(200_000)));
  const lines = Array.from({ length: 400 }, (_, n) => filler.replace("SELECT", `${n}`));
  setLines(files, "2026-01-02.ndjson", [...lines, JSON.stringify(queryOf(7, "needle"))]);
  const page = await searchLog(files, { limit: 10, order: "oldest", text: "needle" });
  assert.equal(page.events.length, 0);
  assert.notEqual(page.cursor, null);
  assert.equal((await all(files, { text: "needle" })).length, 1);
});
