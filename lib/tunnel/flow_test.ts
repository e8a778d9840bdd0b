import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { Recorder } from "../../tests/fakes/pipe.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { FakeChannel, framesOf, tunnelPair } from "../../tests/fakes/tunnel.ts";
import type { TunnelStream } from "./contract.ts";
import { frameTypes, windowStartBytes } from "./frame.ts";
import { Inbox } from "./inbox.ts";
import { Outbox, type Sender } from "./outbox.ts";
import { ReceiveWindow, type WindowPort } from "./window.ts";

const kib = 1024;

class FakeSender implements Sender {
  readonly id: number;
  sendableBytes: number;
  finDue = false;

  constructor(id: number, bytes: number) {
    this.id = id;
    this.sendableBytes = bytes;
  }

  moveTo(target: Uint8Array, at: number, count: number): void {
    target.fill(this.id, at, at + count);
    this.sendableBytes -= count;
  }

  finSent(): void {
    this.finDue = false;
  }

  served(): void {}
}

function drain(outbox: Outbox, maxBytes: number): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (;;) {
    const message = outbox.build(14, maxBytes, () => {});
    if (message === null) return messages;
    messages.push(message.subarray(14));
  }
}

Deno.test("streams take turns, and a frame is at most 64 KiB", () => {
  const outbox = new Outbox();
  for (const id of [1, 3, 5]) outbox.ready(new FakeSender(id, 200 * kib));
  const frames = drain(outbox, 128 * kib).flatMap(framesOf);
  ok(frames.every((frame) => frame.body.length <= 64 * kib));
  // Until the first is done, no stream gets two turns more than another.
  const turns = new Map([[1, 0], [3, 0], [5, 0]]);
  for (const frame of frames.slice(0, 9)) {
    turns.set(frame.id, (turns.get(frame.id) ?? 0) + 1);
    const counts = [...turns.values()];
    ok(Math.max(...counts) - Math.min(...counts) <= 2, `${counts}`);
  }
  for (const id of [1, 3, 5]) {
    const bytes = frames.filter((frame) => frame.id === id)
      .reduce((sum, frame) => sum + frame.body.length, 0);
    strictEqual(bytes, 200 * kib);
  }
});

Deno.test("a small stream waits for one frame of a large one, not for all of it", () => {
  const outbox = new Outbox();
  outbox.ready(new FakeSender(1, 10_000 * kib));
  outbox.ready(new FakeSender(3, 50));
  const [message] = drain(outbox, 128 * kib);
  ok(message !== undefined);
  deepStrictEqual(framesOf(message).slice(0, 2).map((frame) => frame.id), [1, 3]);
});

Deno.test("messages are bounded, whole and in order whatever the sizes", () => {
  const random = new SeededRandom(8);
  for (let round = 0; round < 200; round++) {
    const outbox = new Outbox();
    const senders = Array.from({ length: 1 + random.below(8) }, (_, i) => {
      const sender = new FakeSender(i + 1, random.below(3) * random.below(100_000));
      sender.finDue = false;
      return sender;
    });
    const want = senders.map((sender) => sender.sendableBytes);
    for (const sender of senders) outbox.ready(sender);
    const maxBytes = 16 * kib + random.below(128 * kib);
    const messages = drain(outbox, maxBytes);
    ok(messages.every((message) => message.length <= maxBytes));
    const got = senders.map(() => 0);
    for (const frame of messages.flatMap(framesOf)) {
      got[frame.id - 1] = (got[frame.id - 1] ?? 0) + frame.body.length;
      ok(frame.body.every((byte) => byte === frame.id));
    }
    deepStrictEqual(got, want);
  }
});

Deno.test("the window grows while a stream is fast, not when it is slow, never beyond", () => {
  for (const [everyMs, mayGrow, wanted] of [[1000, true, 256], [1, true, 1024], [1, false, 256]]) {
    const port = new FakePort({ mayGrow: mayGrow === true });
    const window = new ReceiveWindow(port);
    for (let i = 0; i < 100; i++) {
      const half = window.size / 2;
      strictEqual(window.take(half), true);
      port.nowMs += Number(everyMs);
      ok(window.passed(half) >= half);
    }
    strictEqual(window.size, Number(wanted) * kib);
  }
});

Deno.test("beside others the window is as large as a round trip needs, and no larger", () => {
  for (const [roundTripMs, wanted] of [[0.1, 128], [0.5, 256], [1.5, 512], [40, 1024]] as const) {
    const port = new FakePort({ roundTripMs });
    const window = new ReceiveWindow(port);
    let given = 0;
    const flow = (isShared: boolean): void => {
      for (let i = 0; i < 64; i++) {
        const half = window.size / 2;
        strictEqual(window.take(half), true);
        // 128 MiB/s. The second half is there at once after the first, the next one waits.
        port.nowMs += Math.max(half / (128 * kib), i % 2 === 0 ? roundTripMs : 0);
        if (isShared) port.switches += 2;
        given += window.passed(half) - half;
      }
      strictEqual(window.size, windowStartBytes + given);
    };
    flow(true);
    strictEqual(window.size, wanted * kib, `${roundTripMs} ms, beside others`);
    flow(false);
    strictEqual(window.size, 1024 * kib, `${roundTripMs} ms, alone`);
    flow(true);
    strictEqual(window.size, wanted * kib, `${roundTripMs} ms, beside others again`);
    strictEqual(port.more, given);
  }
});

/** A session that is asked for its clock and for room. */
class FakePort implements WindowPort {
  readonly windowBytesMax = 1024 * kib;
  readonly roundTripMs: number;
  readonly #mayGrow: boolean;
  nowMs = 0;
  switches = 0;
  /** By how much all windows are larger than at the start. */
  more = 0;

  constructor({ roundTripMs = Infinity, mayGrow = true }) {
    this.roundTripMs = roundTripMs;
    this.#mayGrow = mayGrow;
  }

  now(): number {
    return this.nowMs;
  }

  mayGrow(bytes: number): boolean {
    if (this.#mayGrow) this.more += bytes;
    return this.#mayGrow;
  }

  shrunk(bytes: number): void {
    this.more -= bytes;
  }
}

Deno.test("credit given and taken stays exact over any mix of sizes", () => {
  const random = new SeededRandom(2);
  const port = new FakePort({ roundTripMs: 5 });
  const window = new ReceiveWindow(port);
  let peer = windowStartBytes;
  let unread = 0;
  for (let i = 0; i < 10_000; i++) {
    const length = Math.min(peer, 1 + random.below(64 * kib));
    if (length > 0) {
      strictEqual(window.take(length), true);
      peer -= length;
      unread += length;
    }
    strictEqual(window.take(peer + 1), false);
    const read = random.below(unread + 1);
    unread -= read;
    port.nowMs = i * (i < 5_000 ? 7 : 1);
    port.switches += random.below(3);
    peer += window.passed(read);
    ok(unread + peer <= window.size);
  }
});

Deno.test("the inbox keeps order, and small parts don't keep their large buffers alive", () => {
  const random = new SeededRandom(4);
  const inbox = new Inbox();
  const sent: number[] = [];
  const held = new Set<ArrayBufferLike>();
  const got: number[] = [];
  for (let i = 0; i < 3_000; i++) {
    const part = new Uint8Array(64 * kib).subarray(7, 8 + random.below(20));
    part.fill(i & 255);
    sent.push(...part);
    inbox.push(part);
    if (random.below(10) === 0) got.push(...inbox.shift() ?? []);
  }
  strictEqual(inbox.length, sent.length - got.length);
  for (let part = inbox.shift(); part !== null; part = inbox.shift()) {
    held.add(part.buffer);
    got.push(...part);
  }
  deepStrictEqual(got, sent);
  const heldBytes = [...held].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  ok(heldBytes < 128 * kib, `${heldBytes} bytes for ${sent.length}`);
});

Deno.test("the inbox keeps large parts as they are", () => {
  const inbox = new Inbox();
  const large = new Uint8Array(64 * kib);
  inbox.push(Uint8Array.of(1));
  inbox.push(large);
  inbox.push(Uint8Array.of(2));
  deepStrictEqual([...inbox.shift() ?? []], [1]);
  strictEqual(inbox.shift()?.buffer, large.buffer);
  deepStrictEqual([...inbox.shift() ?? []], [2]);
  strictEqual(inbox.shift(), null);
});

/** Writes as fast as the stream takes it. */
function pump(stream: TunnelStream, total: number): { left: number } {
  const state = { left: total };
  const go = () => {
    while (state.left > 0) {
      const chunk = new Uint8Array(Math.min(32 * kib, state.left));
      state.left -= chunk.length;
      if (!stream.write(chunk)) return;
    }
    stream.end();
  };
  stream.attach({ data: () => {}, ended: () => {}, drained: go, closed: () => {} });
  go();
  return state;
}

Deno.test("a stream nobody reads holds its window and its queue, and stalls no other", async () => {
  const pair = tunnelPair();
  const stuck = pair.near.open(new Uint8Array(0));
  const stuckState = pump(stuck, 64 * 1024 * kib);
  const quick = pair.near.open(new Uint8Array(0));
  const quickState = pump(quick, 32 * 1024 * kib);
  await settled();
  const [stuckThere, quickThere] = pair.opened;
  ok(stuckThere !== undefined && quickThere !== undefined);
  stuckThere.attach(new Recorder());
  stuckThere.pause();
  let received = 0;
  let ended = false;
  quickThere.attach({
    data: (chunk) => void (received += chunk.length),
    ended: () => void (ended = true),
    drained: () => {},
    closed: () => {},
  });
  for (let i = 0; i < 50 && !ended; i++) await settled();
  deepStrictEqual([received, quickState.left, ended], [32 * 1024 * kib, 0, true]);
  const sent = 64 * 1024 * kib - stuckState.left;
  ok(sent <= windowStartBytes + 256 * kib + 32 * kib, `${sent} bytes taken`);
  const late = new Recorder();
  stuckThere.attach(late);
  for (let i = 0; i < 50 && !late.isEnded; i++) await settled();
  strictEqual(late.bytes, 64 * 1024 * kib);
});

Deno.test("128 MiB pass with bounded queues at a fair pace", async () => {
  const pair = tunnelPair();
  const streams = Array.from({ length: 4 }, () => pair.near.open(new Uint8Array(0)));
  const total = 32 * 1024 * kib;
  for (const stream of streams) pump(stream, total);
  await settled();
  const counts = [0, 0, 0, 0];
  let worst = 0;
  for (const [i, other] of pair.opened.entries()) {
    other.attach({
      data: (chunk) => {
        counts[i] = (counts[i] ?? 0) + chunk.length;
        if (Math.max(...counts) < total) {
          worst = Math.max(worst, Math.max(...counts) - Math.min(...counts));
        }
      },
      ended: () => other.end(),
      drained: () => {},
      closed: () => {},
    });
  }
  for (let i = 0; i < 200 && pair.near.openStreams > 0; i++) {
    await settled();
    ok(streams.every((stream) => stream.queuedBytes <= 512 * kib));
  }
  deepStrictEqual(counts, [total, total, total, total]);
  // No stream is ever further ahead than its window and one more turn.
  ok(worst <= 2 * 1024 * kib, `${worst} bytes apart`);
});

Deno.test("a channel that asks for patience gets no more until it drained", async () => {
  const { startSession } = await import("./session.ts");
  const { SteppingClock } = await import("../../tests/fakes/clock.ts");
  const channel = new FakeChannel(14);
  const clock = new SteppingClock();
  const options = { clock, hello: new TextEncoder().encode("{}"), onOpen: () => {} };
  const session = startSession(channel, { ...options, side: "client" });
  await settled();
  channel.takesMore = false;
  const stream = session.open(new Uint8Array(0));
  stream.attach(new Recorder());
  strictEqual(stream.write(new Uint8Array(200 * kib)), true);
  await settled();
  const after = channel.sent.length;
  await settled();
  strictEqual(channel.sent.length, after);
  channel.drain();
  await settled();
  const bytes = channel.frames().filter((frame) => frame.type === frameTypes.data)
    .reduce((sum, frame) => sum + frame.body.length, 0);
  strictEqual(bytes, 200 * kib);
  ok(channel.sent.every((message) => message.length <= 128 * kib + 64));
  session.close();
  clock.advance(2_000);
});
