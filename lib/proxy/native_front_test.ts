import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { PullReader } from "../core/pull.ts";
import type { ByteStream } from "../core/stream.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import { connectTcp } from "../sys/tcp.ts";
import { startTlsClient } from "../sys/tls.ts";
import { decodeOpenHeader, type TunnelStream } from "../tunnel/mod.ts";
import { readGreeting } from "../wire/mysql/greeting.ts";
import { sslRequest, writeResponse } from "../wire/mysql/response.ts";
import { packet, u32 } from "../../tests/fakes/mysql_messages.ts";
import {
  connectAgent,
  dial,
  fakeClusterOf,
  type FakePair,
  hostPair,
  type RunningFake,
  runProxy,
  userPair,
} from "./proxy_fake.ts";

const cluster = await fakeClusterOf();
const agentPair = await hostPair(cluster.hostCa, { services: ["shop"] });
const route = { service: "shop", protocol: "mysql" };
const alice = await userPair(cluster.userCa, {}, undefined, route);
const abilities = { flags: 0x818a600, extended: 0, packetBytesMax: 0xffffff, collation: 45 };

/** A proxy with a port for MySQL's programs, at a free port of its own. */
async function running(): Promise<RunningFake & { readonly native: number }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const listen = { host: "127.0.0.1", port };
  const mysql = { protocol: "mysql", listen, publicAddress: null, serverVersion: "8.4.0-test" };
  return { ...await runProxy(cluster, { natives: [mysql] }), native: port };
}

interface Greeted<S extends ByteStream = ByteStream> {
  readonly stream: S;
  readonly pull: PullReader;
  readonly connectionId: number;
}

async function greeted(port: number): Promise<Greeted<SocketStream>> {
  const stream = await connectTcp({ host: "127.0.0.1", port }, {});
  const pull = new PullReader(stream);
  const said = await pull.pull() ?? new Uint8Array(0);
  const { serverVersion, connectionId } = readGreeting(said.subarray(4));
  strictEqual(serverVersion, "8.4.0-test");
  return { stream, pull, connectionId };
}

/** TLS as the client asks for it, and its login inside. */
async function loggedIn(port: number, pair: FakePair | null): Promise<Greeted> {
  const { stream, pull, connectionId } = await greeted(port);
  await pull.write(sslRequest(abilities));
  pull.release();
  const inside = await startTlsClient(stream, {
    serverName: "localhost",
    verify: () => null,
    ...(pair === null ? {} : { keyPair: pair }),
  });
  inside.write(login);
  return { stream: inside, pull: new PullReader(inside), connectionId };
}

const login = writeResponse(2, {
  ...abilities,
  user: "alice",
  proof: new Uint8Array(0),
  database: "",
  plugin: "caching_sha2_password",
  attributes: new Map(),
});

function echo(stream: TunnelStream): void {
  stream.accept();
  stream.attach({
    data: (chunk) => void stream.write(chunk),
    ended: () => stream.end(),
    drained() {},
    closed() {},
  });
}

Deno.test("a client that waits is greeted, and its agent told by which number", async () => {
  const { proxy, port, native } = await running();
  const options = { services: ["shop"], protocol: "mysql", onOpen: echo };
  const { opened } = await connectAgent(port, agentPair, options);
  const { stream, pull, connectionId } = await loggedIn(native, alice);
  deepStrictEqual(await pull.pull(), login);
  const header = decodeOpenHeader(opened[0]?.header ?? new Uint8Array(0));
  deepStrictEqual([header.service, header.connectionId], ["shop", connectionId]);
  // Drivers read a signed number; databases count from 1.
  ok(connectionId >= 0x4000_0000 && connectionId < 0x8000_0000);
  stream.abort();
  await proxy.stop();
});

Deno.test("without a certificate, and without an agent, the error is the next packet", async () => {
  const { proxy, native } = await running();
  for (const [pair, words] of [[null, /#28000.*certificate/], [alice, /#08S01.*shop/]] as const) {
    const { stream, pull } = await loggedIn(native, pair);
    const said = await pull.pull() ?? new Uint8Array(0);
    deepStrictEqual([said[3], said[4]], [3, 0xff]);
    match(new TextDecoder().decode(said), words);
    stream.abort();
  }
  await proxy.stop();
});

Deno.test("a login in the clear is refused before more of it is read", async () => {
  const { proxy, native } = await running();
  const { stream, pull } = await greeted(native);
  await pull.write(packet(1, u32(0x81a600), u32(0xffffff), 45, new Uint8Array(23), "alice", 0, 0));
  const said = await pull.pull() ?? new Uint8Array(0);
  deepStrictEqual([said[3], said[4]], [2, 0xff]);
  match(new TextDecoder().decode(said), /TLS/);
  stream.abort();
  await proxy.stop();
});

Deno.test("what is no MySQL client is cut off", async () => {
  const { proxy, native } = await running();
  const { stream, pull } = await greeted(native);
  await pull.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: db\r\n\r\n"));
  strictEqual(await pull.pull().catch(() => null), null);
  stream.abort();
  await proxy.stop();
});

Deno.test("where the route is known, the agent is asked before anything is said", async () => {
  const { proxy, port } = await running();
  const hello = Uint8Array.of(1, 2, 3);
  const { opened } = await connectAgent(port, agentPair, {
    services: ["shop"],
    protocol: "mysql",
    onOpen: (stream) => void stream.write(hello),
  });
  const client = await dial(port, alice, ["remoteler-mysql"]);
  deepStrictEqual(await new PullReader(client).pull(), hello);
  const header = decodeOpenHeader(opened[0]?.header ?? new Uint8Array(0));
  strictEqual(header.connectionId, undefined);
  client.abort();
  await proxy.stop();
});
