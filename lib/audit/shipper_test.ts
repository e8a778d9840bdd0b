import assert from "node:assert/strict";
import { endOf } from "../../tests/fakes/audit_events.ts";
import { MemoryFiles } from "../../tests/fakes/audit_files.ts";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { type DiskSpool, openSpool } from "./disk_spool.ts";
import { type AppendCall, Shipper } from "./shipper.ts";

/** An Auth Service that takes events once each and can fail before or after it took them. */
class FakeAuth {
  readonly taken: string[] = [];
  readonly highs = new Map<string, number>();
  calls = 0;
  failBefore = 0;
  failAfter = 0;
  readonly append: AppendCall = ({ spool, first, events }) => {
    this.calls += 1;
    if (this.failBefore-- > 0) return Promise.reject(new Error("unreachable"));
    const high = this.highs.get(spool) ?? 0;
    assert.ok(first <= high + 1, "no gap");
    for (const [index, json] of events.entries()) {
      if (first + index <= high) continue;
      this.taken.push(json);
    }
    const reached = Math.max(high, first + events.length - 1);
    this.highs.set(spool, reached);
    if (this.failAfter-- > 0) return Promise.reject(new Error("lost answer"));
    return Promise.resolve(reached);
  };
}

async function setUp(auth: FakeAuth, files = new MemoryFiles(), seed = 1) {
  const clock = new SteppingClock();
  const random = new SeededRandom(seed);
  const log = new RecordingLog();
  const spool = await openSpool({ files, clock, random, log, segmentBytes: 5000 });
  const start = () =>
    new Shipper({ spool, append: auth.append, clock, random, log, batchEvents: 7 });
  return { spool, clock, log, start, files };
}

function numbers(auth: FakeAuth): number[] {
  return auth.taken.map((json) => JSON.parse(json).ei);
}

function record(spool: DiskSpool, from: number, count: number): number[] {
  const all = Array.from({ length: count }, (_, index) => from + index);
  for (const n of all) spool.event(endOf(n));
  return all;
}

Deno.test("events arrive in order, also when answers and calls are lost", async () => {
  const auth = new FakeAuth();
  const { spool, clock, log, start } = await setUp(auth);
  const all = record(spool, 0, 100);
  auth.failBefore = 3;
  auth.failAfter = 6;
  const shipper = start();
  await clock.step(60_000);
  assert.deepEqual(numbers(auth), all);
  assert.equal(shipper.health.fault, null);
  assert.equal(shipper.health.shipped, 100);
  assert.equal(spool.health.unshipped, 0);
  assert.equal(log.lines.filter((line) => line.startsWith("warn")).length, 1);
  await shipper.stop();
  await spool.close();
});

Deno.test("drained() resolves when all recorded so far is acknowledged", async () => {
  const auth = new FakeAuth();
  const { spool, start } = await setUp(auth);
  const shipper = start();
  await settled();
  record(spool, 0, 20);
  await shipper.drained(new AbortController().signal);
  assert.equal(auth.taken.length, 20);
  await shipper.stop();
  await spool.close();
});

Deno.test("drained() ends with its signal while the Auth Service is away", async () => {
  const auth = new FakeAuth();
  auth.failBefore = 1000;
  const { spool, clock, start } = await setUp(auth);
  record(spool, 0, 3);
  const shipper = start();
  const giveUp = new AbortController();
  const drained = assert.rejects(shipper.drained(giveUp.signal));
  await clock.step(10_000);
  assert.equal(shipper.health.fault?.message, "Error: unreachable");
  assert.ok(auth.calls < 20, "waits between attempts");
  giveUp.abort();
  await drained;
  await shipper.stop();
  await spool.close();
});

Deno.test("after a kill the next run sends the rest, and nothing twice", async () => {
  const auth = new FakeAuth();
  const first = await setUp(auth);
  const all = record(first.spool, 0, 50);
  const shipper = first.start();
  await settled();
  const left = first.files.copy();
  await shipper.stop();
  await first.spool.close();
  const second = await setUp(auth, left, 2);
  const more = record(second.spool, 50, 20);
  const next = second.start();
  await next.drained(new AbortController().signal);
  assert.deepEqual(numbers(auth), [...all, ...more]);
  assert.equal(second.spool.health.unshipped, 0);
  await next.stop();
  await second.spool.close();
});
