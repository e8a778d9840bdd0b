/** A client of the tests that knows nothing of clusters: commands in, replies out, in order. */
import { connect, type TLSSocket } from "node:tls";
import { concat } from "../../lib/bytes/writer.ts";
import { command, measureReply, readReply, type Value } from "../../lib/wire/redis/resp.ts";
import type { RedisEndpoint } from "./endpoint.ts";

export type Said = string | number | null | readonly Said[];

export class PlainClient {
  readonly #socket: TLSSocket;
  #held: Uint8Array = new Uint8Array(0);
  readonly #waiting: ((said: Said) => void)[] = [];
  /** Pushes of RESP3, and what arrives unasked. */
  readonly heard: Said[] = [];
  isClosed = false;
  /** All bytes so far; where replies are long, they can be counted and not read. */
  bytes = 0;
  countsOnly = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
      for (const answer of this.#waiting.splice(0)) answer("closed");
    });
  }

  static async connect(endpoint: RedisEndpoint): Promise<PlainClient> {
    const { host, port } = endpoint;
    const [ca, cert, key] = await Promise.all(
      [endpoint.ca, endpoint.cert, endpoint.key].map((file) => Deno.readTextFile(file)),
    );
    const files = { ca: ca ?? "", cert: cert ?? "", key: key ?? "" };
    const socket = connect({ host, port, servername: "localhost", ...files });
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", () => resolve());
      socket.once("error", reject);
    });
    return new PlainClient(socket);
  }

  /** Sends a command at once; its reply, errors as text. */
  ask(...words: readonly string[]): Promise<Said> {
    return new Promise((resolve) => {
      if (this.isClosed) return resolve("closed");
      this.#waiting.push(resolve);
      this.#socket.write(command(...words));
    });
  }

  /** Reads nothing until {@linkcode resume}. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends a command that is answered by messages only. */
  tell(...words: readonly string[]): void {
    this.#socket.write(command(...words));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isClosed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.destroy();
    await closed;
  }

  #read(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.countsOnly) return;
    this.#held = concat([this.#held, chunk]);
    for (;;) {
      const size = this.#held.length === 0 ? null : measureReply(this.#held);
      if (size === null || size > this.#held.length) return;
      const value = readReply(this.#held.subarray(0, size));
      this.#held = this.#held.slice(size);
      if (value.type === "push") this.heard.push(said(value));
      else if (this.#waiting.length === 0) this.heard.push(said(value));
      else this.#waiting.shift()?.(said(value));
    }
  }
}

function said(value: Value): Said {
  switch (value.type) {
    case "status":
    case "error":
    case "double":
    case "big":
      return value.text;
    case "integer":
      return Number(value.value);
    case "boolean":
      return String(value.value);
    case "null":
      return null;
    case "bulk":
    case "verbatim":
      return new TextDecoder().decode(value.bytes);
    default:
      return value.values.map(said);
  }
}
