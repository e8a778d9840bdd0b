/**
 * What protocols share for statements that are too long to be held: their text is told in pieces of
 * one size, however the bytes arrive, and of each piece the last bytes wait for the next one.
 */

import { latin1 } from "./latin1.ts";

/** Sizes in bytes; smaller ones serve tests. */
export interface StreamSizes {
  /** A statement up to this is held whole. */
  readonly wholeMax: number;
  /** A longer one is told in pieces of this size. */
  readonly piece: number;
  /**
   * So many bytes before the end of what was told don't go on yet: who looks for secrets may not
   * record the last characters before it has seen the next ones. At most a piece.
   */
  readonly lag: number;
}

export const streamSizes: StreamSizes = {
  wholeMax: 1024 * 1024,
  piece: 192 * 1024,
  lag: 4096,
};

const nothing = new Uint8Array(0);

/** Gathers bytes into pieces and lets them go on, the last ones of each with the next. */
export class Pieces {
  readonly #sizes: StreamSizes;
  #piece: Uint8Array = nothing;
  #length = 0;
  #lagging: Uint8Array = nothing;

  constructor(sizes: StreamSizes) {
    this.#sizes = sizes;
  }

  /** How many bytes make the piece full. */
  get room(): number {
    return this.#sizes.piece - this.#length;
  }

  /** Takes at most `room` bytes. */
  add(bytes: Uint8Array): void {
    if (this.#length === 0) this.#piece = new Uint8Array(this.#sizes.piece);
    this.#piece.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** What was gathered; give it to `release` once it was told. */
  take(): Uint8Array {
    const piece = this.#piece.subarray(0, this.#length);
    this.#piece = nothing;
    this.#length = 0;
    return piece;
  }

  /** Lets a piece go on, at the `last` one all of it. */
  release(piece: Uint8Array, last: boolean, forward: (bytes: Uint8Array) => void): void {
    if (this.#lagging.length > 0) forward(this.#lagging);
    const end = last ? piece.length : Math.max(0, piece.length - this.#sizes.lag);
    this.#lagging = piece.subarray(end);
    if (end > 0) forward(piece.subarray(0, end));
  }
}

/**
 * Text of bytes that come in pieces: UTF-8, and from the first piece on that is something else,
 * each byte as the character of its number.
 */
export class PieceDecoder {
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Front of a character that was cut. */
  #cut: Uint8Array = nothing;
  #notUtf8 = false;

  /** The bytes so far were something else than UTF-8. */
  get notUtf8(): boolean {
    return this.#notUtf8;
  }

  decode(bytes: Uint8Array, last: boolean): string {
    const all = this.#cut.length === 0 ? bytes : joined(this.#cut, bytes);
    this.#cut = nothing;
    if (!this.#notUtf8) {
      const whole = last ? all.length : wholeCharacters(all);
      try {
        const text = this.#utf8.decode(all.subarray(0, whole));
        this.#cut = all.slice(whole);
        return text;
      } catch {
        this.#notUtf8 = true;
      }
    }
    return latin1(all);
  }
}

function joined(front: Uint8Array, rest: Uint8Array): Uint8Array {
  const whole = new Uint8Array(front.length + rest.length);
  whole.set(front);
  whole.set(rest, front.length);
  return whole;
}

/** How many bytes there are without a last character that is not complete. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
