import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { ByteStream } from "../core/stream.ts";
import { pipe } from "../../tests/fakes/pipe.ts";
import { httpClient, type HttpHandler, serveHttp1 } from "./http.ts";
import type { HttpServerOptions } from "./http.ts";

const text = (body: string, status = 200) => ({ status, headers: {}, body });
const bytes = (value: string) => new TextEncoder().encode(value);

/** What a server answers to these bytes, until it closes. */
async function answer(
  sent: string,
  handler: HttpHandler,
  options: HttpServerOptions = {},
): Promise<string> {
  const [client, server] = pipe();
  const done = serveHttp1(server, handler, options);
  const pull = new PullReader(client);
  client.write(bytes(sent));
  let got = "";
  for (;;) {
    const chunk = await pull.pull().catch(() => null);
    if (chunk === null) break;
    got += new TextDecoder().decode(chunk);
  }
  client.end();
  await done;
  return got;
}

/** A client whose connections are served by `handler`; counts them. */
function served(handler: HttpHandler) {
  const running: Promise<void>[] = [];
  const streams: ByteStream[] = [];
  const client = httpClient({
    host: "test",
    timeoutMs: 2000,
    connect: () => {
      const [a, b] = pipe();
      streams.push(b);
      running.push(serveHttp1(b, handler));
      return Promise.resolve(a);
    },
  });
  return {
    client,
    connections: () => streams.length,
    cut: () => streams.forEach((stream) => stream.abort()),
    close: async () => {
      client.close();
      await Promise.all(running);
    },
  };
}

Deno.test("requests of one connection are answered in order, also pipelined ones", async () => {
  const got = await answer(
    "POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
      "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "2\r\nde\r\n1;e=f\r\nf\r\n0\r\n\r\n" +
      "HEAD /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    async ({ path, query, readBody }) =>
      text(`${path}?${query}=${new TextDecoder().decode(await readBody(10))}`),
  );
  const bodies = got.split(/HTTP\/1\.1 200 OK[^]*?\r\n\r\n/).filter((part) => part !== "");
  deepStrictEqual(bodies, ["/a?x=1=abc", "/b?=def"]);
  match(got, /connection: close\r\n\r\n$/);
});

const malformed = [
  ["a length and an encoding", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["two lengths", "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"],
  ["a negative length", "Content-Length: -1\r\n\r\n"],
  ["a folded field", "X: a\r\n b\r\n\r\n"],
  ["a space before the colon", "X : a\r\n\r\n"],
  ["a bare line feed in a value", "X: a\nY: b\r\n\r\n"],
  ["another encoding", "Transfer-Encoding: gzip, chunked\r\n\r\n"],
] as const;
for (const [what, fields] of malformed) {
  Deno.test(`${what} is answered with 400 and reaches no handler`, async () => {
    const got = await answer(`POST / HTTP/1.1\r\nHost: h\r\n${fields}`, () => {
      throw new Error("reached");
    });
    match(got, /^HTTP\/1\.1 400 /);
  });
}

Deno.test("an endless head and an oversize body are refused at their limits", async () => {
  const endless = `GET / HTTP/1.1\r\nHost: h\r\nX: ${"a".repeat(20_000)}`;
  match(await answer(endless, () => Promise.resolve(text("no"))), /^HTTP\/1\.1 429 /);
  const big = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n";
  const got = await answer(big, async ({ readBody }) => text(String((await readBody(10)).length)));
  match(got, /^HTTP\/1\.1 429 /);
});

Deno.test("a client that is silent, or stops in a head or body, is let go in time", async () => {
  const slow = { receiveTimeoutMs: 30 };
  const handler: HttpHandler = async ({ readBody }) => text(String(await readBody(10)));
  strictEqual(await answer("", handler, slow), "");
  strictEqual(await answer("GET / HT", handler, slow), "");
  const body = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab";
  match(await answer(body, handler, slow), /^HTTP\/1\.1 502 /);
});

Deno.test("what a handler throws is told by its fault's kind, never by its message", async () => {
  const got = await answer("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", () => {
    throw new Fault({ kind: "denied", code: "test.x", message: "inner", shown: "outer" });
  });
  match(got, /^HTTP\/1\.1 403 [^]*outer\n$/);
  ok(!got.includes("inner"));
});

Deno.test("a handler learns that its client left", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const [client, server] = pipe();
  const done = serveHttp1(server, ({ signal }) => {
    signal.addEventListener("abort", () => resolve());
    return promise.then(() => text("late"));
  });
  const pull = new PullReader(client);
  await pull.write(bytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  client.abort();
  await promise;
  await done;
});

Deno.test("draining ends an idle connection at once", async () => {
  const drain = new AbortController();
  const [client, server] = pipe();
  const done = serveHttp1(server, () => Promise.resolve(text("no")), { drain: drain.signal });
  drain.abort(new Fault({ kind: "unavailable", code: "test.drain", message: "drain" }));
  await done;
  client.abort();
});

Deno.test("the client keeps a connection for the next request", async () => {
  const one = served(async ({ path, readBody }) =>
    text(path + new TextDecoder().decode(await readBody(100)), 201)
  );
  deepStrictEqual(await one.client.post("/v1/x", "{}"), { status: 201, body: "/v1/x{}" });
  deepStrictEqual(await one.client.get("/y"), { status: 201, body: "/y" });
  strictEqual(one.connections(), 1);
  one.cut();
  await new Promise((resolve) => setTimeout(resolve, 1));
  strictEqual((await one.client.get("/z")).body, "/z");
  strictEqual(one.connections(), 2);
  await one.close();
});

Deno.test("the client gives up at its deadline and at its caller's word", async () => {
  const one = served(({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const stop = new AbortController();
  const reason = new Error("stop");
  const pending = one.client.post("/", "", stop.signal);
  setTimeout(() => stop.abort(reason), 5);
  await rejects(pending, reason);
  await one.close();
});

Deno.test("a streamed answer comes line by line, and leaving early ends the server's", async () => {
  const { promise: left, resolve } = Promise.withResolvers<void>();
  const one = served(({ signal }) => {
    async function* body() {
      yield bytes('{"a":"ü');
      yield bytes('"}\n\n{"b"');
      yield bytes(":2}\nrest");
      await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
      resolve();
    }
    return Promise.resolve({ status: 200, headers: {}, body: body() });
  });
  const got: string[] = [];
  for await (const line of one.client.postLines("/", "", new AbortController().signal)) {
    got.push(line);
    if (got.length === 3) break;
  }
  deepStrictEqual(got, ['{"a":"ü"}', "", '{"b":2}']);
  await left;
  await one.close();
});
