/** Auth's doors: the contract over mutual TLS, and over the local socket. */
import type { ApiRequest, ApiResponse } from "../api/server.ts";
import { asFault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import { changeMode, makeDirectory, remove } from "../sys/files.ts";
import { type HttpHandler, serveHttp1 } from "../sys/http.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import { listenTcp } from "../sys/tcp.ts";
import { startTlsServer, type TlsContext } from "../sys/tls.ts";
import { authAlpn } from "./auth_channel.ts";

export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>;

export interface Door {
  readonly address: { readonly host: string; readonly port: number };
  /** Takes no new connections and ends those that wait; running answers are finished. */
  close(): Promise<void>;
}

/** Connections at a time, two for each agent; more are closed at once. */
const connectionsMax = 8192;
/** How long running answers may take when the door closes. */
const closeMsMax = 500;

/**
 * Listens with TLS; a client certificate is asked for, who may go without one is the API's matter.
 */
export async function openTlsDoor(options: {
  readonly at: { readonly host: string; readonly port: number };
  readonly context: TlsContext;
  readonly handler: ApiHandler;
  readonly log: Log;
}): Promise<Door> {
  const { at, context, handler, log } = options;
  return await openDoor(at, async (socket, { drain, secured }) => {
    const stream = await startTlsServer(socket, {
      context,
      alpn: [authAlpn],
      requestClientCertificate: true,
      signal: drain,
    });
    secured(stream);
    const { peerChain } = stream;
    await serveHttp1(stream, handler, { peerChain, drain });
  }, log);
}

/** Makes the directory where it is missing, and its owner's alone. */
export async function ownDirectory(path: string): Promise<void> {
  await makeDirectory(path);
  await changeMode(path, 0o700);
}

/** Listens without TLS: nothing secret is told, and who may ask is the network's matter. */
export async function openPlainDoor(options: {
  readonly at: { readonly host: string; readonly port: number };
  readonly handler: HttpHandler;
  readonly log: Log;
}): Promise<Door> {
  const { at, handler, log } = options;
  return await openDoor(at, (socket, { drain }) => serveHttp1(socket, handler, { drain }), log);
}

/** Listens on a Unix socket in a directory that is its owner's alone. */
export async function openLocalDoor(options: {
  readonly directory: string;
  readonly name: string;
  readonly handler: HttpHandler;
  readonly log: Log;
}): Promise<Door> {
  const { directory, name, handler, log } = options;
  const path = `${directory}/${name}`;
  // Left by a process that was killed; a living one holds the state file, which is opened first.
  await remove(path);
  const door = await openDoor({ path }, async (socket, { drain }) => {
    await serveHttp1(socket, handler, { drain });
  }, log);
  await changeMode(path, 0o600);
  return {
    address: door.address,
    close: async () => {
      await door.close();
      await remove(path);
    },
  };
}

interface Guest {
  readonly drain: AbortSignal;
  /** The stream that takes the socket's place. */
  secured(stream: SocketStream): void;
}

async function openDoor(
  at: { readonly host: string; readonly port: number } | { readonly path: string },
  serve: (socket: SocketStream, guest: Guest) => Promise<void>,
  log: Log,
): Promise<Door> {
  const drain = new AbortController();
  const open = new Set<{ stream: SocketStream; served: Promise<void> }>();
  const listener = await listenTcp(at, (socket) => {
    if (open.size >= connectionsMax || drain.signal.aborted) return socket.abort();
    const visit = { stream: socket, served: Promise.resolve() };
    const secured = (stream: SocketStream): void => void (visit.stream = stream);
    visit.served = serve(socket, { drain: drain.signal, secured })
      .catch((thrown) => log.debug("a connection failed", { code: asFault(thrown).code }))
      .finally(() => open.delete(visit));
    open.add(visit);
  });
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    drain.abort();
    const listening = listener.close();
    const late = setTimeout(() => open.forEach(({ stream }) => stream.abort()), closeMsMax);
    await Promise.all([...open].map(({ served }) => served));
    clearTimeout(late);
    await listening;
  };
  return { address: listener.address, close: () => closing ??= close() };
}
