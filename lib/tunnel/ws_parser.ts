import { mask } from "./mask.ts";
import {
  opcodes,
  readWsHeader,
  WebSocketError,
  type WsHeader,
  wsHeaderBytes,
  wsHeaderBytesMax,
} from "./ws_frame.ts";

export interface WsSink {
  /** Payload of binary messages, unmasked, in the pieces it arrived in. */
  payload(part: Uint8Array): void;
  /** A whole control frame; `body` is at most 125 bytes. */
  control(opcode: number, body: Uint8Array): void;
}

/** Reads the peer's frames without reassembling payload. Throws {@linkcode WebSocketError}. */
export class WsParser {
  readonly #sink: WsSink;
  readonly #wantsMask: boolean;
  readonly #held = new Uint8Array(wsHeaderBytesMax);
  #heldBytes = 0;
  #frame: WsHeader | null = null;
  #left = 0;
  #phase = 0;
  #isMasked = false;
  #inMessage = false;
  readonly #control = new Uint8Array(125);
  #controlBytes = 0;
  #stopped = false;

  /** `wantsMask`: the peer is the client, which must mask; a server must not (RFC 6455 §5.1). */
  constructor(sink: WsSink, wantsMask: boolean) {
    this.#sink = sink;
    this.#wantsMask = wantsMask;
  }

  stop(): void {
    this.#stopped = true;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      at += this.#frame === null ? this.#takeHeader(chunk, at) : this.#takeBody(chunk, at);
    }
  }

  #takeHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length) {
      this.#held[this.#heldBytes++] = chunk[at++] ?? 0;
      if (this.#heldBytes < 2 || this.#heldBytes < wsHeaderBytes(this.#held[1] ?? 0)) continue;
      const header = readWsHeader(this.#held.subarray(0, this.#heldBytes));
      this.#heldBytes = 0;
      this.#begin(header);
      break;
    }
    return at - start;
  }

  #begin(header: WsHeader): void {
    const { opcode, key } = header;
    if ((key !== null) !== this.#wantsMask) {
      throw new WebSocketError(1002, this.#wantsMask ? "Frame without mask" : "Frame with mask");
    }
    if (opcode === opcodes.text) throw new WebSocketError(1003, "Text is not taken");
    if (opcode === opcodes.binary || opcode === opcodes.more) {
      if (this.#inMessage !== (opcode === opcodes.more)) {
        throw new WebSocketError(1002, "Fragments out of place");
      }
      this.#inMessage = !header.isFinal;
    } else if (opcode < opcodes.close || opcode > opcodes.pong) {
      throw new WebSocketError(1002, `No frame has the opcode ${opcode}`);
    }
    this.#frame = header;
    this.#left = header.length;
    this.#phase = 0;
    this.#controlBytes = 0;
    this.#isMasked = key !== null && key.some((byte) => byte !== 0);
    if (header.length === 0) this.#endFrame(header);
  }

  #takeBody(chunk: Uint8Array, at: number): number {
    const frame = this.#frame;
    if (frame === null) return 0;
    const part = chunk.subarray(at, at + Math.min(this.#left, chunk.length - at));
    this.#left -= part.length;
    if (this.#isMasked && frame.key !== null) this.#phase = mask(part, frame.key, this.#phase);
    if (frame.opcode < opcodes.close) {
      // Before the sink runs, which may stop this parser.
      if (this.#left === 0) this.#frame = null;
      this.#sink.payload(part);
    } else {
      this.#control.set(part, this.#controlBytes);
      this.#controlBytes += part.length;
      if (this.#left === 0) this.#endFrame(frame);
    }
    return part.length;
  }

  #endFrame(frame: WsHeader): void {
    this.#frame = null;
    if (frame.opcode < opcodes.close) return;
    this.#sink.control(frame.opcode, this.#control.slice(0, this.#controlBytes));
  }
}
