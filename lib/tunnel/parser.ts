import { checkFrameHeader, frameHeaderBytes, frameTypes } from "./frame.ts";

/** Told what a {@linkcode FrameParser} finds. May throw {@linkcode TunnelError} to refuse. */
export interface FrameSink {
  /** A header, lawful by itself, before any byte of its body is taken or kept. */
  header(type: number, id: number, length: number): void;
  /** Part of the body of the DATA frame announced last; a view of the chunk, never reassembled. */
  data(part: Uint8Array): void;
  /** A whole frame other than DATA; `body` is valid during the call only. */
  frame(type: number, id: number, body: Uint8Array): void;
}

/** Splits the tunnel's byte stream into frames. Keeps at most one header or one small body. */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #header = new Uint8Array(frameHeaderBytes);
  #headerHeld = 0;
  #type = 0;
  #id = 0;
  /** Bytes of the current body still to come. */
  #left = 0;
  #body: Uint8Array | null = null;
  #bodyHeld = 0;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** What follows is ignored; for a session that ended in the middle of a chunk. */
  stop(): void {
    this.#stopped = true;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      at += this.#left === 0 ? this.#takeHeader(chunk, at) : this.#takeBody(chunk, at);
    }
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    if (this.#headerHeld === 0 && chunk.length - at >= frameHeaderBytes) {
      this.#begin(chunk, at);
      return frameHeaderBytes;
    }
    const taken = Math.min(frameHeaderBytes - this.#headerHeld, chunk.length - at);
    this.#header.set(chunk.subarray(at, at + taken), this.#headerHeld);
    this.#headerHeld += taken;
    if (this.#headerHeld === frameHeaderBytes) {
      this.#headerHeld = 0;
      this.#begin(this.#header, 0);
    }
    return taken;
  }

  #begin(b: Uint8Array, at: number): void {
    const type = b[at] ?? 0;
    const length = ((b[at + 1] ?? 0) << 16) | ((b[at + 2] ?? 0) << 8) | (b[at + 3] ?? 0);
    const id = (((b[at + 4] ?? 0) << 24) | ((b[at + 5] ?? 0) << 16) | ((b[at + 6] ?? 0) << 8) |
      (b[at + 7] ?? 0)) >>> 0;
    checkFrameHeader(type, id, length);
    this.#sink.header(type, id, length);
    this.#type = type;
    this.#id = id;
    this.#left = length;
    if (length === 0 && !this.#stopped) this.#sink.frame(type, id, empty);
  }

  #takeBody(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#left, chunk.length - at);
    const part = chunk.subarray(at, at + taken);
    if (this.#type === frameTypes.data) {
      this.#left -= taken;
      this.#sink.data(part);
    } else if (this.#body === null && taken === this.#left) {
      this.#left = 0;
      this.#sink.frame(this.#type, this.#id, part);
    } else {
      this.#collect(part);
    }
    return taken;
  }

  #collect(part: Uint8Array): void {
    this.#body ??= new Uint8Array(this.#left);
    this.#body.set(part, this.#bodyHeld);
    this.#bodyHeld += part.length;
    this.#left -= part.length;
    if (this.#left > 0) return;
    const body = this.#body;
    this.#body = null;
    this.#bodyHeld = 0;
    this.#sink.frame(this.#type, this.#id, body);
  }
}

const empty = new Uint8Array(0);
