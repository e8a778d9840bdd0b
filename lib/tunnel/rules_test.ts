import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { concat } from "../bytes/writer.ts";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { Recorder } from "../../tests/fakes/pipe.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { FakeChannel, type SentFrame } from "../../tests/fakes/tunnel.ts";
import type { SessionOptions, TunnelSession, TunnelStream } from "./contract.ts";
import {
  dataBytesMax,
  decodeCoded,
  encodeCoded,
  encodeFrame,
  encodeWindow,
  frameTypes as t,
  writeFrameHeader,
} from "./frame.ts";
import { startSession } from "./session.ts";
import { goawayCodes } from "./tunnel_error.ts";

interface Raw {
  readonly channel: FakeChannel;
  readonly session: TunnelSession;
  readonly opened: TunnelStream[];
  readonly clock: SteppingClock;
}

/** A server session whose client is the test. */
function rawServer(options: Partial<SessionOptions> = {}): Raw {
  const channel = new FakeChannel(14);
  const opened: TunnelStream[] = [];
  const clock = new SteppingClock();
  const session = startSession(channel, {
    side: "server",
    clock,
    hello: new TextEncoder().encode("{}"),
    onOpen: (stream) => opened.push(stream),
    ...options,
  });
  return { channel, session, opened, clock };
}

const hello = encodeFrame(t.hello, 0, new TextEncoder().encode("{}"));
const open = (id: number): Uint8Array => encodeFrame(t.open, id, new Uint8Array(3));
const header = (type: number, id: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  writeFrameHeader(bytes, 0, { type, id, length });
  return bytes;
};
const data = (id: number, length: number): Uint8Array =>
  concat([header(t.data, id, length), new Uint8Array(length)]);

function goawayOf(frames: readonly SentFrame[]): { code: number; text: string } | null {
  const last = frames.findLast((frame) => frame.type === t.goaway);
  return last === undefined ? null : decodeCoded(last.body);
}

const { protocol, flow } = goawayCodes;
const broken: readonly [name: string, code: number, frames: readonly Uint8Array[]][] = [
  ["a frame before HELLO", protocol, [open(1)]],
  ["HELLO twice", protocol, [hello, hello]],
  ["an unknown type", protocol, [hello, header(11, 0, 0)]],
  ["type zero", protocol, [hello, header(0, 0, 0)]],
  ["HELLO above its size, at its header", protocol, [header(t.hello, 0, 256 * 1024 + 1)]],
  ["OPEN above 32 KiB, at its header", protocol, [hello, header(t.open, 1, 32 * 1024 + 1)]],
  ["DATA above 64 KiB, at its header", protocol, [hello, open(1), header(t.data, 1, 65537)]],
  ["a length field of 16 MiB", protocol, [hello, open(1), header(t.data, 1, 0xffffff)]],
  ["empty DATA", protocol, [hello, open(1), header(t.data, 1, 0)]],
  ["DATA on the session", protocol, [hello, header(t.data, 0, 1)]],
  ["PING on a stream", protocol, [hello, open(1), header(t.ping, 1, 8)]],
  ["PING of the wrong size", protocol, [hello, header(t.ping, 0, 7)]],
  ["ACCEPT with a body", protocol, [hello, open(1), header(t.accept, 1, 1)]],
  ["OPEN with an id of our side", protocol, [hello, open(2)]],
  ["OPEN with an id used before", protocol, [hello, open(3), open(3)]],
  ["OPEN with an id below the last", protocol, [hello, open(3), open(1)]],
  ["DATA on a stream never opened", protocol, [hello, data(1, 1)]],
  ["RESET of a stream we never opened", protocol, [hello, encodeFrame(t.fin, 2)]],
  ["ACCEPT of a stream the peer opened", protocol, [hello, open(1), encodeFrame(t.accept, 1)]],
  ["DATA after FIN", protocol, [hello, open(1), encodeFrame(t.fin, 1), data(1, 1)]],
  ["FIN twice", protocol, [hello, open(1), encodeFrame(t.fin, 1), encodeFrame(t.fin, 1)]],
  ["WINDOW of nothing", protocol, [hello, open(1), encodeWindow(1, 0)]],
  ["credit above 16 MiB", flow, [hello, open(1), encodeWindow(1, 16 * 1024 * 1024)]],
  ["RESET with an unknown code", protocol, [
    hello,
    open(1),
    encodeCoded(t.reset, 1, { code: 9, text: "" }),
  ]],
  ["RESET above 1 KiB", protocol, [hello, open(1), header(t.reset, 1, 1026)]],
  ["DATA beyond the credit, at its header", flow, [
    hello,
    open(1),
    ...Array.from({ length: 4 }, () => data(1, dataBytesMax)),
    header(t.data, 1, 1),
  ]],
];

for (const [name, code, frames] of broken) {
  Deno.test(`refused with GOAWAY: ${name}`, async () => {
    const { channel, session, opened, clock } = rawServer();
    for (const frame of frames) channel.receive(frame);
    await settled();
    strictEqual(goawayOf(channel.frames())?.code, code);
    deepStrictEqual([channel.closedWith, session.openStreams], [1002, 0]);
    const late = new Recorder();
    opened[0]?.attach(late);
    await settled();
    if (opened.length > 0) strictEqual(late.outcome?.code, "tunnel.lost");
    // The peer says nothing more: the channel is torn down all the same.
    clock.advance(2_000);
    strictEqual(channel.isAborted, true);
    strictEqual((await session.closed)?.kind, "protocol");
    strictEqual(clock.pending, 0);
  });
}

Deno.test("credit is checked before a body comes, byte by byte as well", async () => {
  const { channel, session } = rawServer();
  const bytes = concat([hello, open(1), ...Array.from({ length: 4 }, () => data(1, dataBytesMax))]);
  for (let at = 0; at < bytes.length; at += 1009) channel.receive(bytes.slice(at, at + 1009));
  strictEqual(session.draining, false);
  const bad = header(t.data, 1, dataBytesMax);
  for (const byte of bad.subarray(0, 7)) channel.receive(Uint8Array.of(byte));
  strictEqual(session.draining, false);
  channel.receive(bad.slice(7));
  strictEqual(session.draining, true);
  await settled();
  strictEqual(goawayOf(channel.frames())?.code, flow);
});

Deno.test("frames for a stream that ended here are dropped", async () => {
  const { channel, session, opened } = rawServer();
  channel.receive(concat([hello, open(1)]));
  opened[0]?.reset("ended", "over");
  const late = [data(1, 10), encodeWindow(1, 5), encodeFrame(t.fin, 1)];
  channel.receive(concat([...late, encodeCoded(t.reset, 1, { code: 3, text: "" })]));
  await settled();
  deepStrictEqual([session.draining, session.openStreams], [false, 0]);
});

Deno.test("ACCEPT twice, or after the peer has answered and finished, is refused", () => {
  for (const before of [t.accept, t.fin]) {
    const { channel, session } = rawServer();
    channel.receive(hello);
    const stream = session.open(new Uint8Array(0));
    strictEqual(stream.id, 2);
    channel.receive(encodeFrame(before, 2));
    strictEqual(session.draining, false);
    channel.receive(encodeFrame(t.accept, 2));
    strictEqual(session.draining, true);
    strictEqual(goawayOf(channel.frames())?.code, protocol);
  }
});

Deno.test("PING is answered with its own bytes", async () => {
  const { channel } = rawServer();
  const body = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  channel.receive(concat([hello, encodeFrame(t.ping, 0, body)]));
  await settled();
  deepStrictEqual(channel.frames().find((frame) => frame.type === t.pong)?.body, body);
});

Deno.test("a peer that asks and never reads is cut off, not collected for", async () => {
  const { channel, session } = rawServer();
  await settled();
  channel.takesMore = false;
  channel.receive(hello);
  const pings = concat(Array.from({ length: 1000 }, () => encodeFrame(t.ping, 0, hello.slice(2))));
  channel.receive(pings);
  await settled();
  for (let i = 0; i < 70 && !session.draining; i++) channel.receive(pings);
  strictEqual(goawayOf(channel.frames())?.code, goawayCodes.limit);
});

Deno.test("the peer's words lose their control characters", () => {
  const { channel, opened } = rawServer();
  channel.receive(concat([hello, open(1)]));
  const reader = new Recorder();
  opened[0]?.attach(reader);
  channel.receive(encodeCoded(t.reset, 1, { code: 2, text: "no\x1b[31m way\n" }));
  strictEqual(reader.outcome?.message, "no [31m way ");
});

Deno.test("RESET words are cut to 1 KiB at a character", () => {
  const frame = encodeCoded(t.reset, 1, { code: 1, text: "ä€".repeat(1000) });
  ok(frame.length <= 8 + 1 + 1024);
  ok(!decodeCoded(frame.subarray(8)).text.includes("\uFFFD"));
});

Deno.test("everything of one tick leaves in one message", async () => {
  const { channel, opened } = rawServer();
  channel.receive(concat([hello, open(1), open(3), open(5)]));
  await settled();
  const before = channel.sent.length;
  for (const stream of opened) {
    stream.attach(new Recorder());
    stream.accept();
    stream.write(new Uint8Array(100));
    stream.write(new Uint8Array(50));
    stream.end();
  }
  await settled();
  strictEqual(channel.sent.length, before + 1);
  const types = channel.frames().slice(-9).map((frame) => frame.type);
  deepStrictEqual(types, [
    ...[t.accept, t.accept, t.accept],
    ...[t.data, t.fin, t.data, t.fin, t.data, t.fin],
  ]);
});

Deno.test("two unanswered PINGs end the session, any byte keeps it alive", async () => {
  const { channel, session, clock } = rawServer();
  channel.receive(hello);
  for (let i = 0; i < 10; i++) {
    await clock.step(3_000);
    channel.receive(encodeFrame(t.pong, 0, new Uint8Array(8)));
  }
  strictEqual(session.draining, false);
  await clock.step(6_000);
  strictEqual(session.draining, false);
  await clock.step(3_000);
  strictEqual(session.draining, true);
  strictEqual(goawayOf(channel.frames())?.code, goawayCodes.timeout);
  await clock.step(2_000);
  deepStrictEqual([(await session.closed)?.code, clock.pending], ["tunnel.dead", 0]);
});

Deno.test("mutated frames end in frames or in GOAWAY, nothing else", async () => {
  const random = new SeededRandom(42);
  const good = concat([
    hello,
    open(1),
    data(1, 300),
    encodeWindow(1, 1000),
    open(3),
    encodeCoded(t.reset, 3, { code: 1, text: "why" }),
    encodeFrame(t.ping, 0, new Uint8Array(8)),
    encodeFrame(t.fin, 1),
    encodeCoded(t.goaway, 0, { code: 0, text: "bye" }),
  ]);
  let refused = 0;
  for (let i = 0; i < 5_000; i++) {
    const { channel, session, clock } = rawServer();
    const bytes = good.slice();
    for (let n = 1 + random.below(3); n > 0; n--) {
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    }
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random.below(200);
      channel.receive(bytes.slice(at, at + size));
      at += size;
    }
    if (i % 500 === 0) await settled();
    const goaway = goawayOf(channel.frames());
    if (goaway !== null && goaway.code !== goawayCodes.drain) refused += 1;
    session.close();
    clock.advance(2_000);
    strictEqual(clock.pending, 0);
  }
  ok(refused > 1_000, `only ${refused} refused`);
});
