/** A server of bare packets over real TLS, and a client of them, for what no real ones do. */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { KeyPair } from "../../scripts/lab/certificates.ts";
import { flags, greeting, join, ok, packet, u32 } from "../fakes/mysql_messages.ts";

export interface FakeServer {
  readonly port: number;
  /** Packets after the login that are no queries, as they came. */
  readonly others: readonly Uint8Array[];
  close(): Promise<void>;
}

/** What a server says to a query's text, piece by piece; "end" closes the connection. */
export type Reply = (text: string) => readonly (Uint8Array | "end")[];

/** Plain forms, so that the packets of tests are short. */
const offered = 0xdfffffff & ~(flags.deprecateEof | flags.sessionTrack | flags.queryAttributes |
  flags.optionalMetadata);

const SSL_REQUEST_BYTES = 36;

export async function fakeServer(pair: KeyPair, reply: Reply): Promise<FakeServer> {
  const others: Uint8Array[] = [];
  const secure = createTlsServer(
    { cert: pair.cert, key: pair.key, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      socket.on("error", () => {});
      serve(socket, reply, others);
    },
  );
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(greeting({ flags: offered >>> 0 }));
    socket.once("data", (chunk) => {
      socket.pause();
      // A ClientHello may have come with the request for TLS.
      if (chunk.length > SSL_REQUEST_BYTES) socket.unshift(chunk.subarray(SSL_REQUEST_BYTES));
      secure.emit("connection", socket);
    });
  });
  return { others, ...await listening(server) };
}

/** Says this in place of a greeting, or closes, and nothing more. */
export async function opening(said: Uint8Array | null): Promise<FakeServer> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (said === null) socket.end();
    else socket.write(said);
  });
  return { others: [], ...await listening(server) };
}

async function listening(server: Server): Promise<Omit<FakeServer, "others">> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const at = server.address();
      resolve(typeof at === "object" && at !== null ? at.port : 0);
    });
  });
  const close = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port, close };
}

function serve(socket: TLSSocket, reply: Reply, others: Uint8Array[]): void {
  const reader = new Packets();
  let isIn = false;
  socket.on("data", (chunk) => {
    for (const whole of reader.push(chunk)) {
      if (!isIn) {
        isIn = true;
        socket.write(ok((whole[3] ?? 0) + 1));
      } else if (whole[4] !== 3) others.push(whole);
      else {
        for (const piece of reply(new TextDecoder().decode(whole.subarray(5)))) {
          if (piece === "end") socket.end();
          else socket.write(piece);
        }
      }
    }
  });
}

/** Cuts bytes into packets. */
class Packets {
  #held: Uint8Array = new Uint8Array(0);

  *push(chunk: Uint8Array): Generator<Uint8Array> {
    this.#held = join(this.#held, chunk);
    for (;;) {
      const [a = 0, b = 0, c = 0] = this.#held;
      const size = 4 + a + (b << 8) + (c << 16);
      if (this.#held.length < 4 || this.#held.length < size) return;
      yield this.#held.subarray(0, size);
      this.#held = this.#held.slice(size);
    }
  }

  /** What is left of the last packet. */
  get rest(): Uint8Array {
    return this.#held;
  }
}

/** A client of bare packets, in the clear, as on a local port. */
export class RawClient {
  readonly #socket: Socket;
  readonly #reader = new Packets();
  readonly #came: Uint8Array[] = [];
  #wake: () => void = () => {};
  #ended = false;

  constructor(port: number) {
    this.#socket = createConnection({ port, host: "127.0.0.1" });
    this.#socket.on("data", (chunk) => {
      this.#came.push(...this.#reader.push(chunk));
      this.#wake();
    });
    const ended = () => {
      this.#ended = true;
      this.#wake();
    };
    this.#socket.on("error", ended);
    this.#socket.on("close", ended);
  }

  /** Logs in; gives the last packet of that, OK or ERR. */
  static async login(port: number, user = "alice"): Promise<[RawClient, Uint8Array]> {
    const client = new RawClient(port);
    const greeted = await client.next();
    if (greeted === null || greeted[4] === 0xff) return [client, greeted ?? new Uint8Array(0)];
    const can = flags.protocol41 | flags.secureConnection | flags.pluginAuth | (1 << 7);
    const plugin = "caching_sha2_password\0";
    client.send(packet(1, u32(can), u32(1), 45, new Uint8Array(23), `${user}\0`, 0, plugin));
    return [client, await client.next() ?? new Uint8Array(0)];
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The next packet; null at the end. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const first = this.#came.shift();
      if (first !== undefined) return first;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** All that comes until the end. */
  async rest(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let next = await this.next(); next !== null; next = await this.next()) parts.push(next);
    return join(...parts, this.#reader.rest);
  }

  close(): void {
    this.#socket.destroy();
  }
}
