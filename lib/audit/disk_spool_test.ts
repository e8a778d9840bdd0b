import assert from "node:assert/strict";
import {
  endOf,
  intentOf,
  resultOf,
  sessionContext,
  uidOf,
} from "../../tests/fakes/audit_events.ts";
import { MemoryFiles } from "../../tests/fakes/audit_files.ts";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import type { Fault } from "../core/fault.ts";
import { type DiskSpool, openSpool, type SpoolOptions } from "./disk_spool.ts";
import type { AuditMode } from "./spool.ts";

let seed = 0;

interface Setup {
  readonly spool: DiskSpool;
  readonly files: MemoryFiles;
  readonly clock: SteppingClock;
}

async function setUp(files = new MemoryFiles(), more: Partial<SpoolOptions> = {}): Promise<Setup> {
  const clock = new SteppingClock();
  const random = new SeededRandom(++seed);
  const spool = await openSpool({ files, clock, random, log: new RecordingLog(), ...more });
  return { spool, files, clock };
}

function settle(spool: DiskSpool, mode: AuditMode): Promise<Fault | null> {
  return new Promise((resolve) => spool.settle(mode, resolve));
}

interface Seen {
  readonly event: string;
  readonly uid: string;
  readonly outcome?: string;
}

/** All that would be shipped, in order; checks that sequence numbers have no gap. */
async function shipped(spool: DiskSpool): Promise<Seen[]> {
  const seen: Seen[] = [];
  let place = spool.firstPlace();
  const next = new Map<string, number>();
  for (;;) {
    const batch = await spool.read(place, 1 << 16, 100);
    if (batch === null) return seen;
    assert.equal(batch.first, next.get(batch.spool) ?? batch.first);
    next.set(batch.spool, batch.first + batch.events.length);
    for (const json of batch.events) seen.push(JSON.parse(json));
    place = batch.next;
  }
}

Deno.test("settle('strict') calls back in this tick, after one write for all", async () => {
  const { spool, files } = await setUp();
  const before = files.writes;
  const calls: (Fault | null)[] = [];
  spool.intent(intentOf(1), sessionContext);
  spool.settle("strict", (fault) => calls.push(fault));
  spool.intent(intentOf(2), sessionContext);
  spool.settle("strict", (fault) => calls.push(fault));
  assert.equal(calls.length, 0);
  await Promise.resolve();
  assert.deepEqual(calls, [null, null]);
  assert.equal(files.writes - before, 1);
  await spool.close();
});

Deno.test("settle('durable') waits for fsync, and fails where it fails", async () => {
  const { spool, files } = await setUp();
  const before = files.syncs;
  spool.intent(intentOf(1), sessionContext);
  assert.equal(await settle(spool, "durable"), null);
  assert.ok(files.syncs > before);
  files.syncError = new Error("EIO");
  spool.intent(intentOf(2), sessionContext);
  assert.equal((await settle(spool, "durable"))?.code, "audit.spool-full");
  await spool.close();
});

Deno.test("intent and result are shipped as one event, in order", async () => {
  const { spool } = await setUp();
  for (const n of [1, 2, 3]) spool.intent(intentOf(n), sessionContext);
  for (const n of [1, 2, 3]) spool.result(resultOf(n), sessionContext);
  spool.event(endOf(4));
  const seen = await shipped(spool);
  assert.deepEqual(seen.map((each) => each.uid), [1, 2, 3, 4].map(uidOf));
  assert.deepEqual(seen.map((each) => each.outcome), ["done", "done", "done", undefined]);
  assert.equal(spool.health.openIntents, 0);
  await spool.close();
});

Deno.test("after a kill, a statement without result is shipped as unknown, once", async () => {
  const { spool, files } = await setUp();
  spool.intent(intentOf(1), sessionContext);
  spool.intent(intentOf(2), sessionContext);
  spool.result(resultOf(1), sessionContext);
  await settle(spool, "strict");
  let left = files.copy();
  await spool.close();
  for (let again = 0; again < 3; again += 1) {
    const next = await setUp(left);
    const queries = (await shipped(next.spool)).filter((e) => e.event === "db.session.query");
    assert.deepEqual(queries.map((e) => [e.uid, e.outcome]), [
      [uidOf(1), "done"],
      [uidOf(2), "unknown"],
    ]);
    left = next.files.copy();
    await next.spool.close();
  }
});

Deno.test("cut at every byte, all whole records are kept and the next run works", async () => {
  const { spool, files } = await setUp();
  const ends: number[] = [];
  const name = [...files.contents.keys()][0] ?? "";
  const size = () => files.contents.get(name)?.length ?? 0;
  for (let n = 0; n < 6; n += 1) {
    if (n % 2 === 0) spool.event(endOf(n));
    else spool.intent(intentOf(n, "SELECT 'é'"), sessionContext);
    await settle(spool, "strict");
    ends.push(size());
  }
  const whole = files.contents.get(name) ?? new Uint8Array();
  await spool.close();
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const left = new MemoryFiles();
    left.contents.set(name, whole.slice(0, cut));
    const next = await setUp(left);
    const uids = (await shipped(next.spool)).map((each) => each.uid);
    for (const [n, end] of ends.entries()) {
      const times = uids.filter((uid) => uid === uidOf(n)).length;
      assert.equal(times, end <= cut ? 1 : 0, `cut at ${cut}: event ${n}`);
    }
    await next.spool.close();
  }
});

Deno.test("a changed byte is noticed and never shipped", async () => {
  const { spool, files } = await setUp();
  spool.event(endOf(1));
  spool.event(endOf(2));
  await settle(spool, "strict");
  const left = files.copy();
  await spool.close();
  const bytes = [...left.contents.values()][0] ?? new Uint8Array();
  bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1;
  const next = await setUp(left);
  const seen = (await shipped(next.spool)).filter((each) => each.event === "db.session.end");
  assert.deepEqual(seen.map((each) => each.uid), [uidOf(1)]);
  await next.spool.close();
});

Deno.test("segments go once acknowledged, numbers go on", async () => {
  const { spool, files } = await setUp(undefined, { segmentBytes: 2000 });
  let high = 0;
  let place = spool.firstPlace();
  for (let round = 0; round < 10; round += 1) {
    for (let n = 0; n < 20; n += 1) spool.event(endOf(round * 20 + n));
    await settle(spool, "strict");
    for (;;) {
      const batch = await spool.read(place, 1 << 20, 1000);
      if (batch === null) break;
      assert.equal(batch.first, high + 1);
      high += batch.events.length;
      place = batch.next;
      await spool.acknowledged(batch.spool, high);
    }
  }
  assert.ok(files.contents.size <= 2);
  assert.equal(high, 200);
  assert.equal(spool.health.unshipped, 0);
  await spool.close();
});

Deno.test("results that come while their segment is read and ended are shipped", async () => {
  const { spool, files } = await setUp(undefined, { segmentBytes: 4000 });
  const count = 20;
  for (let n = 0; n < count; n += 1) spool.intent(intentOf(n), sessionContext);
  await settle(spool, "strict");
  const place = spool.firstPlace();
  files.reading = () => {
    files.reading = () => {};
    for (let n = 0; n < count; n += 1) spool.result(resultOf(n), sessionContext);
    spool.settle("strict", () => {
      spool.event(endOf(count));
      spool.settle("strict", () => {});
    });
  };
  assert.equal(await spool.read(place, 1 << 20, 1000), null);
  await settle(spool, "strict");
  assert.ok(files.contents.size > 1);
  const seen = await shipped(spool);
  assert.deepEqual(
    seen.map(({ uid }) => uid),
    Array.from({ length: count + 1 }, (_, n) => uidOf(n)),
  );
  await spool.close();
});

Deno.test("a statement open for 30 s is shipped as started and lets old segments go", async () => {
  const { spool, files, clock } = await setUp(undefined, { segmentBytes: 2000 });
  spool.intent(intentOf(1, "LISTEN x"), sessionContext);
  await settle(spool, "strict");
  for (let n = 10; n < 40; n += 1) {
    spool.event(endOf(n));
    await settle(spool, "strict");
  }
  const seen = await shipped(spool);
  assert.equal(seen.length, 30);
  const segments = files.contents.size;
  await clock.step(32_000);
  const later = await shipped(spool);
  assert.deepEqual(later.at(-1)?.outcome, "started");
  assert.equal(later.length, 31);
  const batch = await spool.read(spool.firstPlace(), 1 << 20, 1000);
  await spool.acknowledged(batch?.spool ?? "", 31);
  assert.ok(files.contents.size < segments);
  const killed = await setUp(files.copy());
  assert.equal(
    (await shipped(killed.spool)).findLast((e) => e.uid === uidOf(1))?.outcome,
    "unknown",
  );
  await killed.spool.close();
  spool.result(resultOf(1), sessionContext);
  await settle(spool, "strict");
  assert.equal(spool.health.openIntents, 0);
  await spool.close();
});

Deno.test("a full disk gives a fault, keeps results, and is over when there is room", async () => {
  const { spool, files, clock } = await setUp();
  spool.intent(intentOf(1), sessionContext);
  assert.equal(await settle(spool, "strict"), null);
  files.roomBytes = files.bytes + 100;
  spool.intent(intentOf(2), sessionContext);
  const fault = await settle(spool, "strict");
  assert.equal(fault?.kind, "limit");
  assert.equal(fault?.code, "audit.spool-full");
  assert.equal(spool.fault, fault);
  assert.equal(spool.health.full, true);
  spool.result(resultOf(1), sessionContext);
  await clock.step(5000);
  assert.equal(spool.health.full, true);
  files.roomBytes = Infinity;
  await clock.step(1100);
  assert.equal(spool.fault, null);
  const seen = await shipped(spool);
  assert.deepEqual(seen.map((each) => each.outcome ?? each.event), [
    "audit.spool.full",
    "done",
    "audit.spool.recovered",
  ]);
  assert.equal(spool.health.openIntents, 0);
  await spool.close();
});

Deno.test("the limit refuses new statements, takes results, ends with shipping", async () => {
  const { spool } = await setUp(undefined, { segmentBytes: 4000, limitBytes: 20_000 });
  let n = 0;
  while (await settle(spool, "strict") === null) spool.event(endOf(n++));
  spool.intent(intentOf(1000), sessionContext);
  assert.equal((await settle(spool, "strict"))?.code, "audit.spool-full");
  spool.event(endOf(n++));
  await settle(spool, "strict");
  assert.equal(spool.health.openIntents, 0);
  const batch = await spool.read(spool.firstPlace(), 1 << 20, 1000);
  await spool.acknowledged(
    batch?.spool ?? "",
    (batch?.first ?? 0) + (batch?.events.length ?? 0) - 1,
  );
  spool.intent(intentOf(1001), sessionContext);
  await settle(spool, "strict");
  assert.equal(spool.fault, null);
  await spool.close();
});

Deno.test("a spool that one statement filled recovers once that is shipped", async () => {
  const { spool, clock } = await setUp(undefined, { limitBytes: 400_000 });
  spool.result(resultOf(1, "x".repeat(390_000)), sessionContext);
  await settle(spool, "strict");
  spool.result(resultOf(2, "y".repeat(30_000)), sessionContext);
  assert.equal((await settle(spool, "strict"))?.code, "audit.spool-full");
  for (let place = spool.firstPlace();;) {
    const batch = await spool.read(place, 1 << 20, 1000);
    if (batch === null) break;
    await spool.acknowledged(batch.spool, batch.first + batch.events.length - 1);
    place = batch.next;
  }
  await clock.step(1100);
  assert.equal(spool.fault, null);
  await spool.close();
});

Deno.test("a disk that stays full costs bounded memory and counts what is lost", async () => {
  const { spool, files } = await setUp();
  files.roomBytes = 0;
  const text = "x".repeat(50_000);
  for (let n = 0; n < 200; n += 1) spool.result(resultOf(n, text), sessionContext);
  await settled();
  assert.ok(spool.health.lost > 50);
  await spool.close();
});

Deno.test("a long statement is recorded whole, in linked parts", async () => {
  const { spool } = await setUp();
  const text = "é€".repeat(150_000);
  spool.intent(intentOf(1, text), sessionContext);
  spool.result(resultOf(1, text), sessionContext);
  assert.equal(await settle(spool, "strict"), null);
  assert.equal(spool.health.openIntents, 0);
  const parts: {
    uid: string;
    db_query: string;
    part: { of: string; index: number; count: number };
  }[] = [];
  let place = spool.firstPlace();
  for (;;) {
    const batch = await spool.read(place, 1 << 16, 100);
    if (batch === null) break;
    for (const json of batch.events) parts.push(JSON.parse(json));
    place = batch.next;
  }
  assert.equal(parts.map((each) => each.db_query).join(""), text);
  assert.deepEqual(parts.map((each) => each.part.index), parts.map((_, index) => index));
  assert.ok(parts.every((each) => each.part.of === uidOf(1) && each.part.count === parts.length));
  assert.equal(new Set(parts.map((each) => each.uid)).size, parts.length);
  await spool.close();
});

Deno.test("20,000 statements with intent and result take seconds at most", async () => {
  const { spool } = await setUp();
  const began = performance.now();
  for (let n = 0; n < 20_000; n += 1) {
    spool.intent(intentOf(n), sessionContext);
    if (n % 4 === 0) await settle(spool, "strict");
    spool.result(resultOf(n), sessionContext);
  }
  await settle(spool, "strict");
  const took = performance.now() - began;
  assert.ok(took < 5000, `${took} ms`);
  assert.equal((await shipped(spool)).length, 20_000);
  await spool.close();
});

Deno.test("what waits for room gets it from shipping, or when nothing is shipped", async () => {
  const { spool, clock } = await setUp(undefined, { segmentBytes: 10_000, limitBytes: 100_000 });
  let given = 0;
  const ask = () => spool.room(() => given += 1);
  ask();
  assert.equal(given, 1);
  const fill = async () => {
    for (let n = 0; n < 8; n += 1) {
      spool.result(resultOf(n, "x".repeat(9000)), sessionContext);
      await settle(spool, "strict");
    }
  };
  await fill();
  ask();
  await clock.step(3000);
  assert.equal(given, 1);
  for (let place = spool.firstPlace();;) {
    const batch = await spool.read(place, 1 << 14, 1);
    if (batch === null) break;
    await spool.acknowledged(batch.spool, batch.first);
    place = batch.next;
    if (spool.health.bytes > 50_000) assert.equal(given, 1);
  }
  assert.equal(given, 2);
  await fill();
  ask();
  await clock.step(4000);
  assert.equal(given, 2);
  await clock.step(2100);
  assert.equal(given, 3);
  await spool.close();
});
