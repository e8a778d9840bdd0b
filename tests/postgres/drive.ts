import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { pbkdf2Sync } from "node:crypto";
import { concat } from "../../lib/bytes/writer.ts";
import type { Handshake, Reply } from "../../lib/wire/protocol.ts";

/** Bytes of a socket as they are pulled; enough of a stream for tests. */
export class Pulled {
  #socket: Socket;
  #held: Uint8Array = new Uint8Array(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  #listen(): void {
    this.#socket.on("data", this.#data);
    this.#socket.on("close", this.#closed);
    this.#socket.on("error", this.#closed);
  }

  #data = (chunk: Uint8Array): void => {
    this.#held = concat([this.#held, chunk]);
    this.#wake();
  };

  #closed = (): void => {
    this.#ended = true;
    this.#wake();
  };

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** What has arrived, at least something; null at the end. */
  async some(): Promise<Uint8Array | null> {
    while (this.#held.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const bytes = this.#held;
    this.#held = new Uint8Array(0);
    return bytes.length === 0 ? null : bytes;
  }

  unread(bytes: Uint8Array): void {
    this.#held = concat([bytes, this.#held]);
  }

  async toTls(options: ConnectionOptions): Promise<void> {
    this.#socket.off("data", this.#data);
    const tls = connectTls({ socket: this.#socket, ...options });
    await new Promise<void>((resolve, reject) => {
      tls.once("secureConnect", () => resolve());
      tls.once("error", reject);
    });
    this.#socket = tls;
    this.#listen();
  }

  async close(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    if (this.#socket.closed) return;
    this.#socket.destroy();
    await gone;
  }
}

export async function dial(port: number): Promise<Pulled> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  return new Pulled(socket);
}

/** Runs a handshake against a live stream, as the Database Service does. */
export async function drive<T>(
  script: Handshake<T>,
  stream: Pulled,
  powers: { tls: ConnectionOptions; password?: string },
): Promise<T> {
  let reply: Reply;
  for (;;) {
    const turn = script.next(reply);
    if (turn.done) return turn.value;
    const step = turn.value;
    reply = undefined;
    if (step.do === "send") stream.write(step.bytes);
    else if (step.do === "tls") await stream.toTls(powers.tls);
    else if (step.do === "secret") reply = powers.password ?? "";
    else if (step.do === "pbkdf2") {
      const hash = step.hash.replace("-", "").toLowerCase();
      reply = pbkdf2Sync(step.password, step.salt, step.iterations, step.bytes, hash);
    } else if (step.do === "frame") {
      let held: Uint8Array = new Uint8Array(0);
      for (;;) {
        const size = step.measure(held);
        if (size !== null && size > step.maxBytes) throw new Error(`Frame of ${size} bytes`);
        if (size !== null && held.length >= size) {
          stream.unread(held.subarray(size));
          reply = held.subarray(0, size);
          break;
        }
        const more = await stream.some();
        if (more === null) throw new Error("Closed during the handshake");
        held = concat([held, more]);
      }
    }
  }
}
