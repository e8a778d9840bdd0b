/**
 * A strict reader of DER (X.690 §8, §10): definite and minimal lengths, bounded size and depth, no
 * bytes left over, canonical booleans, integers, OIDs and times. Everything else is refused with a
 * {@linkcode Fault} `ca.bad-der`; its message tells offsets, never content.
 */
import { Fault } from "../core/fault.ts";
import type { EpochMs } from "../core/clock.ts";

/** Larger input isn't looked at: an identity of 16 KiB, keys and names fit with room to spare. */
export const maxDerBytes = 32 * 1024;
/** X.509 needs about eight levels. */
export const maxDerDepth = 24;
const maxOidBytes = 64;

/** Universal tags (with the constructed bit where DER demands it). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const;

/** A refusal of DER; `offset` is counted in the outermost input. */
export function derFault(what: string, offset: number): Fault {
  return new Fault({
    kind: "invalid",
    code: "ca.bad-der",
    message: `not strict DER: ${what} at offset ${offset}`,
    shown: "the certificate or request is malformed",
    fields: { offset },
  });
}

/** One element: its identifier byte and views (no copies) of the whole and of the content. */
export interface DerElement {
  readonly tag: number;
  readonly raw: Uint8Array;
  readonly body: Uint8Array;
  /** Where the content starts in the outermost input. */
  readonly offset: number;
  readonly depth: number;
}

/** Walks the elements of one level; entering a constructed element gives a reader of its own. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #base: number;
  readonly #depth: number;
  #at = 0;

  constructor(bytes: Uint8Array, base = 0, depth = 0) {
    if (bytes.length > maxDerBytes) throw derFault(`more than ${maxDerBytes} bytes`, base);
    if (depth > maxDerDepth) throw derFault("nested too deep", base);
    this.#bytes = bytes;
    this.#base = base;
    this.#depth = depth;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Offset of the next element in the outermost input. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** The identifier byte of the next element, null at the end. */
  peek(): number | null {
    return this.#bytes[this.#at] ?? null;
  }

  /** The next element, which must have this tag where one is given. */
  read(tag?: number): DerElement {
    const start = this.#at;
    const found = this.#byte("identifier");
    if (tag !== undefined && found !== tag) {
      throw derFault(`tag ${hex(found)} where ${hex(tag)} belongs`, this.#base + start);
    }
    if ((found & 0x1f) === 0x1f) throw derFault("tag number over 30", this.#base + start);
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) {
      throw derFault("length beyond the end", this.#base + start);
    }
    const body = this.#bytes.subarray(this.#at, this.#at + length);
    const offset = this.#base + this.#at;
    this.#at += length;
    const raw = this.#bytes.subarray(start, this.#at);
    return { tag: found, raw, body, offset, depth: this.#depth };
  }

  /** The next element if it has this tag, else null and nothing is taken. */
  optional(tag: number): DerElement | null {
    return this.peek() === tag ? this.read(tag) : null;
  }

  /** A reader of the content of the next element, which must have this tag. */
  enter(tag: number): DerReader {
    return inside(this.read(tag));
  }

  /** Demands that nothing is left. */
  end(): void {
    if (!this.done) throw derFault("bytes left over", this.offset);
  }

  #byte(what: string): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw derFault(`ends within its ${what}`, this.offset);
    this.#at += 1;
    return byte;
  }

  #length(): number {
    const start = this.offset;
    const first = this.#byte("length");
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0) throw derFault("indefinite length", start);
    if (count > 3) throw derFault("length too large", start);
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte("length");
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) {
      throw derFault("length not minimal", start);
    }
    return length;
  }
}

/** A reader of an element's content. */
export function inside(element: DerElement): DerReader {
  return new DerReader(element.body, element.offset, element.depth + 1);
}

/** The one element that `bytes` are, with nothing after it. */
export function readWhole(bytes: Uint8Array, tag?: number): DerElement {
  const reader = new DerReader(bytes);
  const element = reader.read(tag);
  reader.end();
  return element;
}

export function readBoolean(element: DerElement): boolean {
  const [value] = element.body;
  if (element.body.length !== 1 || (value !== 0 && value !== 0xff)) {
    throw derFault("boolean not canonical", element.offset);
  }
  return value === 0xff;
}

export function readInteger(element: DerElement): bigint {
  const { body } = element;
  const [first, second] = body;
  if (first === undefined) throw derFault("empty integer", element.offset);
  if (
    second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second > 0x7f))
  ) {
    throw derFault("integer not minimal", element.offset);
  }
  const value = BigInt(`0x${body.toHex()}`);
  return first < 0x80 ? value : value - (1n << BigInt(8 * body.length));
}

/** An integer of 0 to `max`, a safe integer. */
export function readSmall(element: DerElement, max: number): number {
  const value = readInteger(element);
  if (value < 0n || value > BigInt(max)) throw derFault("integer out of range", element.offset);
  return Number(value);
}

/** Dotted decimal; arcs of any size within 64 bytes (X.667 gives UUIDs as arcs of 128 bits). */
export function readOid(element: DerElement): string {
  const { body } = element;
  if (body.length === 0 || body.length > maxOidBytes) throw derFault("OID size", element.offset);
  const arcs: string[] = [];
  let small = 0;
  let long: bigint | null = null;
  let inArc = false;
  for (const byte of body) {
    if (!inArc && byte === 0x80) throw derFault("OID arc not minimal", element.offset);
    inArc = byte >= 0x80;
    if (long === null && small > 2 ** 45) long = BigInt(small);
    if (long === null) small = small * 128 + (byte & 0x7f);
    else long = (long << 7n) | BigInt(byte & 0x7f);
    if (inArc) continue;
    if (arcs.length > 0) arcs.push(String(long ?? small));
    else if (long !== null) arcs.push("2", String(long - 80n));
    else arcs.push(...firstArcs(small));
    small = 0;
    long = null;
  }
  if (inArc) throw derFault("OID ends within an arc", element.offset);
  return arcs.join(".");
}

function firstArcs(value: number): [string, string] {
  const first = Math.min(2, Math.floor(value / 40));
  return [String(first), String(value - first * 40)];
}

/** A bit string with its bytes and count of unused bits, which are zero as DER demands. */
export function readBits(element: DerElement): { bytes: Uint8Array; unused: number } {
  const [unused] = element.body;
  const bytes = element.body.subarray(1);
  if (unused === undefined || unused > 7 || (unused > 0 && bytes.length === 0)) {
    throw derFault("bit string", element.offset);
  }
  if (((bytes.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0) {
    throw derFault("bit string with unused bits set", element.offset);
  }
  return { bytes, unused };
}

/** A bit string of whole bytes. */
export function readBitBytes(element: DerElement): Uint8Array {
  const { bytes, unused } = readBits(element);
  if (unused !== 0) throw derFault("bit string not of whole bytes", element.offset);
  return bytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function readUtf8(element: DerElement): string {
  try {
    return utf8.decode(element.body);
  } catch {
    throw derFault("text not UTF-8", element.offset);
  }
}

const timeForms: Readonly<Record<number, RegExp>> = {
  [tags.utcTime]: /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
  [tags.generalizedTime]: /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
};

/** UTCTime or GeneralizedTime in the one form that RFC 5280 §4.1.2.5 allows. */
export function readTime(element: DerElement): EpochMs {
  const form = timeForms[element.tag];
  const found = form?.exec(String.fromCharCode(...element.body.subarray(0, 16)));
  if (!found) throw derFault("time form", element.offset);
  const [year = 0, month = 0, ...rest] = found.slice(1).map(Number);
  const [day = 0, hour = 0, minute = 0, second = 0] = rest;
  const full = element.tag === tags.generalizedTime ? year : year + (year < 50 ? 2000 : 1900);
  const at = Date.UTC(full, month - 1, day, hour, minute, second);
  const text = `${full}`.padStart(4, "0") + found.slice(2).join("");
  if (full < 1950 || new Date(at).toISOString().replaceAll(/\D/g, "").slice(0, 14) !== text) {
    throw derFault("time out of range", element.offset);
  }
  if (element.tag === tags.generalizedTime && full < 2050) {
    throw derFault("GeneralizedTime before 2050", element.offset);
  }
  return at;
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
