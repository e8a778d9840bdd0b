/** A session with MySQL or MariaDB through the proxy, with the certificate of a route. */
import { concat } from "../../bytes/writer.ts";
import { Fault } from "../../core/fault.ts";
import { PullReader } from "../../core/pull.ts";
import { type ByteStream, partFrom } from "../../core/stream.ts";
import { readGreeting } from "../../wire/mysql/greeting.ts";
import { HEADER, PACKET_MAX, payloadBytesAt } from "../../wire/mysql/packet.ts";
import { dialRoute, type RouteAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import { answerBytesMax, cancelMs, lost, notItsProtocol, partingMs, tooMuch } from "./faults.ts";
import { mysqlDialect } from "./mysql_dialect.ts";
import * as messages from "./mysql_messages.ts";
import type { ShellSession, SqlListener, SqlResult } from "./result.ts";
import { SqlError } from "./sql_error.ts";

export class MysqlSession implements ShellSession {
  readonly dialect = mysqlDialect;
  readonly #at: RouteAt;
  readonly #powers: ClientPowers;
  readonly #stream: ByteStream;
  readonly #reader: PullReader;
  #connectionId = 0;
  #sequence = 0;
  #status = 0;
  #bytes = 0;

  private constructor(at: RouteAt, stream: ByteStream, powers: ClientPowers) {
    this.#at = at;
    this.#powers = powers;
    this.#stream = stream;
    this.#reader = new PullReader(stream);
  }

  /** Connects and logs in. Throws Faults of the way there, and `SqlError` for what is refused. */
  static async open(
    at: RouteAt,
    powers: ClientPowers,
    signal: AbortSignal,
  ): Promise<MysqlSession> {
    const stream = await dialRoute(at, powers, signal);
    const session = new MysqlSession(at, stream, powers);
    try {
      await understood(() => session.#start(signal));
    } catch (thrown) {
      stream.abort();
      throw thrown;
    }
    return session;
  }

  get status(): string {
    return (this.#status & messages.status.inTransaction) !== 0 ? "T" : "I";
  }

  async run(text: string, _: SqlListener, signal: AbortSignal): Promise<SqlResult[]> {
    this.#bytes = 0;
    await this.#reader.write(messages.query(text), signal);
    const results: SqlResult[] = [];
    return await understood(async () => {
      do results.push(await this.#result(results, signal)); while (
        (this.#status & messages.status.moreResults) !== 0
      );
      return results;
    });
  }

  async cancel(): Promise<void> {
    const stop = new AbortController();
    const timer = this.#powers.clock.after(cancelMs, () => stop.abort());
    try {
      const other = await MysqlSession.open(this.#at, this.#powers, stop.signal);
      await other.run(`KILL QUERY ${this.#connectionId}`, nobody, stop.signal);
      other.close();
    } finally {
      timer.cancel();
    }
  }

  close(): void {
    this.#stream.write(messages.quit());
    partFrom(this.#stream, this.#powers.clock, partingMs);
  }

  async #start(signal: AbortSignal): Promise<void> {
    const greeting = await this.#next(signal);
    if (greeting[0] === 0xff) throw messages.errorOf(greeting);
    const { connectionId, flags } = readGreeting(greeting);
    if (!messages.canServe(flags)) throw broken();
    this.#connectionId = connectionId;
    const { user, database } = this.#at;
    await this.#reader.write(messages.response(user, database), signal);
    const answer = messages.readAnswer(await this.#next(signal));
    if (answer.kind === "error") throw answer.error;
    // The certificate is all that is asked for on this way.
    if (answer.kind !== "ok") throw broken();
    this.#status = answer.status;
  }

  /** One result of a text; throws `SqlError` with those before it. */
  async #result(before: readonly SqlResult[], signal: AbortSignal): Promise<SqlResult> {
    for (;;) {
      const answer = messages.readAnswer(await this.#next(signal));
      switch (answer.kind) {
        case "error":
          this.#status &= ~messages.status.moreResults;
          throw new SqlError(answer.error.fields, before);
        case "file":
          // An empty file: the database goes on, and says what it makes of that.
          await this.#reader.write(
            messages.packets(new Uint8Array(0), this.#sequence + 1),
            signal,
          );
          break;
        case "ok":
          this.#status = answer.status;
          return { columns: null, rows: [], tag: tagOf(answer.rows) };
        case "columns":
          return await this.#rows(answer.count, before, signal);
      }
    }
  }

  async #rows(
    count: number,
    before: readonly SqlResult[],
    signal: AbortSignal,
  ): Promise<SqlResult> {
    const columns: string[] = [];
    for (let index = 0; index < count; index++) {
      columns.push(messages.columnName(await this.#next(signal)));
    }
    if (messages.endOf(await this.#next(signal)) === null) throw broken();
    const rows: (string | null)[][] = [];
    for (;;) {
      const payload = await this.#next(signal);
      if (payload[0] === 0xff) throw new SqlError(messages.errorOf(payload).fields, before);
      const end = messages.endOf(payload);
      if (end !== null) {
        this.#status = end.status;
        return { columns, rows, tag: "" };
      }
      rows.push(messages.rowValues(payload, count));
    }
  }

  /** The next payload; one over 16 MiB comes in several packets. */
  async #next(signal: AbortSignal): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const head = await this.#exactly(HEADER, signal);
      const length = payloadBytesAt(head, 0);
      this.#sequence = head[3] ?? 0;
      this.#bytes += length;
      if (this.#bytes > answerBytesMax) throw tooMuch("a program of MySQL");
      const part = await this.#exactly(length, signal);
      if (length < PACKET_MAX && parts.length === 0) return part;
      parts.push(part);
      if (length < PACKET_MAX) return concat(parts);
    }
  }

  async #exactly(count: number, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#reader.unit(() => count, signal);
    if (bytes === null) throw lost();
    return bytes;
  }
}

const nobody: SqlListener = { notice: () => {}, copied: () => {} };

function tagOf(rows: number): string {
  return `OK, ${rows} row${rows === 1 ? "" : "s"} affected`;
}

/** What is no message of MySQL's is told so. */
async function understood<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    const isKnown = thrown instanceof Fault || thrown instanceof SqlError;
    if (isKnown || (thrown instanceof Error && thrown.name === "AbortError")) throw thrown;
    throw broken();
  }
}

function broken(): Fault {
  return notItsProtocol("MySQL");
}
