import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import * as net from "node:net";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { SocketStream } from "./socket_stream.ts";
import { connectTcp, type Endpoint, type Listener, listenTcp } from "./tcp.ts";

/** Both ends of a connection, and what accepted it. */
async function connected(
  at: Endpoint = { host: "127.0.0.1", port: 0 },
): Promise<[SocketStream, SocketStream, Listener]> {
  const accepted = Promise.withResolvers<SocketStream>();
  const listener = await listenTcp(at, accepted.resolve);
  const client = await connectTcp("path" in at ? at : { ...at, port: listener.address.port });
  return [client, await accepted.promise, listener];
}

function ended(stream: SocketStream): Promise<Fault | null> {
  return new Promise((closed) => stream.attach({ data() {}, ended() {}, drained() {}, closed }));
}

Deno.test("many writes of a tick leave in one socket write, a large one at once", async () => {
  const [a, b, listener] = await connected();
  const real = net.Socket.prototype.write;
  const sizes: number[] = [];
  net.Socket.prototype.write = function (this: net.Socket, ...args: unknown[]): boolean {
    const [chunk] = args;
    if (chunk instanceof Uint8Array) sizes.push(chunk.length);
    return Reflect.apply(real, this, args);
  };
  try {
    for (let at = 0; at < 100; at += 1) a.write(new Uint8Array(10));
    strictEqual(a.queuedBytes, 1000);
    await Promise.resolve();
    await Promise.resolve();
    a.write(new Uint8Array(200_000));
    a.end();
  } finally {
    net.Socket.prototype.write = real;
  }
  deepStrictEqual(sizes, [1000, 200_000]);
  const pull = new PullReader(b);
  let got = 0;
  for (let chunk = await pull.pull(); chunk !== null; chunk = await pull.pull()) {
    got += chunk.length;
  }
  strictEqual(got, 201_000);
  b.end();
  strictEqual(await ended(a), null);
  strictEqual(await ended(b), null);
  await listener.close();
});

Deno.test("a paused socket holds its peer back, which is told when to go on", async () => {
  const [a, b, listener] = await connected();
  const total = 64 << 20;
  let sent = 0;
  const go = () => {
    while (sent < total) {
      sent += 65_536;
      if (!a.write(new Uint8Array(65_536))) return;
    }
    a.end();
  };
  a.attach({ data() {}, ended() {}, drained: go, closed() {} });
  go();
  await new Promise((resolve) => setTimeout(resolve, 200));
  ok(sent < 16 << 20, `${sent} bytes were taken`);
  let got = 0;
  await new Promise<void>((resolve) =>
    b.attach({
      data: (chunk) => void (got += chunk.length),
      ended: resolve,
      drained() {},
      closed() {},
    })
  );
  strictEqual(got, total);
  b.end();
  await ended(b);
  await listener.close();
});

Deno.test("a Unix socket carries too, and is half-closed by either side", async () => {
  const dir = await Deno.makeTempDir();
  const [a, b, listener] = await connected({ path: `${dir}/s` });
  b.write(Uint8Array.of(1));
  b.end();
  const pull = new PullReader(a);
  deepStrictEqual([...(await pull.pull() ?? [])], [1]);
  strictEqual(await pull.pull(), null);
  a.write(Uint8Array.of(2));
  a.end();
  const other = new PullReader(b);
  deepStrictEqual([...(await other.pull() ?? [])], [2]);
  await listener.close();
  await Deno.remove(dir, { recursive: true });
});

Deno.test("an abort is told with its reason, to a late reader too, and once to each", async () => {
  const [a, b, listener] = await connected();
  const fault = new Fault({ kind: "limit", code: "test.enough", message: "enough" });
  const told = ended(a);
  a.abort(fault);
  a.abort();
  strictEqual(await told, fault);
  strictEqual(await ended(a), fault);
  b.abort();
  strictEqual((await ended(b))?.code, "sys.aborted");
  strictEqual(a.write(Uint8Array.of(1)), true);
  await listener.close();
});

Deno.test("nobody there, no time left and an abort are told apart", async () => {
  const [a, b, listener] = await connected();
  const { port } = listener.address;
  a.abort();
  b.abort();
  await listener.close();
  const code = (wanted: string) => (thrown: unknown) =>
    thrown instanceof Fault && thrown.code === wanted;
  await rejects(connectTcp({ host: "127.0.0.1", port }), code("sys.connection-refused"));
  // Documentation addresses (RFC 5737) answer nobody.
  const nowhere = { host: "192.0.2.1", port: 9 };
  await rejects(connectTcp(nowhere, { timeoutMs: 20 }), Fault);
  const stop = new AbortController();
  const pending = connectTcp(nowhere, { signal: stop.signal });
  const reason = new Error("stopped");
  stop.abort(reason);
  await rejects(pending, reason);
  await rejects(listenTcp({ host: "192.0.2.1", port: 1 }, () => {}), code("sys.listen-failed"));
});
