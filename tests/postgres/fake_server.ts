/** A database of bare messages over real TLS, for what no real PostgreSQL does. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { KeyPair } from "../../scripts/lab/certificates.ts";
import { concat, message } from "./raw_client.ts";

export interface FakeServer {
  readonly port: number;
  /** Startup and cancel requests as they came, inside TLS. */
  readonly openings: readonly Uint8Array[];
  close(): Promise<void>;
}

/** AuthenticationOk and a version, which every login begins with. */
export const authenticated: Uint8Array = concat([
  message("R", new Uint8Array(4)),
  message("S", "server_version\x0016.0\0"),
]);
export const ready: Uint8Array = message("Z", "I");
/** One row of one column. */
export const answer: Uint8Array = concat([
  message(
    "T",
    Uint8Array.of(0, 1),
    "n\0",
    Uint8Array.of(...[0, 0, 0, 0, 0, 0, 0, 0, 0, 25]),
    Uint8Array.of(255, 255, 255, 255, 255, 255, 0, 0),
  ),
  message("D", Uint8Array.of(0, 1, 0, 0, 0, 1), "1"),
  message("C", "SELECT 1\0"),
  ready,
]);

/** What a fake database says to a Query's text, piece by piece; "end" closes the connection. */
export type Reply = (text: string) => readonly (Uint8Array | "end")[];

export interface FakeManners {
  /** Left out: one row. */
  readonly reply?: Reply;
  /** Gets all that follows the startup, and nothing is said. */
  readonly swallow?: (chunk: Uint8Array) => void;
}

/** Says `greeting` to each startup and to each Query what its manners say. */
export async function fakeServer(
  pair: KeyPair,
  greeting: Uint8Array,
  manners: FakeManners = {},
): Promise<FakeServer> {
  const openings: Uint8Array[] = [];
  const sockets = new Set<Socket>();
  const secure = createTlsServer({ cert: pair.cert, key: pair.key }, (socket) => {
    socket.on("error", () => {});
    serve(socket, { greeting, openings, ...manners });
  });
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.pause();
      socket.write("S");
      secure.emit("connection", socket);
    });
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const at = server.address();
      resolve(typeof at === "object" && at !== null ? at.port : 0);
    });
  });
  return {
    port,
    openings,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface Service extends FakeManners {
  readonly greeting: Uint8Array;
  readonly openings: Uint8Array[];
}

function serve(socket: TLSSocket, service: Service): void {
  const { greeting, openings, swallow, reply = () => [answer] } = service;
  let held = new Uint8Array(0);
  let begun = false;
  socket.on("data", (chunk: Uint8Array) => {
    if (begun && swallow !== undefined) return swallow(chunk);
    held = concat([held, chunk]);
    for (;;) {
      const at = begun ? 1 : 0;
      if (held.length < at + 4) return;
      const size = new DataView(held.buffer).getInt32(at) + at;
      if (held.length < size) return;
      const frame = held.slice(0, size);
      held = held.slice(size);
      if (begun) {
        if (frame[0] !== 0x51) continue;
        for (const piece of reply(new TextDecoder().decode(frame.subarray(5, -1)))) {
          if (piece === "end") socket.end();
          else socket.write(piece);
        }
        continue;
      }
      openings.push(frame);
      begun = true;
      if (new DataView(frame.buffer).getInt32(4) === 80877102) socket.end();
      else socket.write(greeting);
    }
  });
}
