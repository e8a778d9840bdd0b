import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { pipe, type PipeEnd, Recorder } from "../../tests/fakes/pipe.ts";
import { concat } from "../bytes/writer.ts";
import { Fault } from "../core/fault.ts";
import { serveClientTunnel, type TunnelSession, type TunnelStream } from "../tunnel/mod.ts";
import { type FakeComputer, fakeComputer } from "./client_fake.ts";

async function soon(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
}

interface Far {
  readonly session: TunnelSession;
  readonly end: PipeEnd;
  readonly streams: { readonly stream: TunnelStream; readonly received: Recorder }[];
}

interface Running {
  readonly computer: FakeComputer;
  /** The proxy's side of each connection that is a tunnel. */
  readonly far: Far[];
  /** Of those that are for one alone. */
  readonly own: Recorder[];
  readonly behaviour: { accepts: boolean; isGone: boolean };
  stop(): Promise<void>;
}

const hello = { v: 1, host: "a", cluster: "example.test", version: "0.1.0" } as const;

/** `tsh proxy db orders --tunnel`, with a proxy that takes streams. */
async function run(isOld = false): Promise<Running> {
  const computer = await fakeComputer();
  computer.isOld = isOld;
  await computer.tsh(
    ["login", "--proxy=db.example.com", "--user=alice", "--password-stdin"],
    "a password\n",
  );
  const far: Far[] = [];
  const own: Recorder[] = [];
  const behaviour = { accepts: true, isGone: false };
  computer.connect = () => {
    if (behaviour.isGone) {
      throw new Fault({ kind: "network", code: "test.refused", message: "refused" });
    }
    const [near, end] = pipe();
    const { alpn = [] } = computer.dialled.at(-1)?.options ?? {};
    if (isOld || alpn[0] !== "remoteler-client-tunnel") {
      const received = new Recorder();
      end.attach(received);
      own.push(received);
      return near;
    }
    const streams: Far["streams"] = [];
    const session = serveClientTunnel(end, {
      clock: computer.clock,
      hello,
      onOpen: (stream) => {
        const received = new Recorder();
        streams.push({ stream, received });
        stream.attach(received);
        if (behaviour.accepts) stream.accept();
      },
    });
    far.push({ session, end, streams });
    return near;
  };
  const done = computer.tsh(["proxy", "db", "orders", "--tunnel"]);
  await soon();
  return {
    computer,
    far,
    own,
    behaviour,
    stop: async () => {
      computer.stop.abort();
      assert.equal((await done).code, 0);
    },
  };
}

function connect(
  { computer }: Running,
  ...more: Uint8Array[]
): { client: PipeEnd; received: Recorder } {
  const [client, end] = pipe();
  const received = new Recorder();
  client.attach(received);
  computer.listening?.(Object.assign(end, { localAddress: "127.0.0.1:45001" }));
  client.write(concat([startup, ...more]));
  return { client, received };
}

const startup = Uint8Array.of(0, 0, 0, 9, 0, 3, 0, 0, 0);
const text = (words: string) => new TextEncoder().encode(words);

Deno.test("connections made at once share one dial, and each has its own stream", async () => {
  const running = await run();
  const clients = [connect(running), connect(running), connect(running)];
  await soon();
  const [one] = running.far;
  assert.deepEqual([running.far.length, one?.streams.length, running.own.length], [1, 3, 0]);
  for (const { received } of one?.streams ?? []) assert.deepEqual(received.whole, startup);
  one?.streams.forEach(({ stream }, i) => stream.write(text(`answer ${i}`)));
  await soon();
  assert.deepEqual(clients.map(({ received }) => received.text), [
    "answer 0",
    "answer 1",
    "answer 2",
  ]);
  await running.stop();
  assert.equal(await one?.session.closed, null);
});

Deno.test("half-closes and resets reach the program that they are for", async () => {
  const running = await run();
  const [a, b] = [connect(running), connect(running)];
  await soon();
  const [first, second] = running.far[0]?.streams ?? [];
  a.client.end();
  second?.stream.reset("ended", "killed");
  await soon();
  assert.deepEqual([first?.received.isEnded, first?.received.outcome], [true, undefined]);
  assert.ok(b.client.isClosed);
  first?.stream.end();
  await soon();
  assert.equal(a.received.outcome, null);
  await running.stop();
});

Deno.test("a program that is killed resets its stream, not the connection", async () => {
  const running = await run();
  const [a, b] = [connect(running), connect(running)];
  await soon();
  a.client.abort();
  await soon();
  const [first, second] = running.far[0]?.streams ?? [];
  assert.notEqual(first?.received.outcome, undefined);
  second?.stream.write(text("alive"));
  await soon();
  assert.equal(b.received.text, "alive");
  await running.stop();
});

Deno.test("a renewed certificate has a connection of its own; the old one drains", async () => {
  const running = await run();
  // Certificates last an hour here, and are renewed 5 minutes before their end.
  await running.computer.clock.step(54.9 * 60_000);
  const old = connect(running);
  await soon();
  const pairOf = (at: number) =>
    running.computer.dialled.filter(({ options }) =>
      options.alpn?.[0] === "remoteler-client-tunnel"
    ).at(at)?.options.keyPair?.key;
  // Keepalives are answered on the way there.
  for (let i = 0; i < 10; i++) await running.computer.clock.step(2_000);
  connect(running);
  await soon();
  assert.deepEqual(running.far.map(({ streams }) => streams.length), [1, 1]);
  assert.notEqual(pairOf(0), pairOf(1));
  running.far[0]?.streams[0]?.stream.write(text("as before"));
  await soon();
  assert.equal(old.received.text, "as before");
  old.client.end();
  running.far[0]?.streams[0]?.stream.end();
  await soon();
  assert.equal(await running.far[0]?.session.closed, null);
  await running.stop();
});

Deno.test("a proxy that drains gets no new stream", async () => {
  const running = await run();
  const old = connect(running);
  await soon();
  running.far[0]?.session.goaway("the proxy is shutting down");
  await soon();
  connect(running);
  await soon();
  assert.deepEqual(running.far.map(({ streams }) => streams.length), [1, 1]);
  assert.ok(!old.client.isClosed);
  await running.stop();
});

Deno.test("a lost connection ends what ran on it; the next one is dialled anew", async () => {
  const running = await run();
  const { client } = connect(running);
  await soon();
  running.behaviour.isGone = true;
  running.far[0]?.end.abort();
  await soon();
  assert.ok(client.isClosed);
  const refused = connect(running);
  await soon();
  assert.match(refused.received.text, /^E[^]*refused/);
  running.behaviour.isGone = false;
  connect(running);
  await soon();
  assert.equal(running.far[1]?.streams.length, 1);
  await running.stop();
});

Deno.test("no answer within 3 s: a connection of its own, and the next dials anew", async () => {
  const running = await run();
  running.behaviour.accepts = false;
  connect(running);
  await soon();
  assert.equal(running.own.length, 0);
  await running.computer.clock.step(3_000);
  await soon();
  assert.deepEqual(running.own.map(({ whole }) => whole), [startup]);
  running.behaviour.accepts = true;
  connect(running);
  await soon();
  assert.deepEqual([running.far.length, running.own.length], [2, 1]);
  await running.stop();
});

Deno.test("a stream that is turned away goes over a connection of its own", async () => {
  const running = await run();
  connect(running);
  await soon();
  running.behaviour.accepts = false;
  const { received } = connect(running);
  await soon();
  running.far[0]?.streams[1]?.stream.reset("retry", "too many streams at once");
  await soon();
  assert.deepEqual(running.own.map(({ whole }) => whole), [startup]);
  assert.equal(received.text, "");
  await running.stop();
});

Deno.test("what a program says after its first message is sent once", async () => {
  const running = await run();
  running.behaviour.accepts = false;
  connect(running, text("a statement"));
  await soon();
  const [one] = running.far[0]?.streams ?? [];
  assert.deepEqual(one?.received.whole, startup);
  one?.stream.reset("retry", "draining");
  await soon();
  assert.deepEqual(running.own[0]?.whole, concat([startup, text("a statement")]));
  running.behaviour.accepts = true;
  connect(running, text("another"));
  await soon();
  assert.deepEqual(
    running.far[0]?.streams[1]?.received.whole,
    concat([startup, text("another")]),
  );
  await running.stop();
});

Deno.test("an older proxy: the handshake is not in vain, and it isn't asked again", async () => {
  const running = await run(true);
  for (let i = 0; i < 3; i++) connect(running);
  await soon();
  assert.deepEqual(running.own.map(({ whole }) => whole), [startup, startup, startup]);
  const offers = running.computer.dialled.map(({ options }) => options.alpn ?? [])
    .filter((alpn) => alpn.includes("remoteler-postgres"));
  assert.deepEqual(offers, [
    ["remoteler-client-tunnel", "remoteler-postgres"],
    ["remoteler-postgres"],
    ["remoteler-postgres"],
  ]);
  await running.stop();
});

Deno.test("the connection is closed after a while without streams, and made again", async () => {
  const running = await run();
  const { client } = connect(running);
  await soon();
  client.end();
  running.far[0]?.streams[0]?.stream.end();
  await soon();
  for (let i = 0; i < 50; i++) await running.computer.clock.step(2_000);
  assert.equal(await running.far[0]?.session.closed, null);
  connect(running);
  await soon();
  assert.equal(running.far[1]?.streams.length, 1);
  await running.stop();
});

Deno.test("a program that doesn't read holds back its own stream and no other", async () => {
  const running = await run();
  const [slow, other] = [connect(running), connect(running)];
  await soon();
  slow.client.pause();
  const [first, second] = running.far[0]?.streams ?? [];
  let written = 0;
  while (first?.stream.write(new Uint8Array(65_536)) === true && written++ < 1_000) await settled();
  assert.ok(written < 40, `${written} chunks of 64 KiB went in`);
  second?.stream.write(text("at once"));
  await soon();
  assert.equal(other.received.text, "at once");
  slow.client.resume();
  await soon();
  assert.equal(first?.stream.queuedBytes, 0);
  await running.stop();
});
