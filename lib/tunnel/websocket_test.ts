import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { concat } from "../bytes/writer.ts";
import type { Fault } from "../core/fault.ts";
import { settled } from "../../tests/fakes/clock.ts";
import { pipe, type PipeEnd, Recorder } from "../../tests/fakes/pipe.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import type { ChannelReader } from "./channel.ts";
import { mask } from "./mask.ts";
import { WebSocketChannel } from "./websocket.ts";

class ChannelRecorder implements ChannelReader {
  bytes: number[] = [];
  drains = 0;
  closedTimes = 0;
  fault: Fault | null = null;

  data(chunk: Uint8Array): void {
    this.bytes.push(...chunk);
  }

  drained(): void {
    this.drains += 1;
  }

  closed(fault: Fault | null): void {
    this.closedTimes += 1;
    this.fault = fault;
  }
}

/** A server channel whose client is the test. */
function server(cut?: () => number): {
  reader: ChannelRecorder;
  channel: WebSocketChannel;
  peer: PipeEnd;
  seen: Recorder;
} {
  const [near, peer] = pipe(cut === undefined ? {} : { cut });
  const channel = new WebSocketChannel(near, { side: "server", mask: "zero" });
  const reader = new ChannelRecorder();
  channel.attach(reader);
  const seen = new Recorder();
  peer.attach(seen);
  return { reader, channel, peer, seen };
}

const key = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

function frame(first: number, body: Uint8Array, masked: Uint8Array | null = key): Uint8Array {
  const flag = masked === null ? 0 : 0x80;
  const length = body.length < 126
    ? [flag | body.length]
    : body.length < 65536
    ? [flag | 126, body.length >> 8, body.length & 255]
    : [flag | 127, 0, 0, 0, 0, 0, body.length >> 16, (body.length >> 8) & 255, body.length & 255];
  const payload = body.slice();
  if (masked !== null) mask(payload, masked, 0);
  return concat([Uint8Array.of(first, ...length), masked ?? new Uint8Array(0), payload]);
}

Deno.test("masking matches the example of RFC 6455 §5.7 and undoes itself at any cut", () => {
  const hello = Uint8Array.of(0x7f, 0x9f, 0x4d, 0x51, 0x58);
  strictEqual(mask(hello, key, 0), 1);
  strictEqual(new TextDecoder().decode(hello), "Hello");
  const random = new SeededRandom(9);
  for (let round = 0; round < 300; round++) {
    const plain = random.bytes(1 + random.below(90));
    const buffer = new Uint8Array(100);
    const work = buffer.subarray(random.below(8), 99).subarray(0, plain.length);
    work.set(plain);
    const secret = random.bytes(4);
    let phase = 0;
    for (let at = 0; at < work.length;) {
      const size = 1 + random.below(20);
      phase = mask(work.subarray(at, at + size), secret, phase);
      at += size;
    }
    deepStrictEqual([...work], [...plain].map((b, i) => b ^ (secret[i & 3] ?? 0)));
  }
});

Deno.test("payload of every length form arrives, any mask, any cut", async () => {
  const random = new SeededRandom(3);
  for (const size of [0, 1, 125, 126, 127, 65535, 65536, 100_000]) {
    for (const masked of [key, new Uint8Array(4)]) {
      const { reader, peer } = server(() => 1 + random.below(size / 5 + 3));
      const body = random.bytes(size);
      peer.write(frame(0x82, body, masked));
      await settled();
      strictEqual(reader.bytes.length, size);
      ok(reader.bytes.every((byte, i) => byte === body[i]));
    }
  }
});

Deno.test("fragments are one stream of bytes, and control frames may stand between", async () => {
  const { reader, peer, seen } = server();
  peer.write(frame(0x02, Uint8Array.of(1, 2)));
  peer.write(frame(0x89, Uint8Array.of(7)));
  peer.write(frame(0x00, Uint8Array.of(3)));
  peer.write(frame(0x80, Uint8Array.of(4)));
  await settled();
  deepStrictEqual(reader.bytes, [1, 2, 3, 4]);
  deepStrictEqual([...seen.whole], [0x8a, 1, 7]);
});

const refused: readonly [name: string, status: number, bytes: Uint8Array][] = [
  ["an unmasked frame of a client", 1002, frame(0x82, Uint8Array.of(1), null)],
  ["text", 1003, frame(0x81, Uint8Array.of(65))],
  ["reserved bits", 1002, frame(0xc2, Uint8Array.of(1))],
  ["a continuation of nothing", 1002, frame(0x80, Uint8Array.of(1))],
  ["a message inside a message", 1002, concat([frame(2, key), frame(0x82, key)])],
  ["an unknown data opcode", 1002, frame(0x83, Uint8Array.of(1))],
  ["an unknown control opcode", 1002, frame(0x8b, Uint8Array.of(1))],
  ["a fragmented ping", 1002, frame(0x09, Uint8Array.of(1))],
  ["a ping of 126 bytes", 1002, frame(0x89, new Uint8Array(126))],
  ["a length not in its shortest form", 1002, Uint8Array.of(0x82, 0xfe, 0, 125, 0, 0, 0, 0)],
  [
    "a long length not in its shortest form",
    1002,
    Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0),
  ],
  ["a frame above 16 MiB", 1009, Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0)],
  ["a frame above 4 GiB", 1009, Uint8Array.of(0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)],
];

for (const [name, status, bytes] of refused) {
  Deno.test(`refused with ${status}: ${name}`, async () => {
    const [near, peer] = pipe();
    const sent: number[] = [];
    // The stream drops its queue at abort, so what was written is read here.
    const write = near.write.bind(near);
    near.write = (part) => {
      sent.push(...part);
      return write(part);
    };
    const channel = new WebSocketChannel(near, { side: "server", mask: "zero" });
    const reader = new ChannelRecorder();
    channel.attach(reader);
    peer.attach(new Recorder());
    peer.write(bytes);
    await settled();
    deepStrictEqual([reader.closedTimes, reader.fault?.code], [1, "tunnel.websocket"]);
    deepStrictEqual(sent, [0x88, 2, status >> 8, status & 255]);
    strictEqual(near.isClosed, true);
  });
}

Deno.test("a client refuses a masked frame of a server", async () => {
  const [near, peer] = pipe();
  const reader = new ChannelRecorder();
  new WebSocketChannel(near, { side: "client", mask: "zero" }).attach(reader);
  peer.attach(new Recorder());
  peer.write(frame(0x82, Uint8Array.of(1)));
  await settled();
  strictEqual(reader.fault?.code, "tunnel.websocket");
});

Deno.test("a goodbye is answered and both sides close with no fault", async () => {
  const [a, b] = pipe();
  const [ra, rb] = [new ChannelRecorder(), new ChannelRecorder()];
  const client = new WebSocketChannel(a, { side: "client", mask: new SeededRandom(1) });
  client.attach(ra);
  new WebSocketChannel(b, { side: "server", mask: "zero" }).attach(rb);
  client.send(concat([new Uint8Array(client.headroom), Uint8Array.of(5)]));
  client.close(1000);
  await settled();
  deepStrictEqual(rb.bytes, [5]);
  deepStrictEqual([ra.closedTimes, ra.fault, rb.closedTimes, rb.fault], [1, null, 1, null]);
});

Deno.test("a connection that ends without goodbye is a loss", async () => {
  const { reader, peer } = server();
  peer.end();
  await settled();
  deepStrictEqual([reader.closedTimes, reader.fault?.kind], [1, "network"]);
});

Deno.test("bytes that came with the upgrade are read first", async () => {
  const [near, peer] = pipe();
  peer.write(frame(0x82, Uint8Array.of(2)));
  const early = frame(0x82, Uint8Array.of(1));
  const channel = new WebSocketChannel(near, { side: "server", mask: "zero", early });
  const reader = new ChannelRecorder();
  channel.attach(reader);
  deepStrictEqual(reader.bytes, []);
  await settled();
  deepStrictEqual(reader.bytes, [1, 2]);
});

Deno.test("a message leaves in one write, header and all", () => {
  const [near] = pipe();
  const channel = new WebSocketChannel(near, { side: "client", mask: "zero" });
  channel.send(new Uint8Array(channel.headroom + 100_000));
  deepStrictEqual([near.writes, near.bytesWritten], [1, 100_014]);
});

Deno.test("a peer that pings and never reads is cut off", async () => {
  const [near, peer] = pipe();
  const reader = new ChannelRecorder();
  new WebSocketChannel(near, { side: "server", mask: "zero" }).attach(reader);
  const ping = frame(0x89, new Uint8Array(125));
  for (let i = 0; i < 10_000; i++) peer.write(ping.slice());
  await settled();
  strictEqual(reader.fault?.kind, "network");
  ok(near.queuedBytes === 0);
});
