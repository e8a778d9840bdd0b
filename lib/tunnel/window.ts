import { windowStartBytes } from "./frame.ts";

/** Grants are judged by so many of them: together twice the window, so no burst alone is enough. */
const judgedGrants = 4;
/** No window becomes smaller. */
const windowBytesMin = windowStartBytes / 2;
/** A stream that is slower than this needs no larger window, however far away the peer is. */
const slowMs = 400;

/** What a window needs of its session. */
export interface WindowPort {
  /** No window becomes larger. */
  readonly windowBytesMax: number;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** The shortest that was seen; Infinity where none was. */
  readonly roundTripMs: number;
  /** How often data came for another stream than before. */
  readonly switches: number;
  /** Asked before a window becomes larger by so many bytes. */
  mayGrow(bytes: number): boolean;
  /** A window became smaller by so many bytes. */
  shrunk(bytes: number): void;
}

/**
 * What the peer may still send on one stream, seen by the receiver. Credit is given back when half
 * a window has been passed on to the reader. Where half a window takes less than a round trip, the
 * peer waits for credit: then the window doubles. More than that saves some work in larger pieces,
 * but is a queue in which the other streams of the tunnel wait: a fast stream has it while it is
 * alone.
 */
export class ReceiveWindow {
  readonly #port: WindowPort;
  #size = windowStartBytes;
  #credit = windowStartBytes;
  /** Passed on to the reader and not yet given back as credit. */
  #passed = 0;
  /** Grants since `#judgedAt`. */
  #grants = 0;
  #judgedAt = -Infinity;
  #switches = 0;

  constructor(port: WindowPort) {
    this.#port = port;
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
  passed(count: number): number {
    this.#passed += count;
    if (this.#passed * 2 < this.#size) return 0;
    const change = this.#judge();
    const grant = this.#passed + change;
    this.#size += change;
    this.#passed = 0;
    this.#credit += grant;
    return grant;
  }

  /** By how much the window becomes larger, or smaller: by half of it at most. */
  #judge(): number {
    this.#grants += 1;
    const nowMs = this.#port.now();
    const took = nowMs - this.#judgedAt;
    if (took <= slowMs && this.#grants < judgedGrants) return 0;
    this.#grants = 0;
    this.#judgedAt = nowMs;
    const { switches } = this.#port;
    // Away from this stream and back to it.
    const isShared = switches - this.#switches >= 2;
    this.#switches = switches;
    return this.#change(took, isShared);
  }

  #change(took: number, isShared: boolean): number {
    const { roundTripMs, windowBytesMax } = this.#port;
    // A quarter more, for the time that bytes take on either side.
    const shortMs = judgedGrants * roundTripMs * 1.25;
    if (took < slowMs && (took < shortMs || !isShared)) {
      const larger = Math.min(this.#size, windowBytesMax - this.#size);
      return larger > 0 && this.#port.mayGrow(larger) ? larger : 0;
    }
    const half = this.#size / 2;
    if (!isShared || half < windowBytesMin || took < 2 * shortMs) return 0;
    this.#port.shrunk(half);
    return -half;
  }
}
