/** Framing of RFC 6455 §5.2, as far as a tunnel uses it. */

export const opcodes = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** 2 bytes, 8 of extended length, 4 of masking key. */
export const wsHeaderBytesMax = 14;
/** A larger frame of the peer is refused at its header. */
export const wsFrameBytesMax = 16 * 1024 * 1024;
const controlBytesMax = 125;

export interface WsHeader {
  readonly opcode: number;
  readonly isFinal: boolean;
  /** Null where the frame isn't masked. */
  readonly key: Uint8Array | null;
  readonly length: number;
}

/** The peer broke RFC 6455; `status` is the close code to say so with (§7.4.1). */
export class WebSocketError extends Error {
  override readonly name = "WebSocketError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Bytes of the header whose first two bytes are given. */
export function wsHeaderBytes(second: number): number {
  const length = second & 0x7f;
  return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + ((second & 0x80) !== 0 ? 4 : 0);
}

/** Reads a complete header; refuses what the RFC forbids or what is too large. */
export function readWsHeader(header: Uint8Array): WsHeader {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const first = view.getUint8(0);
  const second = view.getUint8(1);
  if ((first & 0x70) !== 0) throw new WebSocketError(1002, "Reserved bits are set");
  const opcode = first & 0x0f;
  const isFinal = (first & 0x80) !== 0;
  let length = second & 0x7f;
  let at = 2;
  if (length === 126) {
    length = view.getUint16(2);
    if (length < 126) throw new WebSocketError(1002, "Length is not in its shortest form");
    at = 4;
  } else if (length === 127) {
    const high = view.getUint32(2);
    length = view.getUint32(6);
    if (high === 0 && length < 65536) {
      throw new WebSocketError(1002, "Length is not in its shortest form");
    }
    if (high !== 0) throw new WebSocketError(1009, "Frame is too large");
    at = 10;
  }
  if (length > wsFrameBytesMax) throw new WebSocketError(1009, "Frame is too large");
  if (opcode >= opcodes.close && (length > controlBytesMax || !isFinal)) {
    throw new WebSocketError(1002, "Control frame is fragmented or too large");
  }
  const key = (second & 0x80) !== 0 ? header.slice(at, at + 4) : null;
  return { opcode, isFinal, key, length };
}

/** Size of the header of an own frame. */
export function ownHeaderBytes(length: number, isMasked: boolean): number {
  return 2 + (length > 65535 ? 8 : length > 125 ? 2 : 0) + (isMasked ? 4 : 0);
}

/** Writes the header of a final frame at `at`; `key` null leaves it unmasked. */
export function writeWsHeader(
  target: Uint8Array,
  at: number,
  frame: { readonly opcode: number; readonly length: number; readonly key: Uint8Array | null },
): void {
  const view = new DataView(target.buffer, target.byteOffset + at);
  const { opcode, length, key } = frame;
  const masked = key === null ? 0 : 0x80;
  view.setUint8(0, 0x80 | opcode);
  let end = 2;
  if (length > 65535) {
    view.setUint8(1, masked | 127);
    view.setUint32(2, 0);
    view.setUint32(6, length);
    end = 10;
  } else if (length > 125) {
    view.setUint8(1, masked | 126);
    view.setUint16(2, length);
    end = 4;
  } else view.setUint8(1, masked | length);
  if (key !== null) target.set(key, at + end);
}
