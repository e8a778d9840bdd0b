import { Fault } from "./fault.ts";
import type { ByteStream, StreamReader } from "./stream.ts";

/** What was received but not pulled, handed over by {@linkcode PullReader.release}. */
export interface Released {
  /** Bytes to be treated as received first by the next reader; often empty. */
  readonly early: Uint8Array;
  /** The peer has already finished writing; the stream will not say so again. */
  readonly ended: boolean;
}

/**
 * Lets a handshake await the chunks of a pushing {@linkcode ByteStream}, and then hands the stream
 * on without losing a byte. Holds at most what was pushed by one read: the stream is paused
 * whenever nobody waits. One pull at a time.
 */
export class PullReader implements StreamReader {
  readonly #stream: ByteStream;
  #held: Uint8Array[] = [];
  #ended = false;
  #closed: { readonly fault: Fault | null } | null = null;
  #released = false;
  #waiting: (() => void) | null = null;
  #draining: (() => void)[] = [];

  constructor(stream: ByteStream) {
    this.#stream = stream;
    stream.attach(this);
    stream.pause();
  }

  /**
   * The next chunk, or null once the peer has finished writing. Throws the stream's fault when it
   * was lost, and the signal's reason when aborted; nothing that arrived is lost by that.
   */
  async pull(signal?: AbortSignal): Promise<Uint8Array | null> {
    if (this.#waiting !== null) throw new Error("Another pull is waiting");
    for (;;) {
      this.#refuseReleased();
      signal?.throwIfAborted();
      const chunk = this.#held.shift();
      if (chunk !== undefined) return chunk;
      if (this.#ended) return null;
      if (this.#closed !== null) throw this.#lost();
      await this.#more(signal);
    }
  }

  /**
   * The next unit, up to where `measure` says that it ends (null: it can't tell yet; it throws for
   * what is too long); what came behind it is put back. Null once the peer has finished before.
   */
  async unit(
    measure: (held: Uint8Array) => number | null,
    signal?: AbortSignal,
  ): Promise<Uint8Array | null> {
    let room: Uint8Array = new Uint8Array(0);
    for (let length = 0;;) {
      const held = room.subarray(0, length);
      const size = measure(held);
      if (size !== null && length >= size) {
        this.unread(held.subarray(size));
        return held.subarray(0, size);
      }
      const more = await this.pull(signal);
      if (more === null) return null;
      if (length === 0) room = more;
      else {
        if (room.length < length + more.length) room = larger(held, length + more.length);
        room.set(more, length);
      }
      length += more.length;
    }
  }

  /** Puts bytes back in front; the next pull gives them first. */
  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#held.unshift(bytes);
  }

  /** Writes, and waits while the stream asks for patience. */
  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#refuseReleased();
    signal?.throwIfAborted();
    if (this.#closed !== null) throw this.#lost();
    if (this.#stream.write(bytes)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const aborted = () => reject(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    this.#draining.push(resolve);
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", aborted);
    }
    if (this.#closed !== null) throw this.#lost();
  }

  /**
   * Ends this reader's work and gives what it still holds. The stream stays paused until the next
   * reader attaches, which must happen before anything is awaited. Throws when the stream was lost.
   */
  release(): Released {
    this.#refuseReleased();
    if (this.#closed !== null && this.#closed.fault !== null) throw this.#closed.fault;
    this.#released = true;
    const early = joined(this.#held);
    this.#held = [];
    return { early, ended: this.#ended };
  }

  data(chunk: Uint8Array): void {
    this.#held.push(chunk);
    this.#stream.pause();
    this.#wake();
  }

  ended(): void {
    this.#ended = true;
    this.#wake();
  }

  drained(): void {
    const waiting = this.#draining;
    this.#draining = [];
    for (const resolve of waiting) resolve();
  }

  closed(fault: Fault | null): void {
    this.#closed = { fault };
    this.#wake();
    this.drained();
  }

  async #more(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const aborted = () => reject(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    this.#waiting = resolve;
    try {
      this.#stream.resume();
      await promise;
    } finally {
      this.#waiting = null;
      this.#stream.pause();
      signal?.removeEventListener("abort", aborted);
    }
  }

  #wake(): void {
    this.#waiting?.();
  }

  #refuseReleased(): void {
    if (this.#released) throw new Error("The stream was handed on");
  }

  #lost(): Fault {
    return this.#closed?.fault ?? new Fault({
      kind: "network",
      code: "core.stream-closed",
      message: "The stream was closed",
    });
  }
}

/** Twice as large, so that a long unit of many chunks is not copied for each of them. */
function larger(held: Uint8Array, needed: number): Uint8Array {
  const made = new Uint8Array(Math.max(needed, held.length * 2));
  made.set(held);
  return made;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
