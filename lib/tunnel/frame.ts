import { goawayCodes, TunnelError } from "./tunnel_error.ts";

/** Frame types of spec.md; numbers are never given a second meaning. */
export const frameTypes = {
  hello: 1,
  open: 2,
  accept: 3,
  data: 4,
  window: 5,
  fin: 6,
  reset: 7,
  ping: 8,
  pong: 9,
  goaway: 10,
} as const;

/** type (1), length of the body (3), stream id (4); big endian. */
export const frameHeaderBytes = 8;
export const dataBytesMax = 64 * 1024;
export const helloBytesMax = 256 * 1024;
export const openHeaderBytesMax = 32 * 1024;
export const messageTextBytesMax = 1024;
/** Credit of each direction of a new stream. */
export const windowStartBytes = 256 * 1024;
/** No window may grow beyond this, whatever its owner's limits are. */
export const windowBytesCeiling = 16 * 1024 * 1024;
export const streamIdMax = 0xffff_ffff;

interface FrameRule {
  readonly name: string;
  readonly bytesMin: number;
  readonly bytesMax: number;
  /** Belongs to a stream (id above 0) or to the session (id 0). */
  readonly ofStream: boolean;
}

const rules: readonly (FrameRule | null)[] = [
  null,
  { name: "HELLO", bytesMin: 2, bytesMax: helloBytesMax, ofStream: false },
  { name: "OPEN", bytesMin: 0, bytesMax: openHeaderBytesMax, ofStream: true },
  { name: "ACCEPT", bytesMin: 0, bytesMax: 0, ofStream: true },
  { name: "DATA", bytesMin: 1, bytesMax: dataBytesMax, ofStream: true },
  { name: "WINDOW", bytesMin: 4, bytesMax: 4, ofStream: true },
  { name: "FIN", bytesMin: 0, bytesMax: 0, ofStream: true },
  { name: "RESET", bytesMin: 1, bytesMax: 1 + messageTextBytesMax, ofStream: true },
  { name: "PING", bytesMin: 8, bytesMax: 8, ofStream: false },
  { name: "PONG", bytesMin: 8, bytesMax: 8, ofStream: false },
  { name: "GOAWAY", bytesMin: 1, bytesMax: 1 + messageTextBytesMax, ofStream: false },
];

/** Refuses what no frame may be, knowing only its header. */
export function checkFrameHeader(type: number, id: number, length: number): void {
  const rule = rules[type] ?? null;
  if (rule === null) {
    throw new TunnelError(
      "tunnel.frame-type",
      goawayCodes.protocol,
      `No frame has the type ${type}`,
    );
  }
  if (length < rule.bytesMin || length > rule.bytesMax) {
    throw new TunnelError(
      "tunnel.frame-length",
      goawayCodes.protocol,
      `${rule.name} of ${length} bytes, lawful are ${rule.bytesMin} to ${rule.bytesMax}`,
    );
  }
  if ((id !== 0) !== rule.ofStream) {
    throw new TunnelError(
      "tunnel.frame-id",
      goawayCodes.protocol,
      `${rule.name} with stream id ${id}`,
    );
  }
}

/** Writes a header of 8 bytes at `at`. */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  frame: { readonly type: number; readonly id: number; readonly length: number },
): void {
  const { type, id, length } = frame;
  target[at] = type;
  target[at + 1] = length >>> 16;
  target[at + 2] = length >>> 8;
  target[at + 3] = length;
  target[at + 4] = id >>> 24;
  target[at + 5] = id >>> 16;
  target[at + 6] = id >>> 8;
  target[at + 7] = id;
}

/** A whole frame in a buffer of its own; for all but DATA. */
export function encodeFrame(type: number, id: number, body: Uint8Array = empty): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + body.length);
  writeFrameHeader(frame, 0, { type, id, length: body.length });
  frame.set(body, frameHeaderBytes);
  return frame;
}

export function encodeWindow(id: number, credit: number): Uint8Array {
  const body = new Uint8Array(4);
  new DataView(body.buffer).setUint32(0, credit);
  return encodeFrame(frameTypes.window, id, body);
}

export function decodeWindow(body: Uint8Array): number {
  return new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0);
}

/** RESET and GOAWAY: a code and words, cut to 1 KiB of UTF-8 at a character. */
export function encodeCoded(type: number, id: number, coded: Coded): Uint8Array {
  const body = new Uint8Array(1 + messageTextBytesMax);
  body[0] = coded.code;
  const { written } = encoder.encodeInto(coded.text, body.subarray(1));
  return encodeFrame(type, id, body.subarray(0, 1 + written));
}

export interface Coded {
  readonly code: number;
  readonly text: string;
}

/** The peer's words are for people: control characters become spaces. */
export function decodeCoded(body: Uint8Array): Coded {
  const text = decoder.decode(body.subarray(1)).replace(/\p{Cc}/gu, " ");
  return { code: body[0] ?? 0, text };
}

const empty = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
