import { Fault } from "../../lib/core/fault.ts";
import type { ByteStream, StreamReader } from "../../lib/core/stream.ts";

export interface PipeOptions {
  /** A write above this many queued bytes returns false. @default 65536 */
  readonly highWaterBytes?: number;
  /** Size of the next delivered chunk; the rest of a written chunk follows on its own. */
  readonly cut?: () => number;
  /** What both ends give as `remoteAddress`. @default ["192.0.2.1:1", "192.0.2.2:2"] */
  readonly addresses?: readonly [string, string];
}

/** Two ends of an in-memory stream, with backpressure, half-close and loss. */
export function pipe(options: PipeOptions = {}): [PipeEnd, PipeEnd] {
  const [a, b] = options.addresses ?? ["192.0.2.1:1", "192.0.2.2:2"];
  const left = new PipeEnd(options, b);
  const right = new PipeEnd(options, a);
  left.join(right);
  right.join(left);
  return [left, right];
}

/** Half of {@linkcode pipe}. Delivery is always in a later microtask than the write. */
export class PipeEnd implements ByteStream {
  readonly remoteAddress: string;
  readonly #options: PipeOptions;
  /** Written here, not yet delivered there. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #peer: PipeEnd | null = null;
  #reader: StreamReader | null = null;
  #paused = true;
  #ending = false;
  #endDelivered = false;
  #wantsDrain = false;
  #scheduled = false;
  #outcome: { readonly fault: Fault | null } | null = null;
  #closedTold = false;
  /** How often `write` was called, and with how many bytes in all. */
  writes = 0;
  bytesWritten = 0;

  constructor(options: PipeOptions, remoteAddress: string) {
    this.#options = options;
    this.remoteAddress = remoteAddress;
  }

  join(peer: PipeEnd): void {
    this.#peer = peer;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** True once both halves are gone. */
  get isClosed(): boolean {
    return this.#outcome !== null;
  }

  attach(reader: StreamReader): void {
    this.#reader = reader;
    this.resume();
    this.#tellClosed();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#peer?.schedule();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ending || this.#outcome !== null) return true;
    this.writes += 1;
    this.bytesWritten += bytes.length;
    if (bytes.length > 0) this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.schedule();
    const takesMore = this.#queuedBytes < (this.#options.highWaterBytes ?? 65536);
    if (!takesMore) this.#wantsDrain = true;
    return takesMore;
  }

  end(): void {
    this.#ending = true;
    this.schedule();
  }

  abort(reason?: Fault): void {
    this.#finish(reason ?? fault("cancelled", "The pipe was aborted here"));
    this.#peer?.lose(fault("network", "The pipe was aborted by the peer"));
  }

  /** The connection breaks for both ends, as when a cable is pulled. */
  cut(): void {
    this.#finish(fault("network", "The pipe was cut"));
    this.#peer?.lose(fault("network", "The pipe was cut"));
  }

  lose(reason: Fault): void {
    queueMicrotask(() => this.#finish(reason));
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  receive(chunk: Uint8Array | null): void {
    if (chunk === null) this.#reader?.ended();
    else this.#reader?.data(chunk);
  }

  get takes(): boolean {
    return this.#reader !== null && !this.#paused && this.#outcome === null;
  }

  get endSeenByPeer(): boolean {
    return this.#endDelivered;
  }

  finishOrderly(): void {
    this.#finish(null);
  }

  #deliver(): void {
    const peer = this.#peer;
    while (peer !== null && this.#outcome === null && peer.takes) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      const size = Math.max(1, this.#options.cut?.() ?? chunk.length);
      if (size < chunk.length) this.#queue.unshift(chunk.subarray(size));
      const part = size < chunk.length ? chunk.subarray(0, size) : chunk;
      this.#queuedBytes -= part.length;
      peer.receive(part);
    }
    if (this.#wantsDrain && this.#queuedBytes * 2 <= (this.#options.highWaterBytes ?? 65536)) {
      this.#wantsDrain = false;
      if (this.#outcome === null) this.#reader?.drained();
    }
    this.#deliverEnd(peer);
  }

  #deliverEnd(peer: PipeEnd | null): void {
    if (peer === null || !this.#ending || this.#endDelivered) return;
    if (this.#queue.length > 0 || !peer.takes) return;
    this.#endDelivered = true;
    peer.receive(null);
    if (peer.endSeenByPeer) {
      this.#finish(null);
      peer.finishOrderly();
    }
  }

  #finish(reason: Fault | null): void {
    if (this.#outcome !== null) return;
    this.#outcome = { fault: reason };
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#tellClosed();
  }

  #tellClosed(): void {
    if (this.#outcome === null || this.#reader === null || this.#closedTold) return;
    this.#closedTold = true;
    this.#reader.closed(this.#outcome.fault);
  }
}

function fault(kind: "network" | "cancelled", message: string): Fault {
  return new Fault({ kind, code: kind === "network" ? "test.lost" : "test.aborted", message });
}

/** Remembers all that a stream delivers. */
export class Recorder implements StreamReader {
  chunks: Uint8Array[] = [];
  bytes = 0;
  isEnded = false;
  drains = 0;
  /** Undefined until closed. */
  outcome: Fault | null | undefined = undefined;
  closedTimes = 0;

  data(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
  }

  ended(): void {
    this.isEnded = true;
  }

  drained(): void {
    this.drains += 1;
  }

  closed(reason: Fault | null): void {
    this.outcome = reason;
    this.closedTimes += 1;
  }

  /** All bytes so far as one array. */
  get whole(): Uint8Array {
    const whole = new Uint8Array(this.bytes);
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** All bytes so far as text. */
  get text(): string {
    return new TextDecoder().decode(this.whole);
  }
}
