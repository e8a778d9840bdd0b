import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { settled, SteppingClock } from "./clock.ts";
import { pipe, Recorder } from "./pipe.ts";

Deno.test("a pipe carries both ways, half-closes, and closes once with no fault", async () => {
  const [a, b] = pipe();
  const [ra, rb] = [new Recorder(), new Recorder()];
  a.attach(ra);
  b.attach(rb);
  a.write(Uint8Array.of(1));
  a.end();
  await settled();
  deepStrictEqual([rb.bytes, rb.isEnded, rb.outcome], [1, true, undefined]);
  b.write(Uint8Array.of(2, 3));
  b.end();
  await settled();
  deepStrictEqual([ra.bytes, ra.isEnded, ra.outcome, rb.outcome], [2, true, null, null]);
  a.abort();
  strictEqual(ra.closedTimes, 1);
});

Deno.test("a pipe asks for patience above its mark and says when it drained", async () => {
  const [a, b] = pipe({ highWaterBytes: 10 });
  const [ra, rb] = [new Recorder(), new Recorder()];
  a.attach(ra);
  strictEqual(a.write(new Uint8Array(20)), false);
  await settled();
  strictEqual(ra.drains, 0);
  b.attach(rb);
  b.pause();
  await settled();
  deepStrictEqual([rb.bytes, a.queuedBytes], [0, 20]);
  b.resume();
  await settled();
  deepStrictEqual([ra.drains, rb.bytes, a.queuedBytes], [1, 20, 0]);
});

Deno.test("an abort is told to both ends, also to a reader that attaches late", async () => {
  const [a, b] = pipe();
  a.abort();
  await settled();
  const late = new Recorder();
  b.attach(late);
  strictEqual(late.outcome?.code, "test.lost");
});

Deno.test("the stepping clock runs timers in order of time and lets sleepers go on", async () => {
  const clock = new SteppingClock();
  const seen: string[] = [];
  clock.after(20, () => seen.push("b"));
  clock.after(10, () => seen.push("a"));
  const every = clock.every(15, () => seen.push("e"));
  const sleeper = clock.sleep(25).then(() => seen.push("s"));
  await clock.step(30);
  await sleeper;
  every.cancel();
  deepStrictEqual([seen.join(""), clock.pending, clock.monotonic()], ["aebse", 0, 30]);
});
