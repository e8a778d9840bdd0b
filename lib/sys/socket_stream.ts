import type { Socket } from "node:net";
import { Buffer } from "node:buffer";
import type { ByteStream, StreamReader } from "../core/stream.ts";
import { Fault } from "../core/fault.ts";
import { errnoOf } from "./errno.ts";
import { StreamDuplex } from "./stream_duplex.ts";

/** Queued bytes at which they leave without waiting for the end of the tick. */
const flushBytes = 128 * 1024;
/** Queued bytes at which `write` asks the caller to wait. */
const highWaterBytes = 256 * 1024;

/**
 * A {@linkcode ByteStream} over a node:net socket, or over TLS on one or on another stream (`raw`
 * is below then).
 */
export class SocketStream implements ByteStream {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #socket: Socket;
  /** What must stop by itself for TLS to stop reading; without TLS the socket. */
  readonly #raw: Socket | StreamDuplex;
  #reader: StreamReader | null = null;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #flushDue = false;
  #full = false;
  #paused = false;
  #finished = false;
  #released = false;
  #fault: Fault | null = null;
  /** Set by `close`; told to the reader when there is one. */
  #gone = false;
  #told = false;

  constructor(socket: Socket, raw: Socket | StreamDuplex = socket) {
    this.#socket = socket;
    this.#raw = raw;
    const isOver = raw instanceof StreamDuplex;
    this.remoteAddress = isOver
      ? raw.below.remoteAddress
      : hostPort(raw.remoteAddress, raw.remotePort);
    this.localAddress = isOver ? "" : hostPort(raw.localAddress, raw.localPort);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("drain", this.#onDrain);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    this.pause();
  }

  attach(reader: StreamReader): void {
    this.#reader = reader;
    this.#told = false;
    if (this.#gone) queueMicrotask(() => this.#tellClosed());
    else this.resume();
  }

  pause(): void {
    if (this.#gone || this.#released) return;
    this.#paused = true;
    this.#socket.pause();
    // A paused TLS socket goes on reading its TCP socket without bound unless the handle stops.
    if (this.#raw !== this.#socket) holdBelow(this.#raw, true);
  }

  resume(): void {
    if (this.#gone || this.#released || this.#reader === null) return;
    this.#paused = false;
    if (this.#raw !== this.#socket) holdBelow(this.#raw, false);
    this.#socket.resume();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#finished || this.#gone || this.#released) return true;
    if (bytes.length > 0) {
      this.#queue.push(bytes);
      this.#queued += bytes.length;
      if (this.#queued >= flushBytes) this.#flush();
      else if (!this.#flushDue) {
        this.#flushDue = true;
        queueMicrotask(this.#flushSoon);
      }
    }
    if (this.queuedBytes < highWaterBytes) return true;
    this.#full = true;
    return false;
  }

  end(): void {
    if (this.#finished || this.#gone || this.#released) return;
    this.#flush();
    this.#finished = true;
    this.#socket.end();
  }

  abort(reason?: Fault): void {
    if (this.#gone || this.#released) return;
    this.#fault ??= reason ?? new Fault({
      kind: "cancelled",
      code: "sys.aborted",
      message: "the connection was closed by this side",
    });
    this.#finished = true;
    this.#queue = [];
    this.#queued = 0;
    if (this.#raw instanceof StreamDuplex) this.#raw.abort(this.#fault);
    this.#socket.destroy();
    if (this.#raw !== this.#socket) this.#raw.destroy();
  }

  get queuedBytes(): number {
    return this.#queued + this.#socket.writableLength;
  }

  /**
   * Gives up the socket, paused, for a layer above (TLS); this stream does nothing afterwards.
   * What was written is flushed first. For this room only.
   */
  release(): Socket {
    this.#flush();
    this.pause();
    this.#released = true;
    this.#reader = null;
    this.#socket.off("data", this.#onData);
    this.#socket.off("end", this.#onEnd);
    this.#socket.off("drain", this.#onDrain);
    this.#socket.off("close", this.#onClose);
    // An error between two owners must not end the process.
    this.#socket.on("error", ignore);
    this.#socket.off("error", this.#onError);
    return this.#socket;
  }

  readonly #flushSoon = (): void => {
    this.#flushDue = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#queued === 0 || this.#gone || this.#released) return;
    const only = this.#queue.length === 1 ? this.#queue[0] : undefined;
    const whole = only ?? Buffer.concat(this.#queue, this.#queued);
    this.#queue = [];
    this.#queued = 0;
    this.#socket.write(whole);
  }

  readonly #onData = (chunk: Uint8Array): void => {
    // A Buffer's `slice` is a view: readers get the plain array, whose `slice` is a copy.
    this.#reader?.data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
  };

  readonly #onEnd = (): void => {
    this.#reader?.ended();
  };

  readonly #onDrain = (): void => {
    if (!this.#full || this.queuedBytes >= highWaterBytes) return;
    this.#full = false;
    this.#reader?.drained();
  };

  readonly #onError = (error: unknown): void => {
    this.#fault ??= connectionFault(error);
  };

  readonly #onClose = (): void => {
    this.#gone = true;
    if (this.#raw instanceof StreamDuplex) this.#fault ??= this.#raw.fault;
    this.#queue = [];
    this.#queued = 0;
    this.#tellClosed();
  };

  #tellClosed(): void {
    if (this.#told || this.#reader === null) return;
    this.#told = true;
    this.#reader.closed(this.#fault);
  }

  /** Whether delivery is held now. */
  get paused(): boolean {
    return this.#paused;
  }
}

function ignore(): void {}

/** A `network` fault for what a socket reports; `fields.errno` is the system's name. */
export function connectionFault(error: unknown): Fault {
  const errno = errnoOf(error);
  return new Fault({
    kind: "network",
    code: errno === "ECONNREFUSED" ? "sys.connection-refused" : "sys.connection-lost",
    message: `connection failed: ${errno}`,
    fields: { errno },
    cause: error,
  });
}

/** `host:port`, with an IPv6 host in brackets; empty where there is no address. */
export function hostPort(host: string | undefined, port: number | undefined): string {
  if (host === undefined || port === undefined) return "";
  const plain = host.startsWith("::ffff:") ? host.slice(7) : host;
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

function holdBelow(raw: Socket | StreamDuplex, isHeld: boolean): void {
  if (raw instanceof StreamDuplex) raw.hold(isHeld);
  else if (isHeld) rawHandle(raw)?.readStop?.();
  else rawHandle(raw)?.readStart?.();
}

interface RawHandle {
  readStop?(): void;
  readStart?(): void;
}

/** The handle below a socket; node:net has no public way to stop reading under TLS. */
function rawHandle(socket: Socket): RawHandle | null {
  const handle: unknown = Reflect.get(socket, "_handle");
  return typeof handle === "object" && handle !== null ? handle : null;
}
