/** One session of Redis through the proxy, with the certificate of a route. */
import { Fault } from "../../core/fault.ts";
import { PullReader } from "../../core/pull.ts";
import { type ByteStream, partFrom } from "../../core/stream.ts";
import { splitInline } from "../../wire/redis/inline.ts";
import { command, measureReply, readReply, type Value } from "../../wire/redis/resp.ts";
import { WireError } from "../../wire/mod.ts";
import { dialRoute, type RouteAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import { badStatement, lost, partingMs } from "../sql/faults.ts";
import type { Dialect, ShellSession, SqlListener, SqlResult } from "../sql/result.ts";
import { SqlError } from "../sql/sql_error.ts";

/** What one command may give back; more is for redis-cli. */
const replyBytesMax = 64 << 20;
/** Answered by more than one reply, or by none that ends. */
const streaming = /^(?:[ps]?subscribe|[ps]?unsubscribe|monitor|sync|psync)$/i;

/** A line is a command; `\\l` counts the keys of each database, `\\d` shows some keys. */
const dialect: Dialect = {
  split: (text) => ({
    statements: text.split("\n").filter((line) => line.trim() !== ""),
    rest: "",
  }),
  databases: "INFO keyspace",
  relations: "SCAN 0 COUNT 100",
  columnsOf: (name) => `TYPE "${name.replaceAll(/["\\]/g, "\\$&")}"`,
};

export class RedisSession implements ShellSession {
  readonly dialect = dialect;
  readonly #stream: ByteStream;
  readonly #reader: PullReader;
  readonly #clock: ClientPowers["clock"];
  #status = "I";

  private constructor(stream: ByteStream, clock: ClientPowers["clock"]) {
    this.#stream = stream;
    this.#clock = clock;
    this.#reader = new PullReader(stream);
  }

  /** Connects. Throws Faults of the way there, and `SqlError` for what is refused. */
  static async open(
    at: RouteAt,
    powers: ClientPowers,
    signal: AbortSignal,
  ): Promise<RedisSession> {
    const session = new RedisSession(await dialRoute(at, powers, signal), powers.clock);
    try {
      // The certificate is what counts; the answer tells that the session has begun.
      const said = await session.#ask([encoder.encode("AUTH"), encoder.encode(at.user), nothing]);
      if (said.type === "error") throw errorOf(said.text, []);
    } catch (thrown) {
      session.#stream.abort();
      throw thrown;
    }
    return session;
  }

  get status(): string {
    return this.#status;
  }

  /** Each line is a command, written as for redis-cli. */
  async run(text: string, _listener: SqlListener, signal: AbortSignal): Promise<SqlResult[]> {
    const results: SqlResult[] = [];
    for (const line of text.split("\n")) {
      if (line.trim() === "") continue;
      const args = splitInline(encoder.encode(line.trim()));
      if (args === null) throw badStatement("a quote is not closed");
      const name = decoder.decode(args[0] ?? nothing);
      if (streaming.test(name)) throw badStatement(`${name} is for redis-cli: tsh db connect`);
      signal.throwIfAborted();
      const said = await this.#ask(args, signal);
      if (said.type === "error") throw errorOf(said.text, results);
      this.#follow(name);
      results.push(resultOf(said));
    }
    return results;
  }

  /** The server has no way to stop a command but the end of its connection. */
  cancel(): Promise<void> {
    this.#stream.abort();
    return Promise.resolve();
  }

  close(): void {
    this.#stream.write(command("QUIT"));
    partFrom(this.#stream, this.#clock, partingMs);
  }

  #follow(name: string): void {
    if (/^multi$/i.test(name)) this.#status = "T";
    else if (/^(?:exec|discard|reset)$/i.test(name)) this.#status = "I";
  }

  async #ask(args: readonly Uint8Array[], signal?: AbortSignal): Promise<Value> {
    await this.#reader.write(command(...args), signal);
    const reply = await this.#reader.unit(sizeOf, signal);
    if (reply === null) throw lost();
    return readReply(reply);
  }
}

const nothing = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function sizeOf(held: Uint8Array): number | null {
  try {
    return measureReply(held, replyBytesMax);
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown;
    throw new Fault({
      kind: "protocol",
      code: "client.sql-protocol",
      message: `the answer can't be read: ${thrown.message}`,
      hint: "where it is only too long, use redis-cli: tsh db connect NAME",
    });
  }
}

function resultOf(said: Value): SqlResult {
  switch (said.type) {
    case "status":
      return { columns: null, rows: [], tag: said.text };
    case "map": {
      const rows: string[][] = [];
      for (let at = 0; at + 1 < said.values.length; at += 2) {
        rows.push([textOf(said.values[at]) ?? "", textOf(said.values[at + 1]) ?? ""]);
      }
      return { columns: ["field", "value"], rows, tag: "" };
    }
    case "array":
    case "set":
    case "push":
      return { columns: ["value"], rows: said.values.map((one) => [textOf(one)]), tag: "" };
    default:
      return { columns: ["value"], rows: [[textOf(said)]], tag: "" };
  }
}

/** A value on one line; what is nested is in brackets. */
function textOf(value: Value | undefined): string | null {
  if (value === undefined) return null;
  switch (value.type) {
    case "null":
      return null;
    case "bulk":
    case "verbatim":
      return decoder.decode(value.bytes);
    case "integer":
    case "boolean":
      return String(value.value);
    case "status":
    case "error":
    case "double":
    case "big":
      return value.text;
    default:
      return `[${value.values.map((one) => textOf(one) ?? "null").join(", ")}]`;
  }
}

function errorOf(text: string, before: readonly SqlResult[]): SqlError {
  const [code = "ERR"] = text.split(" ", 1);
  const message = text.slice(code.length).trim();
  return new SqlError(new Map([["S", "ERROR"], ["C", code], ["M", message]]), before);
}
