import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { ByteStream } from "../core/stream.ts";
import { PullReader } from "../core/pull.ts";
import { connectTcp, listenTcp } from "../sys/tcp.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import { startTlsClient } from "../sys/tls.ts";
import { fakeHost } from "../ca/ca_fake.ts";
import { certificatePem } from "../ca/mod.ts";
import { decodeOpenHeader, type TunnelStream } from "../tunnel/mod.ts";
import {
  connectAgent,
  dial,
  fakeClusterOf,
  type FakePair,
  hostPair,
  hourMs,
  lockResource,
  runProxy,
  userPair,
} from "./proxy_fake.ts";

const cluster = await fakeClusterOf();
const agentPair = await hostPair(cluster.hostCa);
const alice = await userPair(cluster.userCa);

/** A StartupMessage (PostgreSQL manual, "Message Formats"). */
const startup = Uint8Array.of(0, 0, 0, 15, 0, 3, 0, 0, 117, 115, 101, 114, 0, 97, 0, 0).slice(
  0,
  15,
);
const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const gssRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 48);
const cancelRequest = (processId: number) =>
  Uint8Array.of(0, 0, 0, 16, 4, 210, 22, 46, 0, processId, 0, 1, 9, 8, 7, 6);

/** All that a stream gives until it ends. */
async function all(stream: ByteStream, pull: PullReader = new PullReader(stream)): Promise<string> {
  let text = "";
  for (;;) {
    const chunk = await pull.pull().catch(() => null);
    if (chunk === null) break;
    text += new TextDecoder().decode(chunk);
  }
  stream.abort();
  return text;
}

/** As libpq: SSLRequest, its answer, TLS, StartupMessage. */
async function asLibpq(port: number, pair: FakePair | null) {
  const plain = await connectTcp({ host: "127.0.0.1", port });
  const pull = new PullReader(plain);
  await pull.write(sslRequest);
  deepStrictEqual(await pull.pull(), Uint8Array.of(0x53));
  pull.release();
  const stream = await startTlsClient(plain, {
    serverName: "localhost",
    verify: () => null,
    ...(pair === null ? {} : { keyPair: pair }),
  });
  stream.write(startup);
  return stream;
}

/** An agent's side that accepts and echoes. */
function echo(stream: TunnelStream): void {
  stream.accept();
  stream.attach({
    data: (chunk) => void stream.write(chunk),
    ended: () => stream.end(),
    drained() {},
    closed() {},
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 400 && !condition(); turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  ok(condition(), "took too long");
}

for (
  const [how, connect] of [
    ["SSLRequest", asLibpq],
    ["ALPN postgresql", async (port: number, pair: FakePair | null) => {
      const stream = await dial(port, pair, ["postgresql"]);
      stream.write(startup);
      return stream;
    }],
    ["no ALPN", async (port: number, pair: FakePair | null) => {
      const stream = await dial(port, pair);
      stream.write(startup);
      return stream;
    }],
  ] as const
) {
  Deno.test(`a client with ${how} gets to the agent of its route, with its chain`, async () => {
    const { proxy, port, events } = await runProxy(cluster);
    const { opened } = await connectAgent(port, agentPair, { onOpen: echo });
    const client = await connect(port, alice);
    const pull = new PullReader(client);
    deepStrictEqual(await pull.pull(), startup);
    const header = decodeOpenHeader(opened[0]?.header ?? new Uint8Array(0));
    deepStrictEqual([header.kind, header.service], ["db", "pg-orders"]);
    deepStrictEqual(header.chain.map((der) => der.length), [alice.chain[0]?.length]);
    strictEqual(proxy.health.sessions, 1);
    client.end();
    strictEqual(await pull.pull(), null);
    await until(() => proxy.health.sessions === 0);
    await proxy.stop();
    deepStrictEqual(events.map(({ event }) => event), ["agent.connect", "agent.disconnect"]);
  });

  Deno.test(`a client with ${how} and no certificate is told so in its protocol`, async () => {
    const { proxy, port, events } = await runProxy(cluster);
    const words = await all(await connect(port, null));
    match(words, /^E[^]*C28000[^]*no client certificate was sent[^]*tsh db login/);
    deepStrictEqual(events.map(({ event, code }) => [event, code]), [["auth", "T3007W"]]);
    await proxy.stop();
  });
}

const strangers = [
  ["expired", () => userPair(cluster.userCa, {}, Date.now() - 1000), /has expired/],
  [
    "of another CA",
    async () => userPair((await fakeClusterOf()).userCa),
    /not signed by this cluster's user CA/,
  ],
  ["a host's", () => Promise.resolve(agentPair), /not a user's/],
  [
    "of another cluster",
    () => userPair(cluster.userCa, { cluster: "elsewhere.test" }),
    /of another cluster/,
  ],
  [
    "older than the user's roles",
    () => userPair(cluster.userCa, { generation: 2 }),
    /have changed/,
  ],
  ["of no user there is", () => userPair(cluster.userCa, { user: "mallory" }), /have changed/],
] as const;
for (const [what, pair, words] of strangers) {
  Deno.test(`a certificate that is ${what} is refused natively and on record`, async () => {
    const { proxy, port, events } = await runProxy(cluster);
    await connectAgent(port, agentPair, { onOpen: echo });
    const told = await all(await asLibpq(port, await pair()));
    match(told, words);
    match(told, /^E[^]*C28000/);
    deepStrictEqual(events.map(({ event }) => event), ["agent.connect", "auth"]);
    await proxy.stop();
  });
}

Deno.test("a certificate without a route, or of another protocol, hears what to do", async () => {
  const { proxy, port } = await runProxy(cluster);
  const noRoute = await userPair(cluster.userCa, {}, Date.now() + hourMs, null);
  match(await all(await asLibpq(port, noRoute)), /not for a database[^]*tsh db login <database>/);
  const mysql = await userPair(cluster.userCa, { route: { service: "m", protocol: "mysql" } });
  match(await all(await asLibpq(port, mysql)), /"m", which speaks mysql, not postgres/);
  await proxy.stop();
});

Deno.test("a route to a service nobody serves is refused, on record with its user", async () => {
  const { proxy, port, events } = await runProxy(cluster);
  match(await all(await asLibpq(port, alice)), /no connected Database Service serves "pg-orders"/);
  await until(() => events.length > 0);
  const [event] = events;
  ok(event?.event === "session.rejected");
  deepStrictEqual([event.user, event.db_service, event.reason], [
    "alice",
    "pg-orders",
    "proxy.no-agent",
  ]);
  await proxy.stop();
});

Deno.test("an agent serves only what its certificate allows", async () => {
  const { proxy, port, events } = await runProxy(cluster);
  await connectAgent(port, agentPair, { services: ["pg-orders", "payroll"], onOpen: echo });
  await until(() => events.length > 0);
  const [event] = events;
  deepStrictEqual(event?.event === "agent.connect" && event.services, ["pg-orders"]);
  const route = { service: "payroll", protocol: "postgres" };
  const pair = await userPair(cluster.userCa, { route });
  match(await all(await asLibpq(port, pair)), /no connected Database Service serves "payroll"/);
  await proxy.stop();
});

Deno.test("only agents get a tunnel: no users, no proxies, none under another's name", async () => {
  const { proxy, port } = await runProxy(cluster);
  const proxyPair = await hostPair(cluster.hostCa, { systemRoles: ["proxy"] });
  for (const pair of [alice, proxyPair]) {
    await rejects(connectAgent(port, pair), /403/);
  }
  const impostor = connectAgent(port, agentPair, { host: "another" });
  await impostor.then(({ session }) => session.closed, () => {});
  strictEqual(proxy.health.agents, 0);
  await proxy.stop();
  await goodbyes();
});

Deno.test("a cancel request, plain or inside TLS, reaches the agent of its number", async () => {
  const { proxy, port } = await runProxy(cluster);
  const done = (stream: TunnelStream) => {
    stream.attach({ data() {}, ended() {}, drained() {}, closed() {} });
    stream.end();
  };
  const { opened } = await connectAgent(port, agentPair, { number: 7, onOpen: done });
  const plain = await connectTcp({ host: "127.0.0.1", port });
  plain.write(cancelRequest(7));
  strictEqual(await all(plain), "");
  const inside = await dial(port, null, ["postgresql"]);
  inside.write(cancelRequest(7));
  strictEqual(await all(inside), "");
  const unknown = await connectTcp({ host: "127.0.0.1", port });
  unknown.write(cancelRequest(8));
  strictEqual(await all(unknown), "");
  const headers = opened.map(({ header }) => decodeOpenHeader(header));
  deepStrictEqual(headers.map(({ kind }) => kind), ["cancel", "cancel"]);
  deepStrictEqual(headers[0]?.cancelKey, {
    processId: 7 * 65_536 + 1,
    secret: Uint8Array.of(9, 8, 7, 6),
  });
  await proxy.stop();
});

Deno.test("GSSENCRequest is declined, and TLS follows", async () => {
  const { proxy, port } = await runProxy(cluster);
  const plain = await connectTcp({ host: "127.0.0.1", port });
  const pull = new PullReader(plain);
  await pull.write(gssRequest);
  deepStrictEqual(await pull.pull(), Uint8Array.of(0x4e));
  await pull.write(sslRequest);
  deepStrictEqual(await pull.pull(), Uint8Array.of(0x53));
  plain.abort();
  await proxy.stop();
});

Deno.test("plaintext behind SSLRequest never gets inside TLS", async () => {
  const { proxy, port } = await runProxy(cluster);
  const plain = await connectTcp({ host: "127.0.0.1", port });
  plain.write(Uint8Array.of(...sslRequest, ...startup));
  match(await all(plain), /^E[^]*C08P01[^]*in the clear/);
  await proxy.stop();
});

const foreign = [
  ["HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 400 [^]*use https/],
  ["SSH", "SSH-2.0-OpenSSH\r\n", /SSH is not served here/],
  ["noise", "\x80\x81\x82", /^$/],
  ["a session without TLS", String.fromCharCode(...startup), /^E[^]*C28000/],
] as const;
for (const [name, sent, words] of foreign) {
  Deno.test(`${name} on the port is answered and closed`, async () => {
    const { proxy, port } = await runProxy(cluster);
    const plain = await connectTcp({ host: "127.0.0.1", port });
    plain.write(Uint8Array.from(sent, (char) => char.charCodeAt(0)));
    match(await all(plain), words);
    await proxy.stop();
  });
}

Deno.test("the web API answers browsers and curl alike, with the host CA to pin", async () => {
  const { proxy, port } = await runProxy(cluster);
  for (const alpn of [["h2", "http/1.1"], []]) {
    const client = await dial(port, null, alpn);
    if (alpn.length > 0) deepStrictEqual(client.peerChain[1], cluster.hostCa.der);
    const request = "GET /v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write(new TextEncoder().encode(request));
    match(await all(client), /^HTTP\/1\.1 200 OK[^]*"ca_pin":"sha256:/);
  }
  await proxy.stop();
});

Deno.test("remoteler-auth goes to Auth byte for byte, both halves", async () => {
  const arrived = Promise.withResolvers<SocketStream>();
  const auth = await listenTcp({ host: "127.0.0.1", port: 0 }, arrived.resolve);
  const { proxy, port } = await runProxy(cluster, { auth: auth.address });
  const dialing = dial(port, alice, ["remoteler-auth"]);
  const stream = await arrived.promise;
  const pull = new PullReader(stream);
  const hello = await pull.pull();
  deepStrictEqual([hello?.[0], (hello?.length ?? 0) > 100], [22, true]);
  stream.abort();
  await rejects(dialing);
  await proxy.stop();
  await auth.close();
});

Deno.test("a lock ends a live session at the proxy too, and refuses the next", async () => {
  const own = await fakeClusterOf();
  const { proxy, port, events } = await runProxy(own);
  await connectAgent(port, await hostPair(own.hostCa), { onOpen: echo });
  const pair = await userPair(own.userCa);
  const client = await asLibpq(port, pair);
  const pull = new PullReader(client);
  deepStrictEqual(await pull.pull(), startup);
  own.cache.put(lockResource({ user: "alice" }, "on leave"));
  const before = performance.now();
  strictEqual(await all(client, pull), "");
  ok(performance.now() - before < 2000);
  match(await all(await asLibpq(port, pair)), /C42501[^]*access is locked: on leave/);
  const last = events.at(-1);
  deepStrictEqual(last?.event === "session.rejected" && [last.user, last.reason], [
    "alice",
    "ca.locked",
  ]);
  await proxy.stop();
});

Deno.test("a lock on a host ends its tunnel", async () => {
  const own = await fakeClusterOf();
  const { proxy, port } = await runProxy(own);
  const { session } = await connectAgent(port, await hostPair(own.hostCa));
  own.cache.put(lockResource({ host: fakeHost().host }, ""));
  await session.closed;
  await until(() => proxy.health.agents === 0);
  await proxy.stop();
});

Deno.test("draining lets sessions finish, turns agents away and takes nothing new", async () => {
  const { proxy, port } = await runProxy(cluster);
  const { session } = await connectAgent(port, agentPair, { onOpen: echo });
  const client = await asLibpq(port, alice);
  const pull = new PullReader(client);
  await pull.pull();
  let isOver = false;
  const drained = proxy.drain().then(() => (isOver = true));
  await until(() => session.draining);
  await rejects(connectTcp({ host: "127.0.0.1", port }));
  client.write(Uint8Array.of(1, 2, 3));
  deepStrictEqual(await pull.pull(), Uint8Array.of(1, 2, 3));
  strictEqual(isOver, false);
  client.end();
  strictEqual(await pull.pull(), null);
  await drained;
});

Deno.test("silent clients hold up nobody, whatever they stopped at", async () => {
  const { proxy, port } = await runProxy(cluster);
  const at = { host: "127.0.0.1", port };
  const silent: SocketStream[] = [];
  for (const sent of [[], [0], [22, 3, 1, 0, 200, 1], [...sslRequest]]) {
    const stream = await connectTcp(at);
    stream.write(Uint8Array.from(sent));
    silent.push(stream);
  }
  const handshaken = await dial(port, alice);
  match(await all(await asLibpq(port, null)), /no client certificate/);
  strictEqual(proxy.health.strangers, 5);
  for (const stream of [...silent, handshaken]) stream.abort();
  await until(() => proxy.health.strangers === 0);
  await proxy.stop();
});

Deno.test("a public certificate is reloaded when its files change", async () => {
  const dir = await Deno.makeTempDir();
  const write = async (pair: FakePair) => {
    await Deno.writeTextFile(`${dir}/crt`, certificatePem(...pair.chain));
    await Deno.writeTextFile(`${dir}/key`, pair.key);
  };
  const [first, second] = [await hostPair(cluster.hostCa), await hostPair(cluster.hostCa)];
  await write(first);
  const files = { certFile: `${dir}/crt`, keyFile: `${dir}/key` };
  const reloads: (() => void)[] = [];
  const { proxy, port } = await runProxy(cluster, { keyPairs: [files] }, {
    watchFile: (_path, _periodMs, changed) => {
      reloads.push(changed);
      return () => {};
    },
  });
  const shown = async () => {
    const client = await dial(port, null, ["http/1.1"]);
    client.abort();
    return client.peerChain[0]?.toHex();
  };
  strictEqual(await shown(), first.chain[0]?.toHex());
  await Deno.writeTextFile(`${dir}/key`, second.key);
  for (const reload of reloads) reload();
  await goodbyes();
  strictEqual(await shown(), first.chain[0]?.toHex(), "half a change keeps the old one");
  await write(second);
  for (const reload of reloads) reload();
  await goodbyes();
  strictEqual(await shown(), second.chain[0]?.toHex());
  await proxy.stop();
  await Deno.remove(dir, { recursive: true });
});

/** A tunnel that failed lets go of its stream a moment later. */
function goodbyes(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 150));
}
