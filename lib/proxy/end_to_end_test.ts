/** TLS that goes through a real proxy unread, to agents that the test plays. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Recorder } from "../../tests/fakes/pipe.ts";
import { fakeCluster, fakeHost } from "../ca/ca_fake.ts";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import { serverNameOf } from "../core/server_name.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import { connectTcp, listenTcp } from "../sys/tcp.ts";
import { connectTls, startTlsServer, TlsContext, type TlsStream } from "../sys/tls.ts";
import { decodeOpenHeader, type TunnelStream } from "../tunnel/mod.ts";
import { connectAgent, fakeClusterOf, hostPair, lockResource, runProxy } from "./proxy_fake.ts";
import { userPair } from "./proxy_fake.ts";

const cluster = await fakeClusterOf();
const agentPair = await hostPair(cluster.hostCa);
const otherHost = "0a1b2c3d-0000-4000-8000-0000000000ff";
const otherPair = await hostPair(cluster.hostCa, { host: otherHost });
const alice = await userPair(cluster.userCa);
const kibibyte = 1024;

function connect(port: number, change: { sni?: string; alpn?: string } = {}): Promise<TlsStream> {
  return connectTls({ host: "127.0.0.1", port }, {
    serverName: change.sni ?? serverNameOf("pg-orders", fakeCluster),
    alpn: [change.alpn ?? "remoteler-postgres"],
    verify: () => null,
    keyPair: alice,
  });
}

/** An agent's side that ends TLS, accepts, and echoes; gives the chain that it was shown. */
async function endTls(stream: TunnelStream): Promise<readonly Uint8Array[]> {
  const client = await startTlsServer(stream, {
    context: new TlsContext(agentPair),
    alpn: ["remoteler-postgres"],
    requestClientCertificate: true,
  });
  stream.accept();
  client.attach({
    data: (chunk) => void client.write(chunk),
    ended: () => client.end(),
    drained() {},
    closed() {},
  });
  return client.peerChain;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 400 && !condition(); turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  ok(condition(), "took too long");
}

Deno.test("TLS for a service passes unread, and ends at the agent", async () => {
  const { proxy, port, events } = await runProxy(cluster);
  const shown: Promise<readonly Uint8Array[]>[] = [];
  const { opened } = await connectAgent(port, agentPair, {
    onOpen: (stream) => shown.push(endTls(stream)),
  });
  const client = await connect(port);
  deepStrictEqual([...client.peerChain], [...agentPair.chain]);
  const pull = new PullReader(client);
  client.write(Uint8Array.of(1, 2, 3));
  deepStrictEqual([...(await pull.pull() ?? [])], [1, 2, 3]);
  const header = decodeOpenHeader(opened[0]?.header ?? new Uint8Array(0));
  deepStrictEqual([header.kind, header.service, header.chain], ["tls", "pg-orders", []]);
  deepStrictEqual([...(await shown[0] ?? [])], [...alice.chain]);
  strictEqual(proxy.health.sessions, 1);
  strictEqual(proxy.health.strangers, 0);
  client.end();
  strictEqual(await pull.pull(), null);
  await until(() => proxy.health.sessions === 0);
  await proxy.stop();
  deepStrictEqual(events.map(({ event }) => event), ["agent.connect", "agent.disconnect"]);
});

Deno.test("where no agent may serve the name, the client gets an alert that says so", async () => {
  const { proxy, port } = await runProxy(cluster);
  await rejects(connect(port), (thrown) => {
    ok(thrown instanceof Fault);
    strictEqual(thrown.code, "sys.tls-handshake");
    strictEqual(thrown.fields["alert"], "unrecognized_name");
    return true;
  });
  await proxy.stop();
});

Deno.test("after an agent that says retry the next gets the same ClientHello", async () => {
  const { proxy, port } = await runProxy(cluster);
  const first = await connectAgent(port, otherPair, {
    host: otherHost,
    onOpen: (stream) => stream.reset("retry", "draining"),
  });
  const second = await connectAgent(port, agentPair, { onOpen: (stream) => void endTls(stream) });
  for (let i = 0; i < 2; i++) {
    const client = await connect(port);
    deepStrictEqual([...client.peerChain], [...agentPair.chain]);
    client.write(Uint8Array.of(1));
    strictEqual((await new PullReader(client).pull())?.[0], 1);
    client.abort();
  }
  ok(first.opened.length > 0 && second.opened.length === 2);
  await proxy.stop();
});

Deno.test("where every agent says retry, the client gets an alert", async () => {
  const { proxy, port } = await runProxy(cluster);
  await connectAgent(port, agentPair, { onOpen: (stream) => stream.reset("retry", "full") });
  await rejects(connect(port), (thrown) => {
    ok(thrown instanceof Fault);
    strictEqual(thrown.fields["alert"], "internal_error");
    return true;
  });
  await proxy.stop();
});

Deno.test("no more than 64 KiB are taken of a client that no agent has accepted", async () => {
  const { proxy, port } = await runProxy(cluster);
  const received = new Recorder();
  await connectAgent(port, agentPair, { onOpen: (stream) => stream.attach(received) });
  const tcp = await connectTcp({ host: "127.0.0.1", port });
  tcp.attach(new Recorder());
  tcp.write(await clientHello());
  for (let i = 0; i < 64; i++) tcp.write(new Uint8Array(64 * kibibyte));
  await until(() => received.bytes >= 64 * kibibyte);
  await new Promise((resolve) => setTimeout(resolve, 200));
  ok(received.bytes <= 192 * kibibyte, `${received.bytes} bytes`);
  tcp.abort();
  await proxy.stop();
});

Deno.test("connections that no agent has accepted are bounded for each source", async () => {
  const { proxy, port } = await runProxy(cluster);
  const { opened } = await connectAgent(port, agentPair);
  const hello = await clientHello();
  const clients: { readonly tcp: SocketStream; readonly told: Recorder }[] = [];
  for (let i = 0; i < 260; i++) {
    const tcp = await connectTcp({ host: "127.0.0.1", port });
    const told = new Recorder();
    tcp.attach(told);
    tcp.write(hello);
    clients.push({ tcp, told });
  }
  await until(() => clients.filter(({ told }) => told.isEnded).length === 4);
  strictEqual(opened.length, 256);
  strictEqual(proxy.health.strangers, 256);
  for (const { tcp } of clients) tcp.abort();
  for (const stream of opened) stream.reset("refused", "left");
  await until(() => proxy.health.strangers === 0);
  await proxy.stop();
});

Deno.test("the proxy's own names, and clients without a protocol of ours, stay here", async () => {
  const own = `proxy.db.${fakeCluster}`;
  const { proxy, port } = await runProxy(cluster, { publicAddresses: [`${own}:443`] });
  const { opened } = await connectAgent(port, agentPair, { services: ["proxy", "pg-orders"] });
  const clients = [
    await connect(port, { sni: own }),
    await connect(port, { alpn: "http/1.1" }),
    await connect(port, { alpn: "postgresql" }),
  ];
  const shown = clients.map(({ peerChain }) => peerChain[0]);
  ok(shown.every((der) => der !== undefined && der.join() !== agentPair.chain[0]?.join()));
  deepStrictEqual(opened, []);
  for (const client of clients) client.abort();
  await proxy.stop();
});

Deno.test("a locked agent is asked for no handshake", async () => {
  const cluster = await fakeClusterOf();
  const pair = await hostPair(cluster.hostCa);
  const { proxy, port } = await runProxy(cluster);
  const { opened } = await connectAgent(port, pair);
  cluster.cache.put(lockResource({ host: fakeHost().host }, "taken over"));
  await until(() => proxy.health.agents === 0);
  await rejects(connect(port));
  deepStrictEqual(opened, []);
  await proxy.stop();
});

/** The first bytes of a client that asks for the service. */
async function clientHello(): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const listener = await listenTcp({ host: "127.0.0.1", port: 0 }, (stream) => {
    const pull = new PullReader(stream);
    pull.pull().then((chunk) => {
      resolve(chunk ?? new Uint8Array(0));
      stream.abort();
    });
  });
  await rejects(connect(listener.address.port));
  await listener.close();
  return await promise;
}
