import * as dns from "node:dns";
import * as net from "node:net";
import { Fault } from "../core/fault.ts";
import { connectionFault, hostPort, SocketStream } from "./socket_stream.ts";

/** Where to listen or connect: a TCP port (0 picks a free one) or the path of a Unix socket. */
export type Endpoint =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

export interface Listener {
  /** Where it listens; `port` 0 and `host` = path for a Unix socket. */
  readonly address: { readonly host: string; readonly port: number };
  /** Stops accepting; connections that are open stay open. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Milliseconds until `sys.connect-timeout`; default 10000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Accepts connections until closed; each is handed over paused, its options set. */
export async function listenTcp(
  at: Endpoint,
  onConnection: (stream: SocketStream) => void,
): Promise<Listener> {
  const server = net.createServer(
    { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true },
    (socket) => onConnection(new SocketStream(tuned(socket))),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenFault(at, error)));
    if ("path" in at) server.listen(at.path, resolve);
    else server.listen(at.port, at.host, 1024, resolve);
  });
  // A failed accept (no file descriptors left) must not end the process.
  server.on("error", () => {});
  const bound = server.address();
  const address = typeof bound === "object" && bound !== null
    ? { host: bound.address, port: bound.port }
    : { host: "path" in at ? at.path : at.host, port: 0 };
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

/**
 * Connects; the stream is handed over paused. Faults: `sys.connection-refused`,
 * `sys.connect-timeout`, `sys.connection-lost`.
 */
export async function connectTcp(
  to: Endpoint,
  options: ConnectOptions = {},
): Promise<SocketStream> {
  options.signal?.throwIfAborted();
  const timeoutMs = options.timeoutMs ?? 10_000;
  const socket = "path" in to ? net.connect({ path: to.path, allowHalfOpen: true }) : net.connect({
    host: to.host,
    port: to.port,
    allowHalfOpen: true,
    autoSelectFamily: true,
    lookup,
  });
  const where = "path" in to ? to.path : hostPort(to.host, to.port);
  return await new Promise<SocketStream>((resolve, reject) => {
    const timer = setTimeout(() => fail(timeoutFault(where, timeoutMs)), timeoutMs);
    const aborted = () => fail(options.signal?.reason);
    const refused = (error: unknown) => fail(connectionFault(error));
    const settle = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", aborted);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.on("error", () => {});
      socket.destroy();
      reject(reason);
    };
    options.signal?.addEventListener("abort", aborted, { once: true });
    socket.once("error", refused);
    socket.once("connect", () => {
      settle();
      const stream = new SocketStream(tuned(socket));
      socket.off("error", refused);
      resolve(stream);
    });
  });
}

/** How long an address is believed: enough for a burst of connections to one host. */
const lookupMs = 1000;
const lookupsMax = 256;
const lookups = new Map<string, { readonly until: number; readonly found: dns.LookupAddress[] }>();

/** Resolves names as the system does, but the same one once a second at most. */
const lookup: net.LookupFunction = (host, options, done) => {
  const name = `${options.family ?? 0} ${options.hints ?? 0} ${host}`;
  const known = lookups.get(name);
  if (known !== undefined && known.until > performance.now()) return give(known.found);
  dns.lookup(host, { ...options, all: true }, (error, found) => {
    if (error !== null) return done(error, []);
    if (lookups.size >= lookupsMax) lookups.clear();
    lookups.set(name, { until: performance.now() + lookupMs, found });
    give(found);
  });
  function give(found: dns.LookupAddress[]): void {
    const [first] = found;
    if (options.all === true || first === undefined) done(null, found);
    else done(null, first.address, first.family);
  }
};

function tuned(socket: net.Socket): net.Socket {
  socket.setNoDelay(true);
  // Below the idle limits of common load balancers (350 s and more).
  socket.setKeepAlive(true, 60_000);
  return socket;
}

function timeoutFault(where: string, timeoutMs: number): Fault {
  return new Fault({
    kind: "network",
    code: "sys.connect-timeout",
    message: `no connection to ${where} within ${timeoutMs} ms`,
    fields: { errno: "ETIMEDOUT" },
  });
}

function listenFault(at: Endpoint, error: unknown): Fault {
  const fault = connectionFault(error);
  const where = "path" in at ? at.path : hostPort(at.host, at.port);
  return new Fault({
    kind: "unavailable",
    code: "sys.listen-failed",
    message: `can't listen on ${where}: ${fault.fields.errno ?? "unknown"}`,
    shown: `can't listen on ${where}`,
    cause: error,
  });
}
