/** What the other end of a tunnel, or whoever reached its port, could send. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { concat } from "../../lib/bytes/writer.ts";
import { Fault } from "../../lib/core/fault.ts";
import { PullReader } from "../../lib/core/pull.ts";
import type { ByteStream, StreamReader } from "../../lib/core/stream.ts";
import {
  decodeCoded,
  encodeCoded,
  encodeFrame,
  encodeWindow,
  frameTypes,
} from "../../lib/tunnel/frame.ts";
import {
  decodeAgentHello,
  decodeClientHello,
  decodeProxyHello,
  encodeHello,
} from "../../lib/tunnel/hello.ts";
import {
  decodeOpenHeader,
  encodeOpenHeader,
  type OpenHeader,
} from "../../lib/tunnel/open_header.ts";
import { startSession } from "../../lib/tunnel/session.ts";
import { acceptUpgrade, requestUpgrade } from "../../lib/tunnel/upgrade.ts";
import { WebSocketChannel } from "../../lib/tunnel/websocket.ts";
import { SteppingClock } from "../fakes/clock.ts";
import { pipe } from "../fakes/pipe.ts";
import { FakeChannel } from "../fakes/tunnel.ts";
import type { Delivery, Target } from "./campaign.ts";

const encoder = new TextEncoder();
const agentHello = encodeHello({
  v: 1,
  host: "5e0f3c1e-97a7-4b7c-a9d4-7a3b8d2c6f10",
  number: 7,
  version: "0.1.0",
  services: [{ name: "orders", protocol: "postgres", labels: { env: "prod" } }],
});
const proxyHello = encodeHello({ v: 1, host: "p", cluster: "example", version: "0.1.0" });
const opened: OpenHeader = {
  v: 1,
  kind: "db",
  service: "orders",
  clientAddress: "192.0.2.1:9",
  proxy: "p",
  trace: "t",
  chain: [new Uint8Array(400), new Uint8Array(300)],
};
const cancelKey = { processId: -5, secret: Uint8Array.of(1, 2, 3, 4) };
const openHeaders = [
  encodeOpenHeader({ ...opened, via: "q" }),
  encodeOpenHeader({ ...opened, kind: "tls", chain: [] }),
  encodeOpenHeader({ ...opened, kind: "cancel", chain: [], cancelKey }),
];

const frame = encodeFrame;
const t = frameTypes;
const some = (bytes: number) => new Uint8Array(bytes).fill(0x61);
/** Conversations of a peer that dialled. */
const sessions = [
  [frame(t.open, 1, some(20)), frame(t.data, 1, some(50)), frame(t.data, 1, some(9000))],
  [frame(t.open, 1), frame(t.fin, 1), frame(t.open, 3), frame(t.reset, 3, Uint8Array.of(3))],
  [frame(t.open, 1), encodeWindow(1, 70_000), frame(t.ping, 0, some(8)), frame(t.pong, 0, some(8))],
  [frame(t.open, 5), encodeCoded(t.goaway, 0, { code: 0, text: "drain" }), frame(t.fin, 5)],
  [frame(t.accept, 2), frame(t.data, 2, some(30)), encodeWindow(2, 9), frame(t.fin, 2)],
  [frame(t.data, 2, some(30)), frame(t.fin, 2), encodeCoded(t.goaway, 0, { code: 2, text: "x" })],
].map((frames) => concat([frame(t.hello, 0, agentHello), ...frames]));
const frameWords = Object.values(t).map((type) => String.fromCharCode(type, 0, 0));

/** Reads, writes back, pauses and finishes as it happens; counts. */
function reader(stream: ByteStream, { random }: Delivery): StreamReader & { bytes: number } {
  return {
    bytes: 0,
    data(chunk) {
      this.bytes += chunk.length;
      const choice = random.below(8);
      if (choice === 0) stream.pause();
      if (choice < 3) stream.write(chunk);
      if (choice === 3) stream.end();
    },
    ended: () => stream.end(),
    drained() {},
    closed() {},
  };
}

function session(input: Uint8Array, delivery: Delivery): string {
  const { random } = delivery;
  const clock = new SteppingClock();
  const channel = new FakeChannel();
  const readers: { bytes: number }[] = [];
  const attach = (stream: ByteStream) => {
    const one = reader(stream, delivery);
    readers.push(one);
    stream.attach(one);
  };
  const tunnel = startSession(channel, {
    side: "server",
    clock,
    hello: proxyHello,
    // Lets small inputs reach the limits.
    limits: { streamsMax: 6, controlBytesMax: 4096 },
    onOpen: (stream) => {
      if (random.below(2) === 0) stream.accept();
      if (random.below(4) > 0) attach(stream);
    },
    defer: (run) => run(),
  });
  attach(tunnel.open(some(10)));
  for (const part of delivery.cuts(input)) {
    channel.receive(part);
    if (random.below(10) === 0) channel.takesMore = false;
    else if (!channel.takesMore) channel.drain();
  }
  ok(tunnel.openStreams <= 6, "more streams than allowed");
  const delivered = readers.reduce((sum, one) => sum + one.bytes, 0);
  ok(delivered <= input.length, "delivered what never came");
  const sent = channel.sent.reduce((sum, message) => sum + message.length, 0);
  ok(sent <= 4096 + input.length * 4, "says far more than it is asked");
  const goaways = channel.frames().filter((frame) => frame.type === t.goaway);
  const why = goaways.map(({ body }) => decodeCoded(body).text.replaceAll(/\d+/g, "#")).join();
  const kind = `${channel.closedWith} ${tunnel.openStreams} ${delivered > 0} ${why}`;
  tunnel.close();
  channel.lose(null);
  strictEqual(clock.pending, 0, "a timer is left");
  return kind;
}

/** A stream whose other side is the test. */
class Wire implements ByteStream {
  readonly queuedBytes = 0;
  readonly remoteAddress = "";
  written = 0;
  isGone = false;
  #reader: StreamReader | null = null;
  attach(reader: StreamReader): void {
    this.#reader = reader;
  }
  pause(): void {}
  resume(): void {}
  write(bytes: Uint8Array): boolean {
    this.written += bytes.length;
    return true;
  }
  end(): void {}
  abort(): void {
    this.isGone = true;
  }
  receive(bytes: Uint8Array): void {
    this.#reader?.data(bytes);
  }
}

function webSocket(input: Uint8Array, { cuts }: Delivery): string {
  const wire = new Wire();
  const channel = new WebSocketChannel(wire, { side: "server", mask: "zero" });
  let [payload, ends] = [0, 0];
  let why = "";
  channel.attach({
    data: (part) => payload += part.length,
    drained() {},
    closed: (fault) => {
      ends += 1;
      why = fault?.message.replaceAll(/\d+/g, "#") ?? "orderly";
    },
  });
  for (const part of cuts(input)) if (!wire.isGone) wire.receive(part);
  ok(payload <= input.length, "delivered what never came");
  ok(wire.written <= input.length + 14, "says more than it is asked");
  ok(ends <= 1, "closed twice");
  return `${payload > 0} ${why}`;
}

const mask = Uint8Array.of(1, 2, 3, 4);
/** A client's frame of up to 125 bytes (RFC 6455 §5.2). */
function wsFrame(first: number, body: Uint8Array): Uint8Array {
  const masked = body.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return concat([Uint8Array.of(first, 0x80 | body.length), mask, masked]);
}
const webSockets = [
  [wsFrame(0x82, some(100)), wsFrame(0x89, some(5)), wsFrame(0x8a, some(0))],
  [wsFrame(0x02, some(10)), wsFrame(0x89, some(3)), wsFrame(0x00, some(0)), wsFrame(0x80, some(9))],
  [wsFrame(0x82, some(1)), wsFrame(0x88, Uint8Array.of(3, 232)), wsFrame(0x82, some(7))],
  [Uint8Array.of(0x82, 0xfe, 1, 0), mask, some(256), Uint8Array.of(0x82, 0xff, 0, 0, 0, 0)],
].map(concat);

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const nonce = encoder.encode("0123456789abcdef");
const key = btoa("0123456789abcdef");
const accepted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  .digest("base64");
const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Protocol: remoteler.tunnel.v1\r\n";
const upgradeWords = ["\r\n", "\r", "  ", " \t ", ": ", ",", "Upgrade", "websocket", "HTTP/1.1"];

/** An upgrade with a peer that says `input` and leaves. */
async function upgrading(
  input: Uint8Array,
  { cuts }: Delivery,
  run: (reader: PullReader, signal: AbortSignal) => Promise<void>,
): Promise<string> {
  const [near, far] = pipe();
  const reader = new PullReader(near);
  far.attach({ data() {}, ended() {}, drained() {}, closed() {} });
  for (const part of cuts(input)) far.write(part);
  far.end();
  await run(reader, new AbortController().signal);
  return "upgraded";
}

export const targets: readonly Target[] = [
  {
    name: "tunnel session",
    seeds: sessions,
    words: frameWords,
    bytesMax: 150_000,
    answers: [],
    run: session,
  },
  {
    name: "tunnel WebSocket",
    seeds: webSockets,
    words: ["\x82\xff\0\0\0\0\0\x01\0\0", "\x89\x80\0\0\0\0", "\x88\x80\0\0\0\0"],
    answers: [],
    run: webSocket,
  },
  {
    name: "tunnel upgrade, proxy side",
    seeds: [
      `GET /v1/tunnel HTTP/1.1\r\nHost: a\r\n${upgrade}Sec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${key}\r\n\r\n`,
      // Blanks that end in something that is none: slow for many an expression.
      `GET /v1/tunnel HTTP/1.1\r\nHost:${" ".repeat(7000)}\r \r\n\r\n`,
    ].map((text) => encoder.encode(text)),
    words: upgradeWords,
    bytesMax: 10_000,
    answers: [Fault],
    run: (input, delivery) =>
      upgrading(input, delivery, (reader, signal) => acceptUpgrade(reader, { sha1, signal })),
  },
  {
    name: "tunnel upgrade, agent side",
    seeds: [encoder.encode(
      `HTTP/1.1 101 Switching Protocols\r\n${upgrade}Sec-WebSocket-Accept: ${accepted}\r\n\r\n`,
    )],
    words: upgradeWords,
    bytesMax: 10_000,
    answers: [Fault],
    run: (input, delivery) =>
      upgrading(
        input,
        delivery,
        (reader, signal) => requestUpgrade(reader, { host: "a", nonce, sha1, signal }),
      ),
  },
  {
    name: "tunnel HELLO",
    seeds: [agentHello, proxyHello],
    words: ['"__proto__"', '"v":1', "[]", "{}", "null", "1e999", '"\\ud800"'],
    answers: [Fault],
    run: (input) => {
      const agent = decodeAgentHello(input);
      deepStrictEqual(decodeAgentHello(encodeHello(agent)), agent);
      strictEqual(decodeClientHello(input).version, agent.version);
      return `${agent.services.length} ${decodeProxyHello(input).v}`;
    },
  },
  {
    name: "tunnel OPEN header",
    seeds: openHeaders,
    words: ['"__proto__"', '"kind":"tls"', '"via":""', "[]", "{}", "null", "-0", '"\\ud800"'],
    bytesMax: 40_000,
    answers: [Fault],
    run: (input) => {
      const header = decodeOpenHeader(input);
      const again = encodeOpenHeader(header);
      strictEqual(encodeOpenHeader(decodeOpenHeader(again)).toHex(), again.toHex());
      return `${header.kind} ${header.chain.length}`;
    },
  },
];
