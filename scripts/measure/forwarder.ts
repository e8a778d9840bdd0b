/**
 * The least that a proxy and an agent on this runtime can be: TLS from the client, one tunnel, TLS
 * to the database; nothing is decided, read, bounded or recorded. What it reaches is the runtime's
 * own share of the cost. `forwarder.ts near PORT TUNNEL_PORT` or `far TUNNEL_PORT DATABASE_PORT`,
 * in a folder with `ca.pem`, `server.pem`, `server.key`, `client.pem`, `client.key`. TLS comes
 * behind PostgreSQL's SSLRequest, or first with a last argument `tls`.
 */
import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import { concat } from "../../lib/bytes/writer.ts";

interface Receiver {
  data(bytes: Uint8Array): void;
  end(): void;
}

const [role = "", first = "", second = "", opening = "postgres"] = Deno.args;
const isTlsFirst = opening === "tls";
const [here, there] = [Number(first), Number(second)];
const ca = readFileSync("ca.pem");
const asServer = {
  key: readFileSync("server.key"),
  cert: readFileSync("server.pem"),
  ca,
  requestCert: true,
};
const asClient = tls.createSecureContext({
  key: readFileSync("client.key"),
  cert: readFileSync("client.pem"),
  ca,
});
const headBytes = 8;

/** Frames of `stream id, length, bytes`, those of one tick in one write; no bytes end a stream. */
class Tunnel {
  readonly streams = new Map<number, Receiver>();
  readonly #socket: tls.TLSSocket;
  readonly #opened: (id: number) => Receiver;
  #waiting: Uint8Array[] = [];
  #held: Uint8Array = new Uint8Array();

  constructor(socket: tls.TLSSocket, opened: (id: number) => Receiver) {
    this.#socket = socket;
    this.#opened = opened;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => this.#read(bytes));
    socket.on("error", ignore);
  }

  send(id: number, bytes: Uint8Array): void {
    const head = new DataView(new ArrayBuffer(headBytes));
    head.setUint32(0, id);
    head.setUint32(4, bytes.length);
    if (this.#waiting.push(new Uint8Array(head.buffer), bytes) === 2) {
      queueMicrotask(() => {
        this.#socket.write(concat(this.#waiting));
        this.#waiting = [];
      });
    }
  }

  #read(bytes: Uint8Array): void {
    const all = this.#held.length === 0 ? bytes : concat([this.#held, bytes]);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    let at = 0;
    while (all.length - at >= headBytes) {
      const [id, length] = [view.getUint32(at), view.getUint32(at + 4)];
      const end = at + headBytes + length;
      if (end > all.length) break;
      this.#frame(id, all.subarray(at + headBytes, end));
      at = end;
    }
    this.#held = all.subarray(at);
  }

  #frame(id: number, bytes: Uint8Array): void {
    let receiver = this.streams.get(id);
    if (receiver === undefined) this.streams.set(id, receiver = this.#opened(id));
    if (bytes.length > 0) return receiver.data(bytes);
    receiver.end();
    this.streams.delete(id);
  }
}

function ignore(): void {}

/** PostgreSQL's SSLRequest, and the answer that TLS follows. */
const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const yes = "S";

/** Clients are taken once the tunnel is there. */
function near(): void {
  tls.createServer(asServer, (socket) => {
    const tunnel = new Tunnel(socket, () => ({ data: ignore, end: ignore }));
    acceptFor(tunnel);
  }).listen(there, "127.0.0.1");
}

function acceptFor(tunnel: Tunnel): void {
  let streams = 0;
  const ends = tls.createServer(asServer, (socket) => {
    const id = ++streams;
    tunnel.streams.set(id, {
      data: (bytes) => void socket.write(bytes),
      end: () => void socket.end(),
    });
    socket.on("data", (bytes: Uint8Array) => tunnel.send(id, bytes));
    socket.on("close", () => tunnel.send(id, new Uint8Array()));
    socket.on("error", ignore);
  });
  net.createServer((raw) => {
    raw.setNoDelay(true);
    raw.on("error", ignore);
    if (isTlsFirst) return void ends.emit("connection", raw);
    raw.once("data", () => {
      raw.pause();
      raw.write(yes);
      ends.emit("connection", raw);
    });
  }).listen(here, "127.0.0.1");
}

function far(): void {
  const options = { secureContext: asClient, servername: "localhost" };
  const tunnel = new Tunnel(tls.connect({ ...options, host: "127.0.0.1", port: here }), open);
  function open(id: number): Receiver {
    const waiting: Uint8Array[] = [];
    let database: tls.TLSSocket | null = null;
    const raw = net.connect(there, "127.0.0.1");
    raw.setNoDelay(true);
    raw.on("error", ignore);
    const begin = () => {
      const socket = tls.connect({ ...options, socket: raw });
      socket.on("secureConnect", () => {
        database = socket;
        for (const bytes of waiting) socket.write(bytes);
      });
      socket.on("data", (bytes: Uint8Array) => tunnel.send(id, bytes));
      socket.on("close", () => tunnel.send(id, new Uint8Array()));
      socket.on("error", ignore);
    };
    if (isTlsFirst) raw.once("connect", begin);
    else {
      raw.write(sslRequest);
      raw.once("data", () => {
        raw.pause();
        begin();
      });
    }
    return {
      // Its buffer is used again by the next read.
      data: (bytes) => {
        if (database === null) waiting.push(bytes.slice());
        else database.write(bytes.slice());
      },
      end: () => void raw.end(),
    };
  }
}

if (role === "near") near();
else far();
