import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { settled } from "../../tests/fakes/clock.ts";
import { Recorder } from "../../tests/fakes/pipe.ts";
import { tunnelPair } from "../../tests/fakes/tunnel.ts";
import type { TunnelStream } from "./contract.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const faultWith = (code: string, reset?: string) => (e: unknown): boolean =>
  e instanceof Fault && e.code === code && e.fields["reset"] === reset;

interface Open {
  readonly stream: TunnelStream;
  readonly mine: Recorder;
  readonly other: TunnelStream;
  readonly theirs: Recorder;
}

async function openOne(pair: ReturnType<typeof tunnelPair>): Promise<Open> {
  const stream = pair.near.open(text("header"));
  const mine = new Recorder();
  stream.attach(mine);
  await settled();
  const other = pair.opened.at(-1);
  ok(other !== undefined);
  const theirs = new Recorder();
  other.attach(theirs);
  return { stream, mine, other, theirs };
}

Deno.test("a stream carries both ways after ACCEPT, half-closes and closes once", async () => {
  const pair = tunnelPair();
  const stream = pair.near.open(text("header"));
  const mine = new Recorder();
  stream.attach(mine);
  stream.write(text("early"));
  strictEqual(stream.state, "opening");
  await settled();
  const [other] = pair.opened;
  ok(other !== undefined);
  deepStrictEqual(other.header, text("header"));
  const theirs = new Recorder();
  other.attach(theirs);
  other.accept();
  await settled();
  await stream.accepted;
  deepStrictEqual([stream.state, stream.hasReceived, theirs.text], ["accepted", false, "early"]);
  stream.end();
  await settled();
  deepStrictEqual([theirs.isEnded, mine.isEnded], [true, false]);
  other.write(text("answer"));
  other.end();
  await settled();
  deepStrictEqual([mine.text, mine.isEnded], ["answer", true]);
  deepStrictEqual([mine.outcome, theirs.outcome], [null, null]);
  deepStrictEqual([pair.near.openStreams, pair.far.openStreams], [0, 0]);
  deepStrictEqual([stream.state, mine.closedTimes, theirs.closedTimes], ["closed", 1, 1]);
});

Deno.test("RESET before ACCEPT rejects with its code and words", async () => {
  for (const code of ["retry", "refused", "cancelled", "protocol", "internal", "ended"] as const) {
    const { stream, mine, other, theirs } = await openOne(tunnelPair());
    other.reset(code, `said ${code}`);
    await settled();
    await rejects(
      stream.accepted,
      (e) =>
        faultWith(`tunnel.reset-${code}`, code)(e) && e instanceof Fault &&
        e.message === `said ${code}`,
    );
    strictEqual(mine.outcome?.fields["reset"], code);
    strictEqual(theirs.closedTimes, 1);
  }
});

Deno.test("bytes and FIN without ACCEPT are an answer that arrives", async () => {
  const { stream, mine, other } = await openOne(tunnelPair());
  other.write(text("FATAL: no"));
  other.end();
  await settled();
  await rejects(stream.accepted, faultWith("tunnel.answered", undefined));
  deepStrictEqual([stream.state, stream.hasReceived], ["answered", true]);
  deepStrictEqual([mine.text, mine.isEnded], ["FATAL: no", true]);
});

Deno.test("data may come before ACCEPT and does not settle it", async () => {
  const { stream, mine, other } = await openOne(tunnelPair());
  other.write(text("greeting"));
  await settled();
  deepStrictEqual([stream.state, stream.hasReceived, mine.text], ["opening", true, "greeting"]);
  other.accept();
  await stream.accepted;
  stream.abort();
  await settled();
});

Deno.test("what a finished peer had sent is delivered before the loss of the tunnel", async () => {
  const pair = tunnelPair();
  const { stream, mine, other } = await openOne(pair);
  stream.pause();
  other.write(text("last words"));
  other.end();
  await settled();
  pair.ends[0].cut();
  await settled();
  strictEqual(mine.closedTimes, 0);
  stream.resume();
  await settled();
  deepStrictEqual([mine.text, mine.isEnded, mine.closedTimes], ["last words", true, 1]);
  strictEqual(mine.outcome?.code, "tunnel.lost");
});

Deno.test("the loss of the tunnel ends every stream; who waits for ACCEPT may retry", async () => {
  const pair = tunnelPair();
  const { stream, mine, theirs } = await openOne(pair);
  pair.ends[0].cut();
  await settled();
  await rejects(stream.accepted, faultWith("tunnel.lost", "retry"));
  deepStrictEqual([mine.outcome?.kind, theirs.outcome?.kind], ["network", "network"]);
  strictEqual((await pair.near.closed)?.kind, "network");
  strictEqual((await pair.far.closed)?.kind, "network");
  throws(() => pair.near.open(text("x")), faultWith("tunnel.closed", "retry"));
  strictEqual(pair.near.draining, true);
});

Deno.test("abort tells the peer a code that fits the fault", async () => {
  const { stream, mine, theirs } = await openOne(tunnelPair());
  stream.abort(new Fault({ kind: "protocol", code: "test.y", message: "broken client" }));
  await settled();
  strictEqual(theirs.outcome?.fields["reset"], "protocol");
  strictEqual(theirs.outcome?.message, "broken client");
  strictEqual(mine.outcome?.code, "test.y");
});

Deno.test("a mistake of one reader ends its stream and no other", async () => {
  const pair = tunnelPair();
  const first = await openOne(pair);
  const second = await openOne(pair);
  first.other.attach({
    data: () => {
      throw new TypeError("a bug");
    },
    ended: () => {},
    drained: () => {},
    closed: () => {},
  });
  first.stream.write(text("x"));
  second.stream.write(text("y"));
  await settled();
  strictEqual(first.mine.outcome?.fields["reset"], "internal");
  deepStrictEqual([second.theirs.text, second.mine.outcome], ["y", undefined]);
  strictEqual(pair.far.draining, false);
});

Deno.test("GOAWAY lets streams finish, turns new ones away, then closes", async () => {
  const pair = tunnelPair();
  const { stream, mine, other, theirs } = await openOne(pair);
  pair.far.goaway("restarting");
  const late = pair.near.open(text("late"));
  const lateReader = new Recorder();
  late.attach(lateReader);
  await settled();
  deepStrictEqual(pair.goaways, ["restarting"]);
  deepStrictEqual([pair.near.draining, pair.far.draining], [true, true]);
  await rejects(late.accepted, faultWith("tunnel.reset-retry", "retry"));
  throws(() => pair.near.open(text("x")), faultWith("tunnel.draining", "retry"));
  other.accept();
  stream.write(text("still"));
  stream.end();
  other.write(text("here"));
  other.end();
  await settled();
  deepStrictEqual([mine.text, theirs.text], ["here", "still"]);
  await settled();
  strictEqual(await pair.far.closed, null);
  strictEqual(await pair.near.closed, null);
  strictEqual(pair.clock.pending, 0);
});

Deno.test("close ends streams at once, and the peer learns why", async () => {
  const pair = tunnelPair();
  const { mine, theirs } = await openOne(pair);
  pair.near.close(new Fault({ kind: "unavailable", code: "test.stop", message: "stopping" }));
  strictEqual(mine.outcome?.code, "tunnel.lost");
  await settled();
  strictEqual(theirs.outcome?.code, "tunnel.lost");
  const [ours, peers] = await Promise.all([pair.near.closed, pair.far.closed]);
  deepStrictEqual([ours?.code, peers?.code], ["test.stop", "tunnel.goaway"]);
  strictEqual(peers?.message, "stopping");
});

Deno.test("each side's HELLO reaches the other", async () => {
  const pair = tunnelPair({ hello: text('{"v":1}') });
  deepStrictEqual(await pair.near.peerHello, text('{"v":1}'));
  deepStrictEqual(await pair.far.peerHello, text('{"v":1}'));
});

Deno.test("both sides open streams, and no id is used twice", async () => {
  const pair = tunnelPair();
  const ids = new Set<number>();
  for (let i = 0; i < 50; i++) {
    for (const side of [pair.near, pair.far]) {
      const stream = side.open(new Uint8Array(0));
      strictEqual(ids.has(stream.id), false);
      ids.add(stream.id);
      stream.attach(new Recorder());
      stream.abort();
    }
    await settled();
  }
  deepStrictEqual([ids.size, pair.near.openStreams, pair.far.openStreams], [100, 0, 0]);
  strictEqual(pair.far.draining, false);
});

Deno.test("streams beyond the limit are turned away on both sides of it", async () => {
  const pair = tunnelPair({ limits: { streamsMax: 3 } });
  for (let i = 0; i < 3; i++) await openOne(pair);
  throws(() => pair.near.open(text("x")), faultWith("tunnel.streams-limit", "retry"));
  const refused = tunnelPair();
  const small = tunnelPair({ limits: { windowBytesTotal: 600 * 1024 } });
  await openOne(small);
  await openOne(small);
  throws(() => small.near.open(text("x")), faultWith("tunnel.streams-limit", "retry"));
  throws(() => refused.near.open(new Uint8Array(32 * 1024 + 1)), RangeError);
});

Deno.test("a thousand streams at once carry their own bytes", async () => {
  const pair = tunnelPair();
  const streams: { stream: TunnelStream; mine: Recorder }[] = [];
  for (let i = 0; i < 1000; i++) {
    const stream = pair.near.open(text(`${i}`));
    const mine = new Recorder();
    stream.attach(mine);
    streams.push({ stream, mine });
  }
  await settled();
  strictEqual(pair.opened.length, 1000);
  for (const other of pair.opened) {
    other.accept();
    other.attach({
      data: (chunk) => void other.write(chunk),
      ended: () => other.end(),
      drained: () => {},
      closed: () => {},
    });
  }
  for (const [i, { stream }] of streams.entries()) {
    stream.write(text(`hello from ${i}`));
    stream.end();
  }
  await settled();
  for (const [i, { mine }] of streams.entries()) {
    deepStrictEqual([mine.text, mine.outcome], [`hello from ${i}`, null]);
  }
  deepStrictEqual([pair.near.openStreams, pair.far.openStreams], [0, 0]);
});

Deno.test("with random keys the peer reads the same bytes", async () => {
  const { SeededRandom } = await import("../../tests/fakes/random.ts");
  const random = new SeededRandom(5);
  const pair = tunnelPair({ mask: random, pipe: { cut: () => 1 + random.below(3000) } });
  const { stream, theirs } = await openOne(pair);
  const sent = random.bytes(200_000);
  stream.write(sent.slice());
  await settled();
  strictEqual(theirs.bytes, sent.length);
  ok(theirs.whole.every((byte, i) => byte === sent[i]));
});
