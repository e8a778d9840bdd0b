import { createHash } from "node:crypto";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { pipe, type PipeEnd, Recorder } from "../../tests/fakes/pipe.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import {
  dialTunnel,
  type DialTunnelOptions,
  serveTunnel,
  type ServeTunnelOptions,
} from "./dial.ts";
import type { TunnelStream } from "./contract.ts";

const sha1 = (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest();
const agent = { v: 1 as const, host: "agent-1", number: 3, version: "0.1.0", services: [] };
const proxy = { v: 1 as const, host: "proxy-1", cluster: "example", version: "0.1.0" };

function serving(clock: SteppingClock, opened: TunnelStream[] = []): ServeTunnelOptions {
  return { clock, sha1, hello: proxy, onOpen: (stream) => opened.push(stream) };
}

function dialling(clock: SteppingClock, opened: TunnelStream[] = []): DialTunnelOptions {
  return {
    clock,
    sha1,
    hello: agent,
    host: "proxy.example",
    random: new SeededRandom(2),
    onOpen: (stream) => opened.push(stream),
  };
}

const faultOf = (code: string) => (e: unknown): boolean => e instanceof Fault && e.code === code;

Deno.test("dialling and serving meet, exchange HELLO and carry streams, at any cut", async () => {
  const random = new SeededRandom(1);
  for (const cut of [undefined, () => 1, () => 1 + random.below(40)]) {
    for (const mask of ["zero", "random"] as const) {
      const clock = new SteppingClock();
      const [near, far] = pipe(cut === undefined ? {} : { cut });
      const opened: TunnelStream[] = [];
      const [dialled, served] = await Promise.all([
        dialTunnel(near, { ...dialling(clock, opened), mask }),
        serveTunnel(far, serving(clock)),
      ]);
      deepStrictEqual([dialled.hello, served.hello], [proxy, agent]);
      const stream = served.session.open(Uint8Array.of(1));
      stream.attach(new Recorder());
      stream.write(Uint8Array.of(1, 2, 3));
      await settled();
      const there = new Recorder();
      opened[0]?.attach(there);
      await settled();
      deepStrictEqual([...there.whole], [1, 2, 3]);
      dialled.session.close();
      deepStrictEqual([await dialled.session.closed, await served.session.closed], [null, null]);
      strictEqual(clock.pending, 0);
    }
  }
});

/** Serves one end and hands the other to the test. */
function servedByTest(): {
  clock: SteppingClock;
  peer: PipeEnd;
  seen: Recorder;
  result: Promise<unknown>;
} {
  const clock = new SteppingClock();
  const [near, peer] = pipe();
  const seen = new Recorder();
  peer.attach(seen);
  // What a silent peer of a session meets is another test's: here the time for HELLO counts.
  const result = serveTunnel(near, { ...serving(clock), keepaliveMs: 60_000 });
  result.catch(() => {});
  return { clock, peer, seen, result };
}

const good = [
  "GET /v1/tunnel HTTP/1.1",
  "Host: proxy.example",
  "Upgrade: websocket",
  "Connection: keep-alive, Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Protocol: remoteler.tunnel.v1",
];
const without = (name: string): string[] => good.filter((line) => !line.startsWith(name));
const withLine = (line: string): string[] => [...good, line];

Deno.test("the accept value is that of RFC 6455 §1.3", async () => {
  const { clock, peer, seen, result } = servedByTest();
  peer.write(new TextEncoder().encode(good.join("\r\n") + "\r\n\r\n"));
  await settled();
  ok(seen.text.startsWith("HTTP/1.1 101 "));
  ok(seen.text.includes("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  await clock.step(10_000);
  await rejects(result, faultOf("tunnel.timeout"));
  await clock.step(5_000);
  strictEqual(clock.pending, 0);
});

const refused: readonly [name: string, status: string, lines: readonly string[]][] = [
  ["another path", "404", ["GET / HTTP/1.1", ...good.slice(1)]],
  ["another method", "405", ["POST /v1/tunnel HTTP/1.1", ...good.slice(1)]],
  ["HTTP/1.0", "400", ["GET /v1/tunnel HTTP/1.0", ...good.slice(1)]],
  ["no Host", "400", without("Host")],
  ["no Upgrade", "426", without("Upgrade")],
  ["no Connection", "426", without("Connection")],
  ["no key", "400", without("Sec-WebSocket-Key")],
  ["two keys", "400", withLine("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")],
  ["another version", "426", [...without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 8"]],
  ["no subprotocol", "400", without("Sec-WebSocket-Protocol")],
  ["a body", "400", withLine("Content-Length: 4")],
  ["a chunked body", "400", withLine("Transfer-Encoding: chunked")],
];

for (const [name, status, lines] of refused) {
  Deno.test(`the upgrade is refused with ${status}: ${name}`, async () => {
    const { clock, peer, seen, result } = servedByTest();
    peer.write(new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
    await rejects(result, faultOf("tunnel.upgrade"));
    await settled();
    ok(seen.text.startsWith(`HTTP/1.1 ${status} `), seen.text);
    await clock.step(1_000);
    deepStrictEqual([peer.isClosed, clock.pending], [true, 0]);
  });
}

const broken: readonly [name: string, head: string][] = [
  ["a folded line", good.join("\r\n") + "\r\n folded\r\n\r\n"],
  ["a name with a space", good.join("\r\n") + "\r\nX : y\r\n\r\n"],
  ["a head of 8 KiB and more", good.join("\r\n") + `\r\nX: ${"y".repeat(9_000)}\r\n\r\n`],
  ["a head that never ends", "GET /v1/tunnel HTTP/1.1\r\n" + "a".repeat(9_000)],
  ["too many lines", good.join("\r\n") + "\r\n" + "A: b\r\n".repeat(100) + "\r\n"],
];

for (const [name, head] of broken) {
  Deno.test(`the upgrade is dropped: ${name}`, async () => {
    const { clock, peer, result } = servedByTest();
    peer.write(new TextEncoder().encode(head));
    await rejects(result, faultOf("tunnel.upgrade"));
    await clock.step(1_000);
    deepStrictEqual([peer.isClosed, clock.pending], [true, 0]);
  });
}

Deno.test("a silent client is dropped in time, and so is one that stops half way", async () => {
  for (const sent of ["", "GET /v1/tunnel"]) {
    const { clock, peer, result } = servedByTest();
    if (sent !== "") peer.write(new TextEncoder().encode(sent));
    await clock.step(9_900);
    strictEqual(peer.isClosed, false);
    await clock.step(200);
    await rejects(result, faultOf("tunnel.timeout"));
    await clock.step(1_000);
    deepStrictEqual([peer.isClosed, clock.pending], [true, 0]);
  }
});

const answers: readonly [name: string, answer: string][] = [
  ["another status", "HTTP/1.1 403 Forbidden\r\n\r\n"],
  ["no HTTP", "SSH-2.0-x\r\n\r\n\r\n"],
  [
    "a wrong accept value",
    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" +
    "Sec-WebSocket-Protocol: remoteler.tunnel.v1\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
  ],
];

for (const [name, answer] of answers) {
  Deno.test(`the agent refuses the answer: ${name}`, async () => {
    const clock = new SteppingClock();
    const [near, peer] = pipe();
    peer.attach(new Recorder());
    const result = dialTunnel(near, dialling(clock));
    result.catch(() => {});
    peer.write(new TextEncoder().encode(answer));
    await rejects(result, faultOf("tunnel.upgrade"));
    await clock.step(1_000);
    strictEqual(clock.pending, 0);
  });
}

Deno.test("an agent that is told to stop while dialling stops", async () => {
  const clock = new SteppingClock();
  const [near] = pipe();
  const stop = new AbortController();
  const result = dialTunnel(near, { ...dialling(clock), signal: stop.signal });
  result.catch(() => {});
  await settled();
  stop.abort(new Fault({ kind: "cancelled", code: "test.stop", message: "stopping" }));
  await rejects(result, faultOf("test.stop"));
  await clock.step(1_000);
  deepStrictEqual([near.isClosed, clock.pending], [true, 0]);
});
