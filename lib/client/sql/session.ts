/** One SQL session through the proxy, with the certificate of a route. */
import type { Fault } from "../../core/fault.ts";
import { PullReader } from "../../core/pull.ts";
import { type ByteStream, partFrom } from "../../core/stream.ts";
import { dialRoute, type RouteAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import {
  answerBytesMax,
  badStatement,
  cancelMs,
  lost,
  notItsProtocol,
  partingMs,
  tooMuch,
} from "./faults.ts";
import * as messages from "./messages.ts";
import { postgresDialect } from "./postgres_dialect.ts";
import type { ShellSession, SqlListener, SqlResult } from "./result.ts";
import { SqlError } from "./sql_error.ts";

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
      throw badStatement("a statement can't hold a NUL character");
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
    const timer = this.#powers.clock.after(cancelMs, () => stop.abort());
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
    partFrom(this.#stream, this.#powers.clock, partingMs);
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
    if (length > messages.messageBytesMax) throw tooMuch("psql");
    const body = await this.#exactly(length, signal);
    try {
      return messages.readMessage(String.fromCharCode(head[0] ?? 0), body);
    } catch {
      throw broken();
    }
  }

  async #exactly(count: number, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#reader.unit(() => count, signal);
    if (bytes === null) throw lost();
    return bytes;
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
        if (this.#bytes > answerBytesMax) throw tooMuch("psql");
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
  return notItsProtocol("PostgreSQL");
}
