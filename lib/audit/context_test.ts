import assert from "node:assert/strict";
import { intentOf, resultOf, sessionContext } from "../../tests/fakes/audit_events.ts";
import { MemoryFiles } from "../../tests/fakes/audit_files.ts";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { EventContext, joinContext } from "./context.ts";
import { type DiskSpool, openSpool } from "./disk_spool.ts";

let seed = 500;

async function open(files: MemoryFiles, segmentBytes: number): Promise<DiskSpool> {
  const [clock, random] = [new SteppingClock(), new SeededRandom(++seed)];
  return await openSpool({ files, clock, random, log: new RecordingLog(), segmentBytes });
}

function strict(spool: DiskSpool): Promise<unknown> {
  return new Promise((resolve) => spool.settle("strict", resolve));
}

/** All that would be shipped, each event completed by its context. */
async function completed(spool: DiskSpool, maxEvents = 100): Promise<Record<string, unknown>[]> {
  const seen: Record<string, unknown>[] = [];
  let place = spool.firstPlace();
  for (;;) {
    const batch = await spool.read(place, 1 << 16, maxEvents);
    if (batch === null) return seen;
    for (const [index, json] of batch.events.entries()) {
      const context = batch.contexts[batch.context_of[index] ?? -1] ?? null;
      seen.push(JSON.parse(joinContext(json, context)));
    }
    place = batch.next;
  }
}

function sessionOf(user: string): EventContext {
  return new EventContext({ ...sessionContext.fields, user });
}

Deno.test("what a session's events have in common is written once a segment", async () => {
  const files = new MemoryFiles();
  const spool = await open(files, 4000);
  const sessions = [sessionOf("planted-alice"), sessionOf("planted-bob")] as const;
  for (let n = 0; n < 60; n += 1) {
    const session = sessions[n % 2] ?? sessions[0];
    spool.intent(intentOf(n), session);
    if (n % 3 === 0) await strict(spool);
    spool.result(resultOf(n), session);
  }
  await strict(spool);
  for (const maxEvents of [1, 7, 1000]) {
    const seen = await completed(spool, maxEvents);
    const users = seen.map(({ ei, user }) => `${ei} ${user}`);
    const wanted = seen.map((_, n) => `${n} planted-${n % 2 === 0 ? "alice" : "bob"}`);
    assert.deepEqual(users, wanted);
    assert.equal(seen.length, 60);
  }
  assert.ok(files.contents.size > 3);
  for (const bytes of files.contents.values()) {
    const text = new TextDecoder().decode(bytes);
    assert.ok(text.split("planted-alice").length <= 2);
  }
  await spool.close();
});

Deno.test("after a kill, an unknown statement has its session's fields", async () => {
  const files = new MemoryFiles();
  const spool = await open(files, 2000);
  const session = sessionOf("planted-alice");
  for (let n = 1; n < 20; n += 1) spool.intent(intentOf(n), session);
  await strict(spool);
  let left = files.copy();
  await spool.close();
  for (let again = 0; again < 2; again += 1) {
    const next = await open(left, 2000);
    const unknown = (await completed(next)).filter(({ outcome }) => outcome === "unknown");
    assert.equal(unknown.length, 19);
    assert.ok(unknown.every(({ user, sid }) => user === "planted-alice" && sid !== undefined));
    const after = left.copy();
    await next.close();
    left = after;
  }
});
