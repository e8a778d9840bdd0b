import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { pipe, type PipeEnd, Recorder } from "../../tests/fakes/pipe.ts";
import { dialClientTunnel, openClientStream, serveClientTunnel } from "./client_tunnel.ts";
import type { TunnelSession, TunnelStream } from "./contract.ts";
import { encodeFrame, frameTypes } from "./frame.ts";
import { decodeClientHello } from "./hello.ts";
import { endWhenIdle } from "./idle.ts";

interface Pair {
  readonly clock: SteppingClock;
  readonly near: TunnelSession;
  readonly far: TunnelSession;
  readonly ends: [PipeEnd, PipeEnd];
  readonly opened: TunnelStream[];
}

const proxyHello = { v: 1, host: "a", cluster: "example.test", version: "0.1.0" } as const;

function pair(): Pair {
  const clock = new SteppingClock();
  const ends = pipe();
  const opened: TunnelStream[] = [];
  const near = dialClientTunnel(ends[0], { clock, version: "0.1.0" });
  const onOpen = (stream: TunnelStream) => void opened.push(stream);
  const far = serveClientTunnel(ends[1], { clock, hello: proxyHello, onOpen });
  return { clock, near, far, ends, opened };
}

const text = (words: string) => new TextEncoder().encode(words);

Deno.test("a stream's first bytes leave with it, before the peer is heard", async () => {
  const clock = new SteppingClock();
  const [near, far] = pipe();
  const received = new Recorder();
  far.attach(received);
  openClientStream(dialClientTunnel(near, { clock, version: "1" }), text("first words"));
  await settled();
  match(received.text, /"version":"1"[^]*first words$/);
});

Deno.test("bytes, half-closes and resets of one stream are no other's", async () => {
  const { near, far, opened } = pair();
  const [a, b] = [openClientStream(near, text("a")), openClientStream(near, text("b"))];
  const told = [a, b].map((stream) => {
    const recorder = new Recorder();
    stream.attach(recorder);
    return recorder;
  });
  await settled();
  const heard = opened.map((stream) => {
    const recorder = new Recorder();
    stream.attach(recorder);
    stream.accept();
    return recorder;
  });
  await settled();
  deepStrictEqual(heard.map((one) => one.text), ["a", "b"]);
  a.end();
  opened[1]?.reset("ended", "killed");
  await settled();
  deepStrictEqual([heard[0]?.isEnded, heard[0]?.outcome], [true, undefined]);
  strictEqual(told[1]?.outcome?.message, "killed");
  opened[0]?.write(text("still"));
  opened[0]?.end();
  await settled();
  deepStrictEqual([told[0]?.text, told[0]?.outcome, far.openStreams], ["still", null, 0]);
});

Deno.test("a drained session ends in order on both sides, once its streams have", async () => {
  const { near, far, opened, clock } = pair();
  const stream = openClientStream(near, text("a"));
  await settled();
  far.goaway("elsewhere");
  await settled();
  deepStrictEqual([near.draining, near.openStreams], [true, 1]);
  for (const one of [stream, ...opened]) one.attach(new Recorder());
  stream.end();
  opened[0]?.end();
  await settled();
  deepStrictEqual([await near.closed, await far.closed], [null, null]);
  strictEqual(clock.pending, 0);
});

Deno.test("a connection that ends without GOAWAY is lost, streams and all", async () => {
  const { near, far, ends } = pair();
  const stream = openClientStream(near, text("a"));
  await settled();
  ends[1].abort();
  strictEqual((await near.closed)?.kind, "network");
  await far.closed;
  strictEqual(await stream.accepted.catch(({ fields }) => fields["reset"]), "retry");
});

Deno.test("a peer that half-closes without a word is let go", async () => {
  const clock = new SteppingClock();
  const [near, far] = pipe();
  const session = serveClientTunnel(near, { clock, hello: proxyHello, onOpen: () => {} });
  far.attach(new Recorder());
  far.end();
  strictEqual((await session.closed)?.code, "tunnel.lost");
  await settled();
  deepStrictEqual([near.isClosed, clock.pending], [true, 0]);
});

for (const header of [[], [2], [1, 1]]) {
  Deno.test(`a stream with the header [${header}] is refused, and only that`, async () => {
    const { near, far, opened } = pair();
    const stream = near.open(Uint8Array.from(header));
    await settled();
    strictEqual(await stream.accepted.catch(({ code }) => code), "tunnel.reset-refused");
    deepStrictEqual([opened.length, near.draining, far.draining], [0, false, false]);
  });
}

Deno.test("a HELLO of another version ends the session", async () => {
  const clock = new SteppingClock();
  const [near, far] = pipe();
  const session = serveClientTunnel(near, { clock, hello: proxyHello, onOpen: () => {} });
  far.attach(new Recorder());
  far.write(encodeFrame(frameTypes.hello, 0, text('{"v":2,"version":"9"}')));
  await settled();
  await clock.step(2_000);
  strictEqual((await session.closed)?.code, "tunnel.malformed");
});

Deno.test("a client's HELLO is read strictly, and may say more", () => {
  deepStrictEqual(decodeClientHello(text('{"v":1,"version":"2","also":[]}')), {
    v: 1,
    version: "2",
  });
  for (
    const bad of ["[]", '{"v":1}', '{"v":1,"version":3}', `{"v":1,"version":"${"x".repeat(257)}"}`]
  ) {
    let code = "";
    try {
      decodeClientHello(text(bad));
    } catch (thrown) {
      code = String(Reflect.get(Object(thrown), "code"));
    }
    strictEqual(code, "tunnel.malformed", bad);
  }
});

Deno.test("at most 512 streams; the peer says retry to more", async () => {
  const { near } = pair();
  for (let i = 0; i < 512; i++) openClientStream(near, text("x"));
  let code = "";
  try {
    openClientStream(near, text("x"));
  } catch (thrown) {
    code = String(Reflect.get(Object(thrown), "code"));
  }
  strictEqual(code, "tunnel.streams-limit");
  await settled();
});

Deno.test("a session without streams for a whole period is drained", async () => {
  const clock = new SteppingClock();
  let reason = "";
  const ended = Promise.withResolvers<null>();
  const session = {
    openStreams: 1,
    goaway: (why: string) => void (reason = why),
    closed: ended.promise,
  };
  const watch = endWhenIdle(session, { clock, periodMs: 100 });
  await clock.step(500);
  session.openStreams = 0;
  await clock.step(100);
  strictEqual(reason, "");
  watch.touch();
  await clock.step(100);
  strictEqual(reason, "");
  await clock.step(100);
  strictEqual(reason, "no streams");
  ended.resolve(null);
  await settled();
  strictEqual(clock.pending, 0);
});
