import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { intentOf, resultOf, sessionContext, uidOf } from "../../tests/fakes/audit_events.ts";
import { MemoryFiles } from "../../tests/fakes/audit_files.ts";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { sha256Stream } from "../sys/hash.ts";
import type { QueryEvent } from "./catalog.ts";
import { joinContext } from "./context.ts";
import { type DiskSpool, openSpool } from "./disk_spool.ts";
import { scanRecords } from "./frame.ts";
import { admit } from "./inbox.ts";
import { startCharactersMax, StreamedQuery } from "./streamed_query.ts";

let seed = 100;

async function open(files = new MemoryFiles(), clock = new SteppingClock()): Promise<DiskSpool> {
  const random = new SeededRandom(++seed);
  const segmentBytes = 256 * 1024;
  return await openSpool({ files, clock, random, log: new RecordingLog(), segmentBytes });
}

const strict = (spool: DiskSpool) =>
  new Promise<void>((resolve, reject) =>
    spool.settle("strict", (fault) => fault === null ? resolve() : reject(fault))
  );

/** All that is shipped from `spool`, of one statement, checked by the catalogue. */
async function shipped(spool: DiskSpool): Promise<QueryEvent[]> {
  const events: QueryEvent[] = [];
  let place = spool.firstPlace();
  for (;;) {
    const batch = await spool.read(place, 1 << 20, 100);
    if (batch === null) return events.filter((event) => event.event === "db.session.query");
    for (const [index, json] of batch.events.entries()) {
      const context = batch.contexts[batch.context_of[index] ?? -1] ?? null;
      const fields = context === null ? null : JSON.parse(context);
      const admission = admit(json, fields, { host: "h", origins: ["db"] });
      assert.ok(admission.ok, admission.ok ? "" : admission.why);
      events.push(JSON.parse(joinContext(json, context)));
    }
    place = batch.next;
  }
}

/** The parts in their order, of part 0 the newest. */
function joined(events: readonly QueryEvent[]): { first: QueryEvent; text: string } {
  const parts = new Map(events.map((event) => [event.part?.index ?? -1, event]));
  const first = parts.get(0);
  assert.ok(first?.part !== undefined);
  assert.equal(parts.size, first.part.count);
  assert.ok(events.every((event) => event.part?.of === uidOf(1)));
  const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, event]) => event);
  assert.deepEqual(inOrder.map(({ part }) => part?.index), inOrder.map((_, index) => index));
  return { first, text: inOrder.map((event) => event.db_query).join("") };
}

function begin(spool: DiskSpool): StreamedQuery {
  return new StreamedQuery({
    spool,
    context: sessionContext,
    intent: intentOf(1, ""),
    hash: sha256Stream,
  });
}

/** A text of `count` lines that holds characters of every length in UTF-8. */
const lines = (count: number) =>
  Array.from({ length: count }, (_, at) => `insert into t values (${at}, 'é€𝄞\u0001');\n`)
    .join("");

function give(query: StreamedQuery, text: string, size: number): void {
  for (let at = 0; at < text.length; at += size) query.push(text.slice(at, at + size));
}

Deno.test("the parts of a text that came in pieces join to it, and its hash is right", async () => {
  const spool = await open();
  const text = lines(40_000);
  const query = begin(spool);
  give(query, text, 100_001);
  query.end();
  query.result(resultOf(1, ""));
  await strict(spool);
  const { first, text: found } = joined(await shipped(spool));
  assert.equal(found, text);
  const utf8 = new TextEncoder().encode(text);
  const sha256 = createHash("sha256").update(utf8).digest("hex");
  assert.deepEqual(first.full_text, { of: uidOf(1), bytes: utf8.length, sha256 });
  assert.equal(first.uid, uidOf(1));
  assert.equal(first.outcome, "done");
  assert.equal(first.mark, undefined);
  assert.ok(first.db_query.length >= startCharactersMax - 1);
  assert.equal(query.start, first.db_query);
  assert.equal(spool.health.openIntents, 0);
  await spool.close();
});

Deno.test("a text of any pieces, however small, is there whole", async () => {
  const text = lines(300);
  for (const size of [1, 7, 4095, 4096, 4097, text.length]) {
    const spool = await open();
    const query = begin(spool);
    give(query, text, size);
    query.end();
    query.result(resultOf(1, ""));
    assert.equal(joined(await shipped(spool)).text, text);
    await spool.close();
  }
});

Deno.test("what was pushed and settled survives a kill, marked as truncated", async () => {
  const files = new MemoryFiles();
  const spool = await open(files);
  const query = begin(spool);
  const text = lines(20_000);
  give(query, text, 150_000);
  await strict(spool);
  let left = files.copy();
  await spool.close();
  for (let again = 0; again < 2; again += 1) {
    const next = await open(left);
    const { first, text: found } = joined(await shipped(next));
    assert.ok(text.startsWith(found));
    assert.ok(text.length - found.length <= 1024, "more is missing than may be held back");
    assert.deepEqual([first.outcome, first.success, first.mark], ["unknown", null, "truncated"]);
    assert.equal(first.full_text, undefined);
    left = left.copy();
    await next.close();
  }
});

Deno.test("killed after its text was whole, a statement is unknown and not truncated", async () => {
  const files = new MemoryFiles();
  const spool = await open(files);
  const query = begin(spool);
  const text = lines(20_000);
  give(query, text, 150_000);
  query.end();
  await strict(spool);
  const left = files.copy();
  await spool.close();
  const next = await open(left);
  const { first, text: found } = joined(await shipped(next));
  assert.equal(found, text);
  assert.deepEqual([first.outcome, first.mark], ["unknown", undefined]);
  assert.deepEqual(first.full_text, query.fullText);
  await next.close();
});

Deno.test("cut at any record, the parts that are there are all that part 0 counts", async () => {
  const files = new MemoryFiles();
  const spool = await open(files);
  const query = begin(spool);
  const text = lines(3000);
  give(query, text, 20_000);
  await strict(spool);
  await spool.close();
  const [name = ""] = [...files.contents.keys()].sort();
  const whole = files.contents.get(name) ?? new Uint8Array();
  const ends = [...scanRecords(whole)].map(({ offset, length }) => offset + length);
  assert.ok(ends.length > 5);
  // The first two are the segment's header and the session's context.
  for (const end of ends.slice(2)) {
    for (const cut of [end, end - 1]) {
      const left = new MemoryFiles();
      left.contents.set(name, whole.slice(0, cut));
      const next = await open(left);
      const events = await shipped(next);
      if (events.length > 0) assert.ok(text.startsWith(joined(events).text));
      else assert.ok(cut < (ends[2] ?? 0), "a record was not used");
      await next.close();
    }
  }
});

Deno.test("a text that ended early is recorded to its last character", async () => {
  const spool = await open();
  const query = begin(spool);
  const text = `${lines(10_000)}select 'half`;
  give(query, text, 150_000);
  query.result({ ...resultOf(1, ""), outcome: "unknown", success: null, mark: "truncated" });
  const { first, text: found } = joined(await shipped(spool));
  assert.equal(found, text);
  assert.equal(first.mark, "truncated");
  assert.equal(first.full_text, undefined);
  await spool.close();
});

Deno.test("segments whose parts are acknowledged go while the text still comes", async () => {
  const files = new MemoryFiles();
  const spool = await open(files);
  const query = begin(spool);
  let place = spool.firstPlace();
  const events: QueryEvent[] = [];
  const text = lines(30_000);
  for (let at = 0; at < text.length; at += 200_000) {
    query.push(text.slice(at, at + 200_000));
    await strict(spool);
    const batch = await spool.read(place, 8 << 20, 1000);
    if (batch === null) continue;
    for (const json of batch.events) events.push(JSON.parse(json));
    place = batch.next;
    await spool.acknowledged(batch.spool, batch.first + batch.events.length - 1);
    assert.ok(spool.health.segments <= 3, `${spool.health.segments} segments`);
  }
  // What is left after a kill still knows all parts there were.
  const left = files.copy();
  await spool.close();
  const next = await open(left);
  const rest = await shipped(next);
  const seen = new Set(events.map(({ uid }) => uid));
  const { first, text: found } = joined([...events, ...rest.filter(({ uid }) => !seen.has(uid))]);
  assert.equal(first.outcome, "unknown");
  assert.ok(text.startsWith(found) && text.length - found.length <= 1024);
  await next.close();
});

Deno.test("a text that comes for minutes is started once; the newest intent counts", async () => {
  const files = new MemoryFiles();
  const clock = new SteppingClock();
  const spool = await open(files, clock);
  const query = begin(spool);
  const piece = lines(5000);
  for (let round = 0; round < 100; round += 1) {
    query.push(piece);
    // Carrying reads the disk while the next piece comes.
    clock.advance(1000);
  }
  await clock.step(2000);
  const left = files.copy();
  query.end();
  query.result(resultOf(1, ""));
  const events = await shipped(spool);
  assert.equal(events.filter(({ outcome }) => outcome === "started").length, 1);
  assert.equal(joined(events).text, piece.repeat(100));
  assert.equal(joined(events).first.outcome, "done");
  await spool.close();
  const next = await open(left);
  const { first, text } = joined(await shipped(next));
  assert.deepEqual([first.outcome, first.mark], ["unknown", "truncated"]);
  assert.ok(piece.repeat(100).length - text.length <= 1024);
  await next.close();
});

Deno.test("a secret that comes in two pieces is in none", async () => {
  const padding = "/* it's */ ".repeat(30_000);
  const text = `${padding}alter role x password 'planted-7f3a'; ${padding}`;
  const at = text.indexOf("planted");
  for (const cut of [at - 12, at - 5, at - 1, at, at + 3, at + 12, at + 13]) {
    const spool = await open();
    const query = begin(spool);
    query.push(text.slice(0, cut));
    query.push(text.slice(cut));
    query.end();
    query.result(resultOf(1, ""));
    assert.equal(joined(await shipped(spool)).text, text.replace("planted-7f3a", "***"));
    await spool.close();
  }
});

Deno.test("parameters that are secrets by their place are known after the text", async () => {
  const spool = await open();
  const query = begin(spool);
  query.push("update users set pass");
  query.push("word = $2 where id = $1");
  query.end();
  assert.deepEqual([...query.secrets], [2]);
  query.result(resultOf(1, ""));
  await spool.close();
});
