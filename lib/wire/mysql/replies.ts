import { ByteReader } from "../../bytes/reader.ts";
import { can, has } from "./capabilities.ts";
import { lenencBytes, lenencInt } from "./lenenc.ts";
import { packet, readFront } from "./packet.ts";
import { anyText } from "../text.ts";

/** First byte of a reply ("Generic Response Packets"). */
export const first = {
  ok: 0x00,
  authMore: 0x01,
  nextFactor: 0x02,
  localInfile: 0xfb,
  eof: 0xfe,
  error: 0xff,
} as const;

/** Bits of the status that a server tells with its replies. */
export const status = { inTransaction: 1, moreResults: 8, cursor: 0x40, lastRow: 0x80 } as const;

export interface OkReply {
  readonly affectedRows: number;
  readonly status: number;
  /** The schema in use from now on, where the server says that it changed. */
  readonly schema: string | null;
}

const TRACK_SCHEMA = 1;
const SESSION_CHANGED = 0x4000;

/** Reads an OK packet, or an EOF in its form ("OK_Packet"). */
export function readOk(payload: Uint8Array, flags: number): OkReply {
  return readFront("OK", new ByteReader(payload.subarray(1)), (from) => {
    const affectedRows = lenencInt(from);
    lenencInt(from);
    const bits = from.u16le();
    const isTracked = has(flags, can.sessionTrack) && (bits & SESSION_CHANGED) !== 0;
    return { affectedRows, status: bits, schema: isTracked ? readSchema(from) : null };
  });
}

/** Among what changed in the session, the schema ("Session State Information"). */
function readSchema(from: ByteReader): string | null {
  from.skip(2);
  if (from.left === 0) return null;
  lenencBytes(from);
  if (from.left === 0) return null;
  const changes = new ByteReader(lenencBytes(from));
  let schema: string | null = null;
  while (changes.left > 0) {
    const kind = changes.u8();
    const data = new ByteReader(lenencBytes(changes));
    if (kind === TRACK_SCHEMA) schema = anyText(lenencBytes(data));
  }
  return schema;
}

/** Status of an EOF packet of the old form. */
export function readEof(payload: Uint8Array): number {
  return readFront("EOF", new ByteReader(payload), (from) => {
    from.skip(3);
    return from.u16le();
  });
}

export interface ErrorReply {
  readonly number: number;
  readonly sqlState: string;
  readonly message: string;
}

/** Reads an ERR packet, or the front of one ("ERR_Packet"). */
export function readError(payload: Uint8Array): ErrorReply {
  return readFront("ERR", new ByteReader(payload), (from) => {
    from.skip(1);
    const number = from.u16le();
    const hasState = from.left >= 6 && from.peek() === 0x23;
    if (hasState) from.skip(1);
    const sqlState = hasState ? anyText(from.bytes(5)) : "";
    return { number, sqlState, message: anyText(from.rest()) };
  });
}

/** Without `sqlState` in the form of before the client said what it can. */
export function errorPacket(
  sequence: number,
  { number, sqlState, message }: ErrorReply,
): Uint8Array {
  return packet(sequence, (out) => {
    out.u8(first.error).u16le(number);
    if (sqlState !== "") out.utf8(`#${sqlState}`);
    out.utf8(message);
  });
}

/** `payload` of an OK packet that a server said, under another number. */
export function numbered(sequence: number, payload: Uint8Array): Uint8Array {
  return packet(sequence, (out) => out.bytes(payload));
}
