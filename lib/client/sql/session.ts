/** One SQL session through the proxy, with the certificate of a route. */
import { Fault } from "../../core/fault.ts";
import { PullReader } from "../../core/pull.ts";
import type { ByteStream } from "../../core/stream.ts";
import { dialRoute, type RouteAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import * as messages from "./messages.ts";
import { postgresDialect } from "./postgres_dialect.ts";
import type { ShellSession, SqlListener, SqlResult } from "./result.ts";
import { SqlError } from "./sql_error.ts";

/** What one message to the database may give back in all; more belongs into a file by psql. */
const answerBytesMax = 256 << 20;

export class SqlSession implements ShellSession {
  readonly dialect = postgresDialect;
  readonly #at: RouteAt;
  readonly #powers: ClientPowers;
  readonly #stream: ByteStream;
  readonly #reader: PullReader;
  #key: Uint8Array | null = null;
  #status = "I";

  private constructor(at: RouteAt, stream: ByteStream, powers: ClientPowers) {
    this.#at = at;
    this.#powers = powers;
    this.#stream = stream;
    this.#reader = new PullReader(stream);
  }

  /** Connects and logs in. Throws Faults of the way there, and `SqlError` for what is refused. */
  static async open(at: RouteAt, powers: ClientPowers, signal: AbortSignal): Promise<SqlSession> {
    const stream = await dialRoute(at, powers, signal);
    const session = new SqlSession(at, stream, powers);
    try {
      await session.#start(signal);
    } catch (thrown) {
      stream.abort();
      throw thrown;
    }
    return session;
  }

  /** `I` idle, `T` in a transaction, `E` in a failed one. */
  get status(): string {
    return this.#status;
  }

  /** Sends a text that may hold several statements; throws `SqlError` for the one that failed. */
  async run(text: string, listener: SqlListener, signal: AbortSignal): Promise<SqlResult[]> {
    if (text.includes("\0")) {
      const message = "a statement can't hold a NUL character";
      throw new Fault({ kind: "invalid", code: "client.bad-statement", message });
    }
    await this.#reader.write(messages.query(text), signal);
    const answer = new Answer(listener);
    for (;;) {
      const message = await this.#next(signal);
      if (message.kind === "ready") {
        this.#status = message.status;
        return answer.end();
      }
      if (message.kind === "copy-in") {
        const words = "COPY FROM STDIN is not for this program: use psql";
        await this.#reader.write(messages.copyFail(words), signal);
      }
      answer.take(message);
    }
  }

  /** Asks the database to stop what runs; what it says then comes as the answer of `run`. */
  async cancel(): Promise<void> {
    if (this.#key === null) return;
    const stop = new AbortController();
    const timer = this.#powers.clock.after(5_000, () => stop.abort());
    try {
      const at = { ...this.#at, endToEnd: false };
      const stream = await dialRoute(at, this.#powers, stop.signal);
      const reader = new PullReader(stream);
      await reader.write(messages.cancelRequest(this.#key), stop.signal);
      await reader.pull(stop.signal);
      stream.abort();
    } finally {
      timer.cancel();
    }
  }

  close(): void {
    this.#stream.write(messages.terminate());
    this.#stream.end();
    const timer = this.#powers.clock.after(1_000, () => this.#stream.abort());
    this.#stream.attach({
      data: () => {},
      ended: () => {},
      drained: () => {},
      closed: () => timer.cancel(),
    });
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { user, database } = this.#at;
    const parameters = { user, database, application_name: "tsh", client_encoding: "UTF8" };
    await this.#reader.write(messages.startup(parameters), signal);
    for (;;) {
      const message = await this.#next(signal);
      if (message.kind === "error") throw new SqlError(message.fields);
      if (message.kind === "key") this.#key = message.body;
      // The certificate is all that is asked for on this way.
      if (message.kind === "authentication" && message.method !== 0) throw broken();
      if (message.kind === "ready") return;
    }
  }

  async #next(signal: AbortSignal): Promise<messages.ServerMessage> {
    const head = await this.#exactly(5, signal);
    const length = new DataView(head.buffer, head.byteOffset).getUint32(1) - 4;
    if (length < 0) throw broken();
    if (length > messages.messageBytesMax) throw tooMuch();
    const body = await this.#exactly(length, signal);
    try {
      return messages.readMessage(String.fromCharCode(head[0] ?? 0), body);
    } catch {
      throw broken();
    }
  }

  async #exactly(count: number, signal: AbortSignal): Promise<Uint8Array> {
    const whole = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const chunk = await this.#reader.pull(signal);
      if (chunk === null) throw lost();
      const taken = chunk.subarray(0, count - at);
      whole.set(taken, at);
      at += taken.length;
      this.#reader.unread(chunk.subarray(taken.length));
    }
    return whole;
  }
}

/** Collects the answer to one Query message. */
class Answer {
  readonly #listener: SqlListener;
  readonly #results: SqlResult[] = [];
  #columns: readonly string[] | null = null;
  #rows: (readonly (string | null)[])[] = [];
  #bytes = 0;
  #error: SqlError | null = null;

  constructor(listener: SqlListener) {
    this.#listener = listener;
  }

  take(message: messages.ServerMessage): void {
    switch (message.kind) {
      case "columns":
        this.#columns = message.names;
        return;
      case "row":
        this.#bytes += message.values.reduce((sum, value) => sum + (value?.length ?? 0), 32);
        if (this.#bytes > answerBytesMax) throw tooMuch();
        this.#rows.push(message.values);
        return;
      case "complete":
        this.#results.push({ columns: this.#columns, rows: this.#rows, tag: message.tag });
        [this.#columns, this.#rows] = [null, []];
        return;
      case "copy-data":
        return this.#listener.copied(message.text);
      case "notice":
        return this.#listener.notice(message.fields);
      case "error":
        this.#error ??= new SqlError(message.fields, this.#results);
        return;
      default:
    }
  }

  end(): SqlResult[] {
    if (this.#error !== null) throw this.#error;
    return this.#results;
  }
}

function broken(): Fault {
  return new Fault({
    kind: "protocol",
    code: "client.sql-protocol",
    message: "the answer is not PostgreSQL's protocol",
    hint: "check --proxy, and that tsh and the cluster are of the same version",
  });
}

function lost(): Fault {
  return new Fault({
    kind: "network",
    code: "client.sql-lost",
    message: "the connection to the database was lost",
    hint: "connect again",
  });
}

function tooMuch(): Fault {
  return new Fault({
    kind: "limit",
    code: "client.sql-too-much",
    message: "the answer is too large to be held here",
    hint: "use LIMIT, or psql: tsh db connect NAME",
  });
}
