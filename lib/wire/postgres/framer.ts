import { Pieces, type StreamSizes } from "../streaming.ts";
import { wireError } from "./message.ts";

/**
 * What becomes of a message's body: handed over whole, in parts as it passes, in pieces of one size
 * each of which is handed over before it passes, or not at all.
 */
export type Treatment = "whole" | "parts" | "pieces" | "skip";

export interface FrameHandler {
  /** A header was read. Throws where the message is not allowed, before any of its body is held. */
  header(type: number, bodyBytes: number): Treatment;
  /** A complete body; false ends the reading. The view is valid during the call only. */
  whole(type: number, body: Uint8Array): boolean;
  /**
   * The next part of a body treated as "parts" or "pieces"; `last` comes once, also for an empty
   * body.
   */
  part(type: number, bytes: Uint8Array, last: boolean): void;
  /** So many bytes of a body treated as "skip" have passed. */
  skipped(type: number, bytes: number): void;
}

const HEADER = 5; // type byte, and a length that counts itself
const nothing = new Uint8Array(0);

/**
 * Cuts one direction of a session into messages, however the chunks fall. Only what a decision
 * needs is held: a partial header, a body treated as "whole", or a piece of one. Nothing is
 * allocated from a length field: what is held grows as bytes arrive, and a piece has one size.
 */
export class Framer {
  #held: Uint8Array = nothing;
  #heldBytes = 0;
  /** Size of the held message, 0 while its header is incomplete. */
  #wanted = 0;
  /** Of a body that passes: type, treatment and bytes still to come. */
  #type = 0;
  #inParts = false;
  readonly #pieces: Pieces;
  #inPieces = false;
  #left = 0;
  #ended = false;

  constructor(sizes: StreamSizes) {
    this.#pieces = new Pieces(sizes);
  }

  /** No message is half read. */
  get atRest(): boolean {
    return this.#heldBytes === 0 && this.#left === 0;
  }

  /**
   * Reads on. Bytes go to `forward` in order and unchanged: complete messages and the passing parts
   * of others; of a message that throws nothing more is forwarded, but all before it is.
   */
  push(chunk: Uint8Array, to: FrameHandler, forward: (bytes: Uint8Array) => void): void {
    if (this.#ended) return;
    let at = this.#heldBytes > 0 ? this.#resume(chunk, to, forward) : 0;
    let from = at;
    try {
      while (at < chunk.length && !this.#ended) {
        if (this.#inPieces) {
          if (at > from) forward(chunk.subarray(from, at));
          from = at;
          from = at = this.#gather(chunk, at, to, forward);
          continue;
        }
        const next = this.#left > 0 ? this.#pass(chunk, at, to) : this.#begin(chunk, at, to);
        if (next === at) break;
        at = next;
      }
    } finally {
      if (at > from) forward(from === 0 && at === chunk.length ? chunk : chunk.subarray(from, at));
    }
    if (at < chunk.length && !this.#ended) this.#hold(chunk.subarray(at));
  }

  /** Reads a message that begins at `at`; gives where reading goes on, `at` itself if it is cut. */
  #begin(chunk: Uint8Array, at: number, to: FrameHandler): number {
    if (chunk.length - at < HEADER) return at;
    const type = chunk[at] ?? 0;
    const bodyBytes = bodyBytesAt(chunk, at);
    const treatment = to.header(type, bodyBytes);
    if (treatment !== "whole") return at + this.#passing(type, treatment, bodyBytes, to);
    const end = at + HEADER + bodyBytes;
    if (end > chunk.length) {
      this.#wanted = HEADER + bodyBytes;
      return at;
    }
    if (!to.whole(type, chunk.subarray(at + HEADER, end))) this.#ended = true;
    return end;
  }

  #passing(type: number, treatment: Treatment, bodyBytes: number, to: FrameHandler): number {
    this.#type = type;
    this.#inParts = treatment === "parts";
    this.#inPieces = treatment === "pieces" && bodyBytes > 0;
    this.#left = bodyBytes;
    if (bodyBytes === 0 && treatment !== "skip") to.part(type, nothing, true);
    return HEADER;
  }

  #pass(chunk: Uint8Array, at: number, to: FrameHandler): number {
    const count = Math.min(this.#left, chunk.length - at);
    const left = this.#left - count;
    if (this.#inParts) to.part(this.#type, chunk.subarray(at, at + count), left === 0);
    else to.skipped(this.#type, count);
    this.#left = left;
    return at + count;
  }

  /** Gathers a piece; once it is full it is handed over, then it passes. Gives where to go on. */
  #gather(
    chunk: Uint8Array,
    at: number,
    to: FrameHandler,
    forward: (bytes: Uint8Array) => void,
  ): number {
    const count = Math.min(this.#left, this.#pieces.room, chunk.length - at);
    this.#pieces.add(chunk.subarray(at, at + count));
    this.#left -= count;
    const last = this.#left === 0;
    if (!last && this.#pieces.room > 0) return at + count;
    const piece = this.#pieces.take();
    this.#inPieces = !last;
    to.part(this.#type, piece, last);
    this.#pieces.release(piece, last, forward);
    return at + count;
  }

  /** Completes what is held from the front of `chunk`; gives how much of it was used. */
  #resume(chunk: Uint8Array, to: FrameHandler, forward: (bytes: Uint8Array) => void): number {
    let used = 0;
    if (this.#wanted === 0) {
      used = Math.min(HEADER - this.#heldBytes, chunk.length);
      this.#hold(chunk.subarray(0, used));
      if (this.#heldBytes < HEADER) return used;
      const type = this.#held[0] ?? 0;
      const bodyBytes = bodyBytesAt(this.#held, 0);
      const treatment = to.header(type, bodyBytes);
      if (treatment !== "whole") {
        const header = this.#release();
        this.#passing(type, treatment, bodyBytes, to);
        forward(header);
        return used;
      }
      this.#wanted = HEADER + bodyBytes;
    }
    const more = Math.min(this.#wanted - this.#heldBytes, chunk.length - used);
    this.#hold(chunk.subarray(used, used + more));
    if (this.#heldBytes < this.#wanted) return used + more;
    const whole = this.#release();
    if (!to.whole(whole[0] ?? 0, whole.subarray(HEADER))) this.#ended = true;
    forward(whole);
    return used + more;
  }

  #hold(bytes: Uint8Array): void {
    const need = this.#heldBytes + bytes.length;
    if (need > this.#held.length) {
      const larger = new Uint8Array(Math.max(need, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = need;
  }

  #release(): Uint8Array {
    const bytes = this.#held.subarray(0, this.#heldBytes);
    this.#held = nothing;
    this.#heldBytes = 0;
    this.#wanted = 0;
    return bytes;
  }
}

function bodyBytesAt(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at + 1] ?? 0) << 24) | ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
  if (length < 4) throw wireError("malformed", "header", "length below 4 or above 2 GiB");
  return length - 4;
}
