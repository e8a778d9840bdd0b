import { ByteQueue } from "../bytes/queue.ts";

const blockBytes = 16 * 1024;
const nothing = new Uint8Array(0);

/**
 * Bytes that wait for a paused reader. A small view would keep its whole read buffer alive, so such
 * parts are copied together into blocks: memory held stays near the bytes held.
 */
export class Inbox {
  readonly #queue = new ByteQueue();
  #block: Uint8Array = nothing;
  #used = 0;

  /** Bytes held. */
  get length(): number {
    return this.#queue.length + this.#used;
  }

  push(part: Uint8Array): void {
    if (part.length * 2 >= part.buffer.byteLength && part.length >= blockBytes / 4) {
      this.#seal();
      this.#queue.push(part);
      return;
    }
    for (let at = 0; at < part.length;) {
      if (this.#used === this.#block.length) {
        this.#seal();
        this.#block = new Uint8Array(blockBytes);
      }
      const taken = Math.min(part.length - at, this.#block.length - this.#used);
      this.#block.set(part.subarray(at, at + taken), this.#used);
      this.#used += taken;
      at += taken;
    }
  }

  /** The next bytes, or null when there are none. */
  shift(): Uint8Array | null {
    if (this.#queue.length === 0) this.#seal();
    return this.#queue.shift(Number.MAX_SAFE_INTEGER);
  }

  clear(): void {
    this.#queue.clear();
    this.#block = nothing;
    this.#used = 0;
  }

  #seal(): void {
    if (this.#used > 0) this.#queue.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }
}
