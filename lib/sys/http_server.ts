/** HTTP/1.1 on accepted streams: one request after the other, each bounded in bytes and time. */
import type { ByteStream } from "../core/stream.ts";
import { asFault, Fault, httpStatuses } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import { deadline } from "./deadline.ts";
import { encodeHead, hasToken, type Headers } from "./http_head.ts";
import { parseRequestHead, readHead, type RequestHead } from "./http_head.ts";
import { encodeChunk, IncomingBody, requestFraming } from "./http_body.ts";

export interface HttpRequest {
  readonly method: string;
  /** Percent-encoded path, without the query. */
  readonly path: string;
  /** What follows `?`, as sent; empty where there is none. */
  readonly query: string;
  readonly headers: Headers;
  /** The client's certificates as DER, the leaf first, unchecked; empty where it showed none. */
  readonly peerChain: readonly Uint8Array[];
  /** `host:port` of the peer. */
  readonly remoteAddress: string;
  /** Aborts when the peer is gone or the answer is finished. */
  readonly signal: AbortSignal;
  /** The whole body, once; a fault of kind `limit` where it is longer. */
  readBody(maxBytes: number): Promise<Uint8Array>;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Whole, or in pieces until they end or the peer is gone. */
  readonly body: Uint8Array | string | AsyncIterable<Uint8Array>;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpServerOptions {
  readonly peerChain?: readonly Uint8Array[];
  /** Bytes that were already read from the stream. */
  readonly early?: Uint8Array;
  /** For the head of the first request, and for each body. @default 15000 */
  readonly receiveTimeoutMs?: number;
  /** Between requests. @default 75000 */
  readonly idleTimeoutMs?: number;
  /** Ends the connection: idle at once, else after the running answer. */
  readonly drain?: AbortSignal;
}

/**
 * Answers requests until the peer leaves, breaks the protocol or is too slow. Resolves when the
 * connection is over; never rejects. What the handler throws is answered with 500.
 */
export async function serveHttp1(
  stream: ByteStream,
  handler: HttpHandler,
  options: HttpServerOptions = {},
): Promise<void> {
  const pull = new PullReader(stream);
  if (options.early !== undefined) pull.unread(options.early);
  try {
    for (let first = true; await serveOne(stream, pull, handler, options, first); first = false);
    stream.end();
    await lingered(pull);
    stream.abort();
  } catch (thrown) {
    stream.abort(asFault(thrown));
  }
}

/** False where the connection is to be closed. Throws where it is lost. */
async function serveOne(
  stream: ByteStream,
  pull: PullReader,
  handler: HttpHandler,
  options: HttpServerOptions,
  first: boolean,
): Promise<boolean> {
  const receiveMs = options.receiveTimeoutMs ?? 15_000;
  const waitMs = first ? receiveMs : options.idleTimeoutMs ?? 75_000;
  let head: RequestHead;
  let body: IncomingBody;
  const wait = deadline(waitMs, "sys.http-timeout", "no HTTP request", options.drain);
  try {
    const text = await readHead(pull, wait.signal);
    if (text === null) return false;
    head = parseRequestHead(text);
    body = new IncomingBody(pull, requestFraming(head.headers));
  } catch (thrown) {
    const fault = asFault(thrown);
    if (fault.kind !== "protocol" && fault.kind !== "limit") throw thrown;
    await send(pull, "GET", plain(httpStatuses[fault.kind], fault.shown), false);
    return false;
  } finally {
    wait.cancel();
  }
  const gone = new AbortController();
  const watch = new Watch(pull, gone);
  const response = await answered(head, body, stream, pull, handler, options, gone, watch);
  if (body.done) watch.start();
  const keepAlive = head.keepAlive && body.done && options.drain?.aborted !== true;
  try {
    await send(pull, head.method, response, keepAlive, gone.signal);
  } finally {
    await watch.stop();
    gone.abort(new Fault({ kind: "cancelled", code: "sys.http-done", message: "answered" }));
  }
  return keepAlive;
}

async function answered(
  head: RequestHead,
  body: IncomingBody,
  stream: ByteStream,
  pull: PullReader,
  handler: HttpHandler,
  options: HttpServerOptions,
  gone: AbortController,
  watch: Watch,
): Promise<HttpResponse> {
  const readBody = async (maxBytes: number): Promise<Uint8Array> => {
    if (hasToken(head.headers["expect"], "100-continue") && !body.done) {
      await pull.write(encodeHead("HTTP/1.1 100 Continue", {}));
    }
    const receiveMs = options.receiveTimeoutMs ?? 15_000;
    const limit = deadline(receiveMs * 2, "sys.http-timeout", "no whole HTTP body", gone.signal);
    try {
      return await body.whole(maxBytes, limit.signal);
    } finally {
      limit.cancel();
      if (body.done) watch.start();
    }
  };
  if (body.done) watch.start();
  const { method, path, query, headers } = head;
  const peerChain = options.peerChain ?? [];
  const { remoteAddress } = stream;
  const request = { method, path, query, headers, peerChain, remoteAddress, signal: gone.signal };
  try {
    return await handler({ ...request, readBody });
  } catch (thrown) {
    const fault = asFault(thrown);
    return plain(httpStatuses[fault.kind], fault.shown);
  }
}

/**
 * Notices that the peer left while its answer is being made: a paused stream would not tell.
 * What arrives instead (the next request) is kept.
 */
class Watch {
  readonly #pull: PullReader;
  readonly #gone: AbortController;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(pull: PullReader, gone: AbortController) {
    this.#pull = pull;
    this.#gone = gone;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      const chunk = await this.#pull.pull(this.#stop.signal);
      if (chunk !== null) this.#pull.unread(chunk);
      else this.#gone.abort(left());
    } catch (thrown) {
      if (!this.#stop.signal.aborted) this.#gone.abort(asFault(thrown));
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(left());
    await this.#running;
  }
}

async function send(
  pull: PullReader,
  method: string,
  response: HttpResponse,
  keepAlive: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const { status, body } = response;
  const whole = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const fixed = whole instanceof Uint8Array;
  const headers = {
    ...response.headers,
    date: new Date().toUTCString(),
    ...(fixed ? { "content-length": String(whole.length) } : { "transfer-encoding": "chunked" }),
    ...(keepAlive ? {} : { connection: "close" }),
  };
  const head = encodeHead(`HTTP/1.1 ${status} ${reasons[status] ?? "-"}`, headers);
  if (fixed) {
    await pull.write(method === "HEAD" ? head : joined(head, whole), signal);
    return;
  }
  await pull.write(head, signal);
  for await (const part of whole) {
    if (signal?.aborted === true) return;
    if (part.length > 0) await pull.write(encodeChunk(part), signal);
  }
  await pull.write(encodeChunk(new Uint8Array(0)), signal);
}

/** Reads on for a moment: closing early could destroy the answer on its way (RFC 9112 §9.6). */
async function lingered(pull: PullReader): Promise<void> {
  const limit = deadline(1000, "sys.http-timeout", "still open");
  try {
    for (let chunks = 0; chunks < 64; chunks += 1) {
      if (await pull.pull(limit.signal) === null) return;
    }
  } catch {
    // Whatever it is, the connection is closed next.
  } finally {
    limit.cancel();
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function plain(status: number, text: string): HttpResponse {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
    body: `${text}\n`,
  };
}

function left(): Fault {
  return new Fault({ kind: "network", code: "sys.http-left", message: "the client left" });
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  303: "See Other",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};
