/**
 * Records of a spool segment. Each is framed so that a torn or changed one is noticed:
 *
 *     u32 length of body | u32 CRC-32C of body | body
 *     body: kind (1) [u32 context] uid length (1) uid payload
 *
 * Numbers are big-endian, the payload is JSON in UTF-8. A kind with its highest bit set is followed
 * by the number of the context that completes the payload (`context.ts`); the context's own record
 * stands before it in the same segment.
 */
import { crc32c } from "./crc32c.ts";

/** What a record is. Those of `shippedKinds` have sequence numbers, in order, without gaps. */
export const kinds = {
  /** First of each segment: `{v, spool, first}`. */
  header: 0x48,
  /** What the events of a session have in common, under its number. */
  context: 0x43,
  event: 0x45,
  intent: 0x49,
  /** A piece of a split result, not its last. */
  part: 0x50,
  /** A statement's result, or the last piece of it: its intent is answered. */
  result: 0x52,
  /** An intent that is shipped because it has been open for long. */
  started: 0x53,
  /** The intent of a text that comes in pieces, as it stands: the newest one counts. */
  streamed: 0x54,
} as const;

export type RecordKind = (typeof kinds)[keyof typeof kinds];

const known = new Map<number, RecordKind>(Object.values(kinds).map((kind) => [kind, kind]));

export function isShipped(kind: RecordKind): boolean {
  return kind !== kinds.header && kind !== kinds.intent && kind !== kinds.streamed &&
    kind !== kinds.context;
}

const withContext = 0x80;

export const frameHeaderBytes = 8;
/** Longest body that is written or believed. */
export const bodyBytesMax = 8 << 20;

/** A record where it stands in the bytes it was read from; valid as long as they are. */
export class SpoolRecord {
  readonly kind: RecordKind;
  /** Number of the context that belongs to it, from 1; 0 for none. */
  readonly context: number;
  /** Where the frame starts, and its length with its header. */
  readonly offset: number;
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #uidStart: number;

  constructor(
    bytes: Uint8Array,
    at: { readonly offset: number; readonly length: number; readonly uidStart: number },
    kind: RecordKind,
    context: number,
  ) {
    this.#bytes = bytes;
    this.offset = at.offset;
    this.length = at.length;
    this.#uidStart = at.uidStart;
    this.kind = kind;
    this.context = context;
  }

  /** Of the statement, without the suffix of a part; empty for events. */
  get uid(): string {
    return decoder.decode(this.#bytes.subarray(this.#uidStart, this.#uidEnd));
  }

  get payload(): Uint8Array {
    return this.#bytes.subarray(this.#uidEnd, this.offset + this.length);
  }

  get #uidEnd(): number {
    return this.#uidStart + (this.#bytes[this.#uidStart - 1] ?? 0);
  }
}

/** The records at the front of `bytes`, up to the first that is torn or damaged. */
export function* scanRecords(bytes: Uint8Array): Generator<SpoolRecord, void> {
  let offset = 0;
  for (;;) {
    const record = readRecord(bytes, offset);
    if (record === null) return;
    yield record;
    offset += record.length;
  }
}

/**
 * Length of the frame at `offset` with its header, or null while its header is incomplete or
 * wrong.
 */
export function frameLength(bytes: Uint8Array, offset: number): number | null {
  if (bytes.length - offset < frameHeaderBytes) return null;
  const length = view(bytes).getUint32(offset);
  return length < 2 || length > bodyBytesMax ? null : frameHeaderBytes + length;
}

export function readRecord(bytes: Uint8Array, offset: number): SpoolRecord | null {
  const length = frameLength(bytes, offset);
  if (length === null || offset + length > bytes.length) return null;
  const start = offset + frameHeaderBytes;
  const end = offset + length;
  const at = view(bytes);
  if (at.getUint32(offset + 4) !== crc32c(bytes, start, end)) return null;
  const first = bytes[start] ?? 0;
  const kind = known.get(first & ~withContext);
  const uidStart = start + (first & withContext ? 6 : 2);
  const uidEnd = uidStart + (bytes[uidStart - 1] ?? 0);
  if (kind === undefined || uidStart > end || uidEnd > end) return null;
  const context = first & withContext ? at.getUint32(start + 1) : 0;
  return new SpoolRecord(bytes, { offset, length, uidStart }, kind, context);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A context as a spool keeps it: written again into each segment that needs it. */
export interface KeptContext {
  /** Its number in this run, from 1. */
  readonly number: number;
  readonly json: string;
  /** Number of the last segment that has it. */
  segment: number;
}

export interface PendingRecord {
  readonly kind: RecordKind;
  readonly uid: string;
  readonly context: KeptContext | null;
  /** Where the frame starts in the buffer. */
  readonly offset: number;
  readonly length: number;
}

const startBytes = 8 * 1024;

/** How many of the records are shipped. */
export function shippedIn(records: readonly PendingRecord[]): number {
  let count = 0;
  for (const { kind } of records) if (isShipped(kind)) count += 1;
  return count;
}

/** Records waiting for one write, encoded once into one buffer that is used again. */
export class RecordBuffer {
  #bytes = new Uint8Array(startBytes);
  #view = view(this.#bytes);
  #length = 0;
  #records: PendingRecord[] = [];

  get length(): number {
    return this.#length;
  }

  get records(): readonly PendingRecord[] {
    return this.#records;
  }

  /** A view of all that was added; valid until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** `uid` is in ASCII, as UUIDs are. */
  add(kind: RecordKind, uid: string, json: string, context: KeptContext | null = null): void {
    const offset = this.#length;
    this.#reserve(frameHeaderBytes + 6 + uid.length * 3 + json.length * 3);
    const bytes = this.#bytes;
    const start = offset + frameHeaderBytes;
    let at = start;
    bytes[at++] = context === null ? kind : kind | withContext;
    if (context !== null) {
      this.#view.setUint32(at, context.number);
      at += 4;
    }
    bytes[at++] = uid.length;
    const end = at + encoder.encodeInto(uid + json, bytes.subarray(at)).written;
    this.#view.setUint32(offset, end - start);
    this.#view.setUint32(offset + 4, crc32c(bytes, start, end));
    this.#length = end;
    this.#records.push({ kind, uid, context, offset, length: end - offset });
  }

  clear(): void {
    this.#length = 0;
    this.#records = [];
    // One huge statement should not hold its memory for ever.
    if (this.#bytes.length > 4 << 20) this.#take(new Uint8Array(startBytes));
  }

  /** Keeps the records that `wanted` says, in order; gives how many went. */
  retain(wanted: (record: PendingRecord) => boolean): number {
    const before = this.#records.length;
    const kept: PendingRecord[] = [];
    let length = 0;
    for (const record of this.#records) {
      if (!wanted(record)) continue;
      this.#bytes.copyWithin(length, record.offset, record.offset + record.length);
      kept.push({ ...record, offset: length });
      length += record.length;
    }
    this.#records = kept;
    this.#length = length;
    return before - kept.length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    let size = this.#bytes.length;
    while (size < needed) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.bytes);
    this.#take(grown);
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = view(bytes);
  }
}
