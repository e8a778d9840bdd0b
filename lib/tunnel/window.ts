import { windowStartBytes } from "./frame.ts";

/** Grants are judged by so many of them: together twice the window, so no burst alone is enough. */
const judgedGrants = 4;
/** A stream that is slower than this needs no larger window, however far away the peer is. */
const slowMs = 400;

/** What a window needs of its session. */
export interface WindowPort {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** The shortest that was seen; Infinity where none was. */
  readonly roundTripMs: number;
  /** Asked before a window becomes larger by so many bytes. */
  mayGrow(bytes: number): boolean;
}

/**
 * What the peer may still send on one stream, seen by the receiver. Credit is given back when half
 * a window has been passed on to the reader. Where half a window takes less than a round trip, the
 * peer waits for credit: then the window doubles. A larger one than that only makes a queue in
 * which the other streams of the tunnel wait.
 */
export class ReceiveWindow {
  readonly #maxBytes: number;
  #size = windowStartBytes;
  #credit = windowStartBytes;
  /** Passed on to the reader and not yet given back as credit. */
  #passed = 0;
  /** Grants since `#judgedAt`. */
  #grants = 0;
  #judgedAt = -Infinity;

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

  /** The reader took `count` bytes. Returns the credit to send now, often 0. */
  passed(count: number, port: WindowPort): number {
    this.#passed += count;
    if (this.#passed * 2 < this.#size) return 0;
    let grant = this.#passed;
    const larger = Math.min(this.#size, this.#maxBytes - this.#size);
    if (this.#isShort(port) && larger > 0 && port.mayGrow(larger)) {
      this.#size += larger;
      grant += larger;
    }
    this.#passed = 0;
    this.#credit += grant;
    return grant;
  }

  /** Whether the last grants followed each other as fast as only a waiting peer makes them. */
  #isShort(port: WindowPort): boolean {
    this.#grants += 1;
    const nowMs = port.now();
    const took = nowMs - this.#judgedAt;
    if (took <= slowMs && this.#grants < judgedGrants) return false;
    this.#grants = 0;
    this.#judgedAt = nowMs;
    // A quarter more, for the time that bytes take on either side.
    return took < Math.min(slowMs, judgedGrants * port.roundTripMs * 1.25);
  }
}
