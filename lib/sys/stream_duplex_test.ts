/** TLS whose lower end is no socket but another stream, as a tunnel's streams are. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { pipe, type PipeEnd, Recorder } from "../../tests/fakes/pipe.ts";
import { splice } from "../client/splice.ts";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { ByteStream } from "../core/stream.ts";
import { testCertificates } from "./certificates_fake.ts";
import { listenTcp } from "./tcp.ts";
import { type ClientTlsOptions, connectTls, startTlsServer, TlsContext, TlsStream } from "./tls.ts";

const host = "127.0.0.1";
const mebibyte = 1 << 20;
const trusting: ClientTlsOptions = { serverName: "orders.db.lab", verify: () => null };

interface Pair extends AsyncDisposable {
  readonly client: TlsStream;
  readonly server: TlsStream;
  /** What TLS runs over on the server's side, and its other end. */
  readonly below: PipeEnd;
  readonly far: PipeEnd;
  readonly context: TlsContext;
}

/** A TCP port whose connections go through a pipe. */
async function listen(to: (below: PipeEnd, far: PipeEnd) => void) {
  const open: ByteStream[] = [];
  const listener = await listenTcp({ host, port: 0 }, (stream) => {
    const [far, below] = pipe();
    open.push(stream, far);
    void splice(stream, far, { early: new Uint8Array(0), ended: false });
    to(below, far);
  });
  return {
    port: listener.address.port,
    close: async () => {
      for (const stream of open) stream.abort();
      await listener.close();
      await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

async function connected(options: ClientTlsOptions = trusting): Promise<Pair> {
  const { server: pair } = await testCertificates();
  const context = new TlsContext(pair);
  const { promise, resolve, reject } = Promise.withResolvers<
    { server: TlsStream; below: PipeEnd; far: PipeEnd }
  >();
  const listener = await listen((below, far) => {
    startTlsServer(below, {
      context,
      alpn: ["remoteler-postgres"],
      requestClientCertificate: true,
      handshakeTimeoutMs: 2000,
    }).then((server) => resolve({ server, below, far }), reject);
  });
  promise.catch(() => {});
  try {
    const client = await connectTls({ host, port: listener.port }, options);
    return {
      client,
      context,
      ...await promise,
      [Symbol.asyncDispose]: async () => {
        client.abort();
        await listener.close();
      },
    };
  } catch (thrown) {
    await listener.close();
    throw thrown;
  }
}

Deno.test("a handshake over a stream tells names, protocol and client certificate", async () => {
  const { client: pair } = await testCertificates();
  await using both = await connected({
    ...trusting,
    keyPair: pair,
    alpn: ["remoteler-postgres"],
  });
  const { server, client, below } = both;
  deepStrictEqual(
    [server.sni, server.alpn, server.version, server.peerChain.length, server.resumed],
    ["orders.db.lab", "remoteler-postgres", "TLSv1.3", 1, false],
  );
  strictEqual(client.alpn, "remoteler-postgres");
  strictEqual(server.remoteAddress, below.remoteAddress);
});

Deno.test("a client that speaks other protocols only gets no session", async () => {
  await rejects(
    connected({ ...trusting, alpn: ["remoteler-mysql"] }),
    (thrown) => thrown instanceof Fault && thrown.code === "sys.tls-handshake",
  );
});

Deno.test("a silent client times out, and the stream below ends", async () => {
  const { server } = await testCertificates();
  const [client, below] = pipe();
  const received = new Recorder();
  client.attach(received);
  const late = startTlsServer(below, {
    context: new TlsContext(server),
    requestClientCertificate: true,
    handshakeTimeoutMs: 50,
  });
  await rejects(late, (thrown) => thrown instanceof Fault && thrown.code === "sys.tls-timeout");
  await until(() => received.isEnded);
});

Deno.test("each half closes by itself, and the stream below ends in order", async () => {
  await using both = await connected();
  const { client, server, far } = both;
  const [pa, pb] = [new PullReader(client), new PullReader(server)];
  client.write(Uint8Array.of(1));
  client.end();
  deepStrictEqual([...(await pb.pull() ?? [])], [1]);
  strictEqual(await pb.pull(), null);
  server.write(Uint8Array.of(2));
  server.end();
  deepStrictEqual([...(await pa.pull() ?? [])], [2]);
  strictEqual(await pa.pull(), null);
  await until(() => far.isClosed);
});

Deno.test("an abort above tears the stream below down, and its loss is told above", async () => {
  await using one = await connected();
  const fault = new Fault({ kind: "cancelled", code: "test.no", message: "no" });
  one.server.abort(fault);
  ok(one.below.isClosed);
  await using two = await connected();
  const told = new Recorder();
  two.server.attach(told);
  two.far.cut();
  await until(() => told.outcome !== undefined);
  strictEqual(told.closedTimes, 1);
  match(told.outcome?.kind ?? "", /network/);
});

for (const direction of ["server writes", "server reads"] as const) {
  Deno.test(`a reader that stops holds its peer back over a stream: ${direction}`, async () => {
    await using both = await connected();
    const { client, server } = both;
    const [from, to] = direction === "server writes" ? [server, client] : [client, server];
    const total = 200 * mebibyte;
    const sent = offer(from, total);
    const counter = new Counter();
    to.attach(counter);
    await until(() => counter.bytes > 2 * mebibyte);
    to.pause();
    const atPause = counter.bytes;
    const before = Deno.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 700));
    ok(counter.bytes - atPause <= 128 * 1024, `${counter.bytes - atPause} bytes while paused`);
    const ahead = sent.bytes - counter.bytes;
    ok(ahead < 16 * mebibyte, `the peer could send ${ahead}`);
    const grown = Deno.memoryUsage().rss - before;
    ok(grown < 64 * mebibyte, `memory grew by ${grown}`);
    to.resume();
    await until(() => counter.isEnded);
    strictEqual(counter.bytes, total);
    strictEqual(counter.wrong, 0);
  });
}

/** Byte `i` of the test's data. */
function at(i: number): number {
  return (i * 31 + (i >>> 16) * 7) & 0xff;
}

class Counter extends Recorder {
  wrong = 0;

  override data(chunk: Uint8Array): void {
    if (chunk[0] !== at(this.bytes)) this.wrong += 1;
    this.bytes += chunk.length;
    if (chunk.at(-1) !== at(this.bytes - 1)) this.wrong += 1;
  }
}

/** Writes `total` bytes as the stream takes them, then ends it. */
function offer(stream: TlsStream, total: number): { bytes: number } {
  const sent = { bytes: 0 };
  const go = () => {
    while (sent.bytes < total) {
      const chunk = new Uint8Array(64 * 1024);
      for (let i = 0; i < chunk.length; i++) chunk[i] = at(sent.bytes + i);
      sent.bytes += chunk.length;
      if (!stream.write(chunk)) return;
    }
    stream.end();
  };
  stream.attach({ data() {}, ended() {}, closed() {}, drained: go });
  go();
  return sent;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 6000 && !condition(); turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  ok(condition(), "took too long");
}
