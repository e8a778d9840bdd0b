import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:tls";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { StreamReader } from "../core/stream.ts";
import { testCertificates, type TestPair } from "./certificates_fake.ts";
import type { SocketStream } from "./socket_stream.ts";
import { connectTcp, listenTcp } from "./tcp.ts";
import { type ClientTlsOptions, connectTls, startTlsServer, TlsContext, TlsStream } from "./tls.ts";

const host = "127.0.0.1";
const trusting: ClientTlsOptions = { serverName: "localhost", verify: () => null };
const mebibyte = 1 << 20;

interface Served extends AsyncDisposable {
  readonly port: number;
  /** Accepted sessions in their order; a failed handshake is its fault. */
  next(): Promise<TlsStream | Fault>;
}

/** A TLS server on a free port; `prepare` may read from a stream before its handshake. */
async function serve(
  context: TlsContext,
  options: { alpn?: string[]; ask?: boolean; timeoutMs?: number; peek?: number } = {},
): Promise<Served> {
  const done: (TlsStream | Fault)[] = [];
  const waiting: ((one: TlsStream | Fault) => void)[] = [];
  const open = new Set<SocketStream>();
  const settle = (one: TlsStream | Fault) => {
    if (one instanceof TlsStream) open.add(one);
    const first = waiting.shift();
    if (first === undefined) done.push(one);
    else first(one);
  };
  const accept = async (stream: SocketStream) => {
    open.add(stream);
    const early = options.peek === undefined ? undefined : await peek(stream, options.peek);
    return await startTlsServer(stream, {
      context,
      alpn: options.alpn ?? [],
      requestClientCertificate: options.ask ?? true,
      handshakeTimeoutMs: options.timeoutMs ?? 5000,
      ...(early === undefined ? {} : { early }),
    });
  };
  const listener = await listenTcp({ host, port: 0 }, (stream) => {
    accept(stream).then(settle, (error) => settle(error));
  });
  return {
    port: listener.address.port,
    next: () => {
      const one = done.shift();
      if (one !== undefined) return Promise.resolve(one);
      return new Promise((resolve) => waiting.push(resolve));
    },
    [Symbol.asyncDispose]: async () => {
      for (const stream of open) stream.abort();
      await listener.close();
      await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

async function peek(stream: SocketStream, bytes: number): Promise<Uint8Array> {
  const pull = new PullReader(stream);
  const parts: Uint8Array[] = [];
  while (parts.reduce((sum, part) => sum + part.length, 0) < bytes) {
    const part = await pull.pull();
    if (part === null) break;
    parts.push(part);
  }
  pull.release();
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

async function accepted(served: Served): Promise<TlsStream> {
  const one = await served.next();
  if (one instanceof TlsStream) return one;
  throw one;
}

/** Both ends of a session. */
async function pair(
  served: Served,
  options: ClientTlsOptions = trusting,
): Promise<[TlsStream, TlsStream]> {
  const client = await connectTls({ host, port: served.port }, options);
  return [client, await accepted(served)];
}

function context(of: TestPair): TlsContext {
  return new TlsContext({ chain: of.chain, key: of.key });
}

/** Ends both sides in order, so that nothing is left open. */
async function finish(...streams: TlsStream[]): Promise<void> {
  await Promise.all(streams.map((stream) =>
    new Promise<void>((resolve) => {
      stream.attach({ data() {}, ended() {}, drained() {}, closed: () => resolve() });
      stream.end();
    })
  ));
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  Deno.test(`a client certificate is seen over ${version}, with its chain`, async () => {
    const { server, client, ca } = await testCertificates();
    await using served = await serve(context(server), { alpn: ["one", "two"] });
    const dir = await Deno.makeTempDir();
    await Deno.writeTextFile(`${dir}/c.crt`, client.chain);
    await Deno.writeTextFile(`${dir}/ca.crt`, ca.chain);
    await Deno.writeTextFile(`${dir}/c.key`, client.key);
    const run = new Deno.Command("openssl", {
      args: [
        ...["s_client", "-connect", `${host}:${served.port}`, version, "-alpn", "two"],
        ...["-cert", "c.crt", "-key", "c.key", "-cert_chain", "ca.crt", "-servername", "db.test"],
      ],
      cwd: dir,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    const stream = await accepted(served);
    deepStrictEqual(
      [stream.alpn, stream.sni, stream.version, stream.peerChain.length, stream.resumed],
      ["two", "db.test", version === "-tls1_2" ? "TLSv1.2" : "TLSv1.3", 2, false],
    );
    stream.abort();
    await run;
    await Deno.remove(dir, { recursive: true });
  });
}

Deno.test("a client without a certificate gets in, and has an empty chain", async () => {
  const { server } = await testCertificates();
  await using served = await serve(context(server));
  const [a, b] = await pair(served);
  deepStrictEqual([b.peerChain, b.alpn, a.peerChain.length], [[], null, 1]);
  await finish(a, b);
});

Deno.test("a ClientHello that was read before, in pieces, starts the handshake", async () => {
  const { server, client } = await testCertificates();
  await using served = await serve(context(server), { peek: 200 });
  const [a, b] = await pair(served, {
    ...trusting,
    keyPair: { chain: client.chain, key: client.key },
  });
  strictEqual(b.peerChain.length, 1);
  await finish(a, b);
});

Deno.test("web verification takes the right authority and name and refuses others", async () => {
  const { server, ca } = await testCertificates();
  await using served = await serve(context(server));
  const web = { verify: "web", authorities: ca.chain } as const;
  for (const serverName of ["localhost", "127.0.0.1"]) {
    const [a, b] = await pair(served, { ...web, serverName });
    await finish(a, b);
  }
  const refused = (options: ClientTlsOptions) =>
    rejects(connectTls({ host, port: served.port }, options), Fault);
  await refused({ ...web, serverName: "elsewhere.test" });
  await refused({ verify: "web", serverName: "localhost" });
});

Deno.test("a check of the caller's own ends the connection with its fault", async () => {
  const { server } = await testCertificates();
  await using served = await serve(context(server));
  const fault = new Fault({ kind: "denied", code: "test.no", message: "no" });
  await rejects(
    connectTls({ host, port: served.port }, { serverName: null, verify: () => fault }),
    fault,
  );
  await accepted(served);
});

Deno.test("a replaced context serves the next handshake, not the running session", async () => {
  const { server, other } = await testCertificates();
  const made = context(server);
  await using served = await serve(made);
  const [a, b] = await pair(served);
  made.replace({ chain: other.chain, key: other.key });
  const [c, d] = await pair(served);
  ok(a.peerChain[0]?.join() !== c.peerChain[0]?.join());
  try {
    made.replace({ chain: server.chain, key: other.key });
    ok(false, "a key that is not the certificate's was taken");
  } catch (error) {
    strictEqual(error instanceof Fault && error.code, "sys.bad-certificate");
  }
  const [e, f] = await pair(served);
  deepStrictEqual(e.peerChain, c.peerChain);
  await finish(a, b, c, d, e, f);
});

Deno.test("a silent client times out alone and holds up nobody", async () => {
  const { server } = await testCertificates();
  await using served = await serve(context(server), { timeoutMs: 300 });
  const silent = await connectTcp({ host, port: served.port });
  const closed = new Promise((resolve) =>
    silent.attach({ data() {}, ended() {}, drained() {}, closed: resolve })
  );
  const [a, b] = await pair(served);
  await finish(a, b);
  const late = await served.next();
  strictEqual(late instanceof Fault && late.code, "sys.tls-timeout");
  silent.end();
  await closed;
});

Deno.test("each half closes by itself over TLS", async () => {
  const { server } = await testCertificates();
  await using served = await serve(context(server));
  const [a, b] = await pair(served);
  const [pa, pb] = [new PullReader(a), new PullReader(b)];
  a.write(Uint8Array.of(1));
  a.end();
  deepStrictEqual([...(await pb.pull() ?? [])], [1]);
  strictEqual(await pb.pull(), null);
  b.write(Uint8Array.of(2));
  b.end();
  deepStrictEqual([...(await pa.pull() ?? [])], [2]);
  strictEqual(await pa.pull(), null);
  await finish(a, b);
});

for (const side of ["server", "client"] as const) {
  Deno.test(`a paused TLS ${side} holds its peer back and loses nothing`, async () => {
    const { server } = await testCertificates();
    await using served = await serve(context(server));
    const [a, b] = await pair(served);
    const [from, to] = side === "server" ? [a, b] : [b, a];
    const total = 200 * mebibyte;
    const sent = offer(from, total);
    const counter = new Counter(to);
    to.attach(counter);
    // Stopped mid-stream, again and again, as a relay does it, then for good.
    await until(() => counter.bytes > 2 * mebibyte);
    to.pause();
    const atPause = counter.bytes;
    const before = Deno.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 700));
    const offered = sent.bytes;
    ok(counter.bytes - atPause <= 128 * 1024, `${counter.bytes - atPause} bytes while paused`);
    ok(offered - counter.bytes < 16 * mebibyte, `the peer could send ${offered - counter.bytes}`);
    const grown = Deno.memoryUsage().rss - before;
    ok(grown < 24 * mebibyte, `memory grew by ${grown}`);
    counter.hiccups = true;
    to.resume();
    await until(() => counter.isEnded);
    strictEqual(counter.bytes, total);
    ok(counter.pauses > 100);
    await finish(a, b);
  });
}

class Counter implements StreamReader {
  bytes = 0;
  pauses = 0;
  isEnded = false;
  hiccups = false;
  readonly #stream: TlsStream;

  constructor(stream: TlsStream) {
    this.#stream = stream;
  }

  data(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (!this.hiccups || this.pauses >= 2000) return;
    this.pauses += 1;
    this.#stream.pause();
    queueMicrotask(() => this.#stream.resume());
  }

  ended(): void {
    this.isEnded = true;
  }
  drained(): void {}
  closed(): void {}
}

/** Writes `total` bytes as the stream takes them, then ends it. */
function offer(stream: TlsStream, total: number): { bytes: number } {
  const sent = { bytes: 0 };
  const chunk = new Uint8Array(64 * 1024);
  const go = () => {
    while (sent.bytes < total) {
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
  for (let turns = 0; turns < 3000 && !condition(); turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  ok(condition(), "took too long");
}

Deno.test("a server that refuses the client after its handshake is no orderly end", async () => {
  const { server: own, ca } = await testCertificates();
  const server = createServer({
    ...{ key: own.key, cert: own.chain, ca: ca.chain, minVersion: "TLSv1.3" },
    ...{ requestCert: true, rejectUnauthorized: true },
  });
  server.on("tlsClientError", () => {});
  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  for (let i = 0; i < 20; i++) {
    const told = await refusal({ host, port }).then(() => "an end", (thrown) => thrown.kind);
    strictEqual(told, "network");
  }
  server.close();
  await once(server, "close");
});

/** In TLS 1.3 the client's handshake is done before the server has seen that it lacks anything. */
async function refusal(to: { host: string; port: number }): Promise<void> {
  const stream = await connectTls(to, trusting);
  try {
    ok(await new PullReader(stream).pull() === null);
  } finally {
    stream.abort();
  }
}
