import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Clock } from "../core/clock.ts";
import { PullReader } from "../core/pull.ts";
import { systemClock } from "../sys/clock.ts";
import {
  decodeOpenHeader,
  dialClientTunnel,
  openClientStream,
  type TunnelSession,
  type TunnelStream,
} from "../tunnel/mod.ts";
import {
  connectAgent,
  dial,
  type FakeCluster,
  fakeClusterOf,
  type FakePair,
  hostPair,
  lockResource,
  type RunningFake,
  runProxy,
  userPair,
  userResource,
} from "./proxy_fake.ts";

const startup = Uint8Array.of(0, 0, 0, 9, 0, 3, 0, 0, 0);
const cancelRequest = Uint8Array.of(0, 0, 0, 16, 4, 210, 22, 46, 0, 7, 0, 1, 9, 8, 7, 6);

interface Scene extends RunningFake {
  readonly opened: TunnelStream[];
  join(pair: FakePair): Promise<TunnelSession>;
}

/** A proxy with an agent that echoes, and a client's tunnel on demand. */
async function scene(cluster: FakeCluster, clock: Clock = systemClock): Promise<Scene> {
  const running = await runProxy(cluster, {}, {}, clock);
  const agent = await hostPair(cluster.hostCa);
  const { opened } = await connectAgent(running.port, agent, { onOpen: echo });
  return {
    ...running,
    opened,
    join: async (pair) => {
      const stream = await dial(running.port, pair, [
        "remoteler-client-tunnel",
        "remoteler-postgres",
      ]);
      strictEqual(stream.alpn, "remoteler-client-tunnel");
      return dialClientTunnel(stream, { clock: systemClock, version: "1.2.3" });
    },
  };
}

function echo(stream: TunnelStream): void {
  if (decodeOpenHeader(stream.header).kind === "cancel") return stream.end();
  stream.accept();
  stream.attach({
    data: (chunk) => void stream.write(chunk),
    ended: () => stream.end(),
    drained() {},
    closed() {},
  });
}

/** All that a stream gives until it ends. */
async function all(stream: TunnelStream): Promise<string> {
  const pull = new PullReader(stream);
  let text = "";
  for (;;) {
    const chunk = await pull.pull().catch(() => null);
    if (chunk === null) break;
    text += new TextDecoder().decode(chunk);
  }
  stream.end();
  return text;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 400 && !condition(); turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  ok(condition(), "took too long");
}

Deno.test("each stream is a session of its own, with the chain of the connection", async () => {
  const cluster = await fakeClusterOf();
  const alice = await userPair(cluster.userCa);
  const { proxy, opened, join, events } = await scene(cluster);
  const tunnel = await join(alice);
  const pulls: PullReader[] = [];
  for (let i = 0; i < 20; i++) pulls.push(new PullReader(openClientStream(tunnel, startup)));
  for (const pull of pulls) deepStrictEqual(await pull.pull(), startup);
  deepStrictEqual([opened.length, proxy.health.sessions], [20, 20]);
  strictEqual(proxy.health.strangers, 0);
  for (const { header } of opened) {
    const { kind, service, chain } = decodeOpenHeader(header);
    deepStrictEqual([kind, service, chain[0]], ["db", "pg-orders", alice.chain[0]]);
  }
  tunnel.close();
  await until(() => proxy.health.sessions === 0);
  await proxy.stop();
  deepStrictEqual(events.map(({ event }) => event), ["agent.connect", "agent.disconnect"]);
});

Deno.test("one session's end and abort leave the others as they are", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, opened, join } = await scene(cluster);
  const tunnel = await join(await userPair(cluster.userCa));
  const streams = [1, 2, 3].map(() => openClientStream(tunnel, startup));
  const pulls = streams.map((stream) => new PullReader(stream));
  for (const pull of pulls) await pull.pull();
  streams[0]?.end();
  strictEqual(await pulls[0]?.pull(), null);
  opened[1]?.reset("ended", "killed by a lock");
  match(
    await pulls[1]?.pull().then(String, ({ message }) => message) ?? "",
    /killed by a lock/,
  );
  await pulls[2]?.write(startup);
  deepStrictEqual(await pulls[2]?.pull(), startup);
  await until(() => proxy.health.sessions === 1);
  tunnel.close();
  await proxy.stop();
});

const nobody = /* whose certificate lets nobody in */ {
  "no certificate": () => Promise.resolve(null),
  "a certificate without a route": ({ userCa }: FakeCluster) =>
    userPair(userCa, {}, undefined, null),
  "one of another authority": async () => await userPair((await fakeClusterOf()).userCa),
  "one that has ended": ({ userCa }: FakeCluster) => userPair(userCa, {}, Date.now() - 1_000),
  "one of an older generation": ({ userCa }: FakeCluster) => userPair(userCa, { generation: 2 }),
  "a host's": ({ hostCa }: FakeCluster) => hostPair(hostCa),
};

for (const [name, make] of Object.entries(nobody)) {
  Deno.test(`${name}: no stream is taken, and the connection ends`, async () => {
    const cluster = await fakeClusterOf();
    const { proxy, port, opened } = await scene(cluster);
    const stream = await dial(port, await make(cluster), ["remoteler-client-tunnel"]);
    const tunnel = dialClientTunnel(stream, { clock: systemClock, version: "1.2.3" });
    const one = openClientStream(tunnel, startup);
    match(await one.accepted.then(() => "accepted", ({ code }) => code), /^tunnel\.lost$/);
    await tunnel.closed;
    deepStrictEqual([opened.length, proxy.health.sessions], [0, 0]);
    await proxy.stop();
  });
}

Deno.test("a lock: the tunnel takes no stream, its sessions end within a second", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, opened, join } = await scene(cluster);
  const tunnel = await join(await userPair(cluster.userCa));
  const running = new PullReader(openClientStream(tunnel, startup));
  await running.pull();
  // On its way when the proxy hears of the lock.
  const late = openClientStream(tunnel, startup);
  cluster.cache.put(lockResource({ user: "alice" }, "gone fishing"));
  strictEqual(await late.accepted.catch(({ code }) => code), "tunnel.reset-retry");
  await until(() => tunnel.draining);
  const began = performance.now();
  await running.pull().then(() => ok(false, "the session went on"), () => {});
  ok(performance.now() - began < 1_000);
  strictEqual(opened.length, 1);
  await tunnel.closed;
  await proxy.stop();
});

Deno.test("each stream is verified by what is known when it says what it wants", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, opened, join, events } = await scene(cluster);
  const tunnel = await join(await userPair(cluster.userCa));
  const first = openClientStream(tunnel, new Uint8Array(0));
  await first.accepted;
  // It is taken already, and says what it wants once the user's roles have changed.
  cluster.cache.put(userResource("alice", 4));
  await until(() => tunnel.draining);
  first.write(startup);
  match(await all(first), /^E[^]*C28000[^]*log in/i);
  strictEqual(opened.length, 0);
  strictEqual(events.filter(({ event }) => event === "auth").length, 1);
  await tunnel.closed;
  await proxy.stop();
});

Deno.test("a certificate's end drains the tunnel, and its sessions go on", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, join } = await scene(cluster);
  const tunnel = await join(await userPair(cluster.userCa, {}, Date.now() + 2_500));
  const stream = openClientStream(tunnel, startup);
  const running = new PullReader(stream);
  await running.pull();
  const silent = openClientStream(tunnel, new Uint8Array(0));
  await silent.accepted;
  await until(() => tunnel.draining);
  silent.write(startup);
  match(await all(silent), /^E[^]*C28000/);
  await running.write(startup);
  deepStrictEqual(await running.pull(), startup);
  stream.end();
  strictEqual(await running.pull(), null);
  strictEqual(await tunnel.closed, null);
  await proxy.stop();
});

Deno.test("a request to cancel is passed on and its stream ends in order", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, opened, join } = await scene(cluster);
  const tunnel = await join(await userPair(cluster.userCa));
  const stream = openClientStream(tunnel, cancelRequest);
  strictEqual(await new PullReader(stream).pull(), null);
  const header = decodeOpenHeader(opened[0]?.header ?? new Uint8Array(0));
  deepStrictEqual([header.kind, header.cancelKey?.processId], ["cancel", 458753]);
  strictEqual(proxy.health.sessions, 0);
  tunnel.close();
  await proxy.stop();
});

Deno.test("a proxy that drains says so, lets sessions end, and closes", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, join } = await scene(cluster);
  const tunnel = await join(await userPair(cluster.userCa));
  const stream = openClientStream(tunnel, startup);
  const pull = new PullReader(stream);
  await pull.pull();
  const idle = await join(await userPair(cluster.userCa));
  const drained = proxy.drain();
  await until(() => tunnel.draining && idle.draining);
  strictEqual(await idle.closed, null);
  await pull.write(startup);
  deepStrictEqual(await pull.pull(), startup);
  stream.end();
  strictEqual(await pull.pull(), null);
  await tunnel.closed;
  await drained;
});

Deno.test("streams that come too fast are told to go elsewhere", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, join } = await scene(cluster);
  const tunnel = await join(await userPair(cluster.userCa));
  const refused: string[] = [];
  for (let round = 0; round < 8; round++) {
    const streams = Array.from(
      { length: 400 },
      () => openClientStream(tunnel, new Uint8Array(0)),
    );
    for (const stream of streams) {
      await stream.accepted.catch(({ code }) => refused.push(code));
      stream.reset("cancelled", "");
    }
  }
  ok(refused.length > 0, "all were taken");
  deepStrictEqual([...new Set(refused)], ["tunnel.reset-retry"]);
  strictEqual(tunnel.draining, false);
  tunnel.close();
  await proxy.stop();
});

Deno.test("streams that say nothing are let go when their time is over", async () => {
  const cluster = await fakeClusterOf();
  const after: Clock["after"] = (delayMs, run) => systemClock.after(delayMs / 50, run);
  const { proxy, join } = await scene(cluster, { ...systemClock, after });
  const tunnel = await join(await userPair(cluster.userCa));
  const silent = openClientStream(tunnel, new Uint8Array(0));
  await silent.accepted;
  const fault = await new PullReader(silent).pull().then(() => null, ({ message }) => message);
  match(String(fault), /did not finish its handshake in time/);
  strictEqual(tunnel.draining, false);
  tunnel.close();
  await proxy.stop();
});
