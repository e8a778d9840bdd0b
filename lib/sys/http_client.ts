/** HTTP/1.1 requests over connections that somebody else makes; idle ones are kept for a while. */
import type { ByteStream } from "../core/stream.ts";
import { asFault, Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import { deadline } from "./deadline.ts";
import {
  badHttp,
  encodeHead,
  parseResponseHead,
  readHead,
  type ResponseHead,
} from "./http_head.ts";
import { IncomingBody, responseFraming } from "./http_body.ts";

export interface HttpClientOptions {
  /** Makes a connection; its handshake and checks are done. */
  readonly connect: (signal: AbortSignal) => Promise<ByteStream>;
  /** The Host field. */
  readonly host: string;
  /** For a whole exchange, or until the head of a streamed answer. @default 30000 */
  readonly timeoutMs?: number;
  /** Largest answer that is taken whole. @default 67108864 */
  readonly maxAnswerBytes?: number;
  /** Longest line of a streamed answer. @default 4194304 */
  readonly maxLineBytes?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpClient {
  post(path: string, body: string, signal?: AbortSignal): Promise<HttpAnswer>;
  get(path: string, signal?: AbortSignal): Promise<HttpAnswer>;
  /** The answer line by line, without line ends, whatever its status; on its own connection. */
  postLines(path: string, body: string, signal: AbortSignal): AsyncIterable<string>;
  /** Closes idle connections. */
  close(): void;
}

/** Below the server's own idle limit, so that a request never meets a closing connection. */
const idleMs = 20_000;
const idleCount = 4;

/** A connection that is not in use; `stop` gives it back for use or says that it is gone. */
interface Idle {
  readonly pull: PullReader;
  stop(): Promise<boolean>;
}

interface Connection {
  readonly stream: ByteStream;
  readonly pull: PullReader;
}

export function httpClient(options: HttpClientOptions): HttpClient {
  return new KeepingClient(options);
}

class KeepingClient implements HttpClient {
  readonly #options: HttpClientOptions;
  #idle: { readonly connection: Connection; readonly watch: Idle }[] = [];
  #isClosed = false;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  post(path: string, body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.#exchange("POST", path, body, signal);
  }

  get(path: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.#exchange("GET", path, "", signal);
  }

  async *postLines(path: string, body: string, signal: AbortSignal): AsyncGenerator<string> {
    const limit = this.#deadline(signal);
    let connection: Connection | null = null;
    try {
      connection = await this.#connect(limit.signal);
      const head = await this.#ask(connection, "POST", path, body, limit.signal);
      limit.cancel();
      const framing = responseFraming(head.status, head.headers);
      const incoming = new IncomingBody(connection.pull, framing);
      yield* lines(incoming.chunks(signal), this.#options.maxLineBytes ?? 4 << 20);
    } finally {
      limit.cancel();
      connection?.stream.abort();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { connection } of this.#idle) connection.stream.abort();
    this.#idle = [];
  }

  async #exchange(
    method: string,
    path: string,
    body: string,
    signal?: AbortSignal,
  ): Promise<HttpAnswer> {
    const limit = this.#deadline(signal);
    let connection: Connection | null = null;
    try {
      connection = await this.#take() ?? await this.#connect(limit.signal);
      const head = await this.#ask(connection, method, path, body, limit.signal);
      const framing = responseFraming(head.status, head.headers);
      const incoming = new IncomingBody(connection.pull, framing);
      const max = this.#options.maxAnswerBytes ?? 64 << 20;
      const answer = new TextDecoder().decode(await incoming.whole(max, limit.signal));
      if (head.keepAlive && framing.kind !== "until-close") this.#keep(connection);
      else connection.stream.abort();
      return { status: head.status, body: answer };
    } catch (thrown) {
      connection?.stream.abort(asFault(thrown));
      throw thrown;
    } finally {
      limit.cancel();
    }
  }

  #deadline(signal: AbortSignal | undefined) {
    const ms = this.#options.timeoutMs ?? 30_000;
    return deadline(ms, "sys.http-timeout", `no answer from ${this.#options.host}`, signal);
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const stream = await this.#options.connect(signal);
    return { stream, pull: new PullReader(stream) };
  }

  async #ask(
    { pull }: Connection,
    method: string,
    path: string,
    body: string,
    signal: AbortSignal,
  ): Promise<ResponseHead> {
    const content = new TextEncoder().encode(body);
    const head = encodeHead(`${method} ${path} HTTP/1.1`, {
      host: this.#options.host,
      ...(method === "POST"
        ? { "content-type": "application/json", "content-length": String(content.length) }
        : {}),
    });
    const whole = new Uint8Array(head.length + content.length);
    whole.set(head);
    whole.set(content, head.length);
    await pull.write(whole, signal);
    for (let interim = 0; interim < 8; interim += 1) {
      const text = await readHead(pull, signal);
      if (text === null) throw badHttp("no answer");
      const answer = parseResponseHead(text);
      if (answer.status >= 200) return answer;
    }
    throw badHttp("too many interim answers");
  }

  /** An idle connection that is still there. */
  async #take(): Promise<Connection | null> {
    for (;;) {
      const last = this.#idle.pop();
      if (last === undefined) return null;
      if (await last.watch.stop()) return last.connection;
      last.connection.stream.abort();
    }
  }

  #keep(connection: Connection): void {
    if (this.#isClosed || this.#idle.length >= idleCount) {
      connection.stream.abort();
      return;
    }
    const forget = () => {
      this.#idle = this.#idle.filter((one) => one.connection !== connection);
      connection.stream.abort();
    };
    this.#idle.push({ connection, watch: watchIdle(connection.pull, forget) });
  }
}

/** Reads on while nothing is expected: the end, or anything else, makes the connection useless. */
function watchIdle(pull: PullReader, forget: () => void): Idle {
  const stopped = new AbortController();
  const limit = deadline(idleMs, "sys.http-idle", "idle", stopped.signal);
  let isGone = false;
  const running = pull.pull(limit.signal).then(() => true, () => !stopped.signal.aborted)
    .then((left) => {
      isGone = left;
      limit.cancel();
      if (left) forget();
    });
  return {
    pull,
    stop: async () => {
      stopped.abort(new Fault({ kind: "cancelled", code: "sys.http-reused", message: "in use" }));
      await running;
      return !isGone;
    },
  };
}

async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of chunks) {
    const parts = decoder.decode(chunk, { stream: true }).split("\n");
    for (const part of parts.slice(0, -1)) {
      yield held + part;
      held = "";
    }
    held += parts.at(-1) ?? "";
    if (held.length > maxLineBytes) throw badHttp("a line over its limit");
  }
  if (held !== "") yield held;
}
