import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { pipe, Recorder } from "../../tests/fakes/pipe.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { Fault } from "./fault.ts";
import { PullReader } from "./pull.ts";

const of = (...values: number[]): Uint8Array => Uint8Array.from(values);

Deno.test("chunks come in order, then null, and null again", async () => {
  const [near, far] = pipe();
  const reader = new PullReader(near);
  far.write(of(1, 2));
  far.write(of(3));
  far.end();
  deepStrictEqual(await reader.pull(), of(1, 2));
  deepStrictEqual(await reader.pull(), of(3));
  strictEqual(await reader.pull(), null);
  strictEqual(await reader.pull(), null);
});

Deno.test("while nobody pulls, the peer is held back", async () => {
  const [near, far] = pipe({ highWaterBytes: 4 });
  const reader = new PullReader(near);
  strictEqual(far.write(of(1, 2, 3)), true);
  strictEqual(far.write(of(4, 5, 6)), false);
  await settled();
  strictEqual(far.queuedBytes, 6);
  deepStrictEqual(await reader.pull(), of(1, 2, 3));
  await settled();
  strictEqual(far.queuedBytes, 3);
});

Deno.test("bytes put back come first, and release hands on every byte in order", async () => {
  const random = new SeededRandom(3);
  const [near, far] = pipe({ cut: () => 1 + random.below(5) });
  const sent = random.bytes(400);
  for (let at = 0; at < 400; at += 40) far.write(sent.subarray(at, at + 40));
  far.end();
  const reader = new PullReader(near);
  const got: number[] = [];
  while (got.length < 100) got.push(...await reader.pull() ?? []);
  const back = got.splice(90);
  reader.unread(Uint8Array.from(back));
  const { early, ended } = reader.release();
  strictEqual(ended, false);
  const after = new Recorder();
  near.attach(after);
  await settled();
  deepStrictEqual([...got, ...early, ...after.whole], [...sent]);
  strictEqual(after.isEnded, true);
});

Deno.test("release tells that the peer had ended", async () => {
  const [near, far] = pipe();
  const reader = new PullReader(near);
  far.write(of(1));
  far.end();
  strictEqual((await reader.pull())?.length, 1);
  strictEqual(await reader.pull(), null);
  deepStrictEqual(reader.release(), { early: new Uint8Array(0), ended: true });
  await rejects(reader.pull(), /handed on/);
});

Deno.test("an aborted pull loses nothing", async () => {
  const [near, far] = pipe();
  const reader = new PullReader(near);
  const stop = new AbortController();
  const waiting = reader.pull(stop.signal);
  stop.abort(new Error("Too slow"));
  await rejects(waiting, /Too slow/);
  far.write(of(7));
  deepStrictEqual(await reader.pull(), of(7));
  await rejects(reader.pull(stop.signal), /Too slow/);
});

Deno.test("a lost stream fails the pull with its fault, after what had arrived", async () => {
  const [near, far] = pipe();
  const reader = new PullReader(near);
  const waiting = reader.pull();
  far.write(of(1));
  deepStrictEqual(await waiting, of(1));
  far.cut();
  await rejects(reader.pull(), (e) => e instanceof Fault && e.kind === "network");
  throws(() => reader.release(), Fault);
  await rejects(reader.write(of(1)), Fault);
});

Deno.test("write waits until the stream takes more", async () => {
  const [near, far] = pipe({ highWaterBytes: 2 });
  const reader = new PullReader(near);
  let done = false;
  const writing = reader.write(of(1, 2, 3)).then(() => done = true);
  await settled();
  strictEqual(done, false);
  far.attach(new Recorder());
  await writing;
  strictEqual(done, true);
});

Deno.test("two pulls at once are a bug and say so", async () => {
  const [near, far] = pipe();
  const reader = new PullReader(near);
  const first = reader.pull();
  await rejects(reader.pull(), /Another pull/);
  far.write(of(1));
  await first;
});

Deno.test("a unit is whole however it was cut, and what follows stays", async () => {
  const random = new SeededRandom(5);
  const [near, far] = pipe({ cut: () => 1 + random.below(7) });
  const sent = random.bytes(300);
  far.write(sent);
  far.end();
  const reader = new PullReader(near);
  const seen: number[] = [];
  for (const size of [5, 1, 200, 0, 60]) {
    const unit = await reader.unit((held) => held.length < 1 && size > 1 ? null : size);
    strictEqual(unit?.length, size);
    seen.push(...unit);
  }
  deepStrictEqual(seen, [...sent.subarray(0, 266)]);
  strictEqual(await reader.unit(() => 35), null);
});

Deno.test("what measures a unit may refuse it", async () => {
  const [near, far] = pipe();
  far.write(of(9));
  const refused = new RangeError("too long");
  const measure = (held: Uint8Array): null => {
    if (held[0] === 9) throw refused;
    return null;
  };
  await rejects(new PullReader(near).unit(measure), refused);
});
