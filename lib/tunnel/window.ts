import { windowStartBytes } from "./frame.ts";

/** A window that is emptied twice within this time is too small for its stream. */
const fastMs = 100;

/**
 * What the peer may still send on one stream, seen by the receiver. Credit is given back when half
 * a window has been passed on to the reader, and the window doubles while the stream is fast.
 */
export class ReceiveWindow {
  readonly #maxBytes: number;
  #size = windowStartBytes;
  #credit = windowStartBytes;
  /** Passed on to the reader and not yet given back as credit. */
  #passed = 0;
  #lastGrantMs = -Infinity;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Largest number of unread bytes that the peer can cause. */
  get size(): number {
    return this.#size;
  }

  /** Takes a frame's length from the credit; false when the peer had no right to send it. */
  take(length: number): boolean {
    if (length > this.#credit) return false;
    this.#credit -= length;
    return true;
  }

  /**
   * The reader took `count` bytes. Returns the credit to send now, often 0. `grow` is asked before
   * the window becomes larger by so many bytes, and may say no.
   */
  passed(count: number, nowMs: number, grow: (bytes: number) => boolean): number {
    this.#passed += count;
    if (this.#passed * 2 < this.#size) return 0;
    let grant = this.#passed;
    const fast = nowMs - this.#lastGrantMs < fastMs;
    const larger = Math.min(this.#size, this.#maxBytes - this.#size);
    if (fast && larger > 0 && grow(larger)) {
      this.#size += larger;
      grant += larger;
    }
    this.#lastGrantMs = nowMs;
    this.#passed = 0;
    this.#credit += grant;
    return grant;
  }
}
