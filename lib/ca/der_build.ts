/** Builds DER (X.690); every function returns the bytes of one whole element. */
import type { EpochMs } from "../core/clock.ts";
import { tags } from "./der.ts";

/** An element of this tag around the parts, which become its content. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const head = length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : 5;
  const out = new Uint8Array(head + length);
  out[0] = tag;
  if (head === 2) out[1] = length;
  else {
    out[1] = 0x80 | (head - 2);
    for (let i = head - 1, rest = length; i > 1; i--, rest >>= 8) out[i] = rest & 0xff;
  }
  let at = head;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(tags.sequence, ...parts);
}

export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return element(tags.set, ...[...parts].sort(compareBytes));
}

/** An explicit tag `[number]` around a constructed content. */
export function explicit(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return element(0xa0 | number, ...parts);
}

/** An implicit tag `[number]` of a primitive content. */
export function implicit(number: number, body: Uint8Array): Uint8Array {
  return element(0x80 | number, body);
}

export function boolean(value: boolean): Uint8Array {
  return element(tags.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function small(value: number): Uint8Array {
  return unsigned(
    Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff),
  );
}

/** A non-negative integer from its big-endian bytes. */
export function unsigned(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const body = bytes.subarray(start);
  if (body.length === 0) return element(tags.integer, Uint8Array.of(0));
  return (body[0] ?? 0) < 0x80
    ? element(tags.integer, body)
    : element(tags.integer, Uint8Array.of(0), body);
}

const oids = new Map<string, Uint8Array>();

/** An OID from dotted decimal; the program's own constants only, so that the table stays small. */
export function oid(dotted: string): Uint8Array {
  const known = oids.get(dotted);
  if (known) return known;
  const [first = 0n, second = 0n, ...rest] = dotted.split(".").map(BigInt);
  const body: number[] = [];
  for (const arc of [first * 40n + second, ...rest]) {
    const digits = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) digits.unshift(Number(left & 0x7fn) | 0x80);
    body.push(...digits);
  }
  const built = element(tags.oid, Uint8Array.from(body));
  oids.set(dotted, built);
  return built;
}

export function octets(...content: readonly Uint8Array[]): Uint8Array {
  return element(tags.octetString, ...content);
}

/** A bit string of whole bytes. */
export function bits(bytes: Uint8Array): Uint8Array {
  return element(tags.bitString, Uint8Array.of(0), bytes);
}

/** A named bit list (X.690 §11.2.2: no trailing zero bits); bit 0 is the most significant. */
export function namedBits(numbers: readonly number[]): Uint8Array {
  const last = Math.max(...numbers);
  const body = new Uint8Array(1 + Math.floor(last / 8) + 1);
  body[0] = 7 - (last % 8);
  for (const n of numbers) {
    const at = 1 + Math.floor(n / 8);
    body[at] = (body[at] ?? 0) | (0x80 >> (n % 8));
  }
  return element(tags.bitString, body);
}

const encoder = new TextEncoder();

export function utf8(text: string): Uint8Array {
  return element(tags.utf8String, encoder.encode(text));
}

/** Text within PrintableString's alphabet. */
export function printable(text: string): Uint8Array {
  return element(tags.printableString, encoder.encode(text));
}

/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280 §4.1.2.5); whole seconds. */
export function time(at: EpochMs): Uint8Array {
  const digits = new Date(at).toISOString().replaceAll(/\D/g, "").slice(0, 14);
  const year = Number(digits.slice(0, 4));
  return year < 2050
    ? element(tags.utcTime, encoder.encode(`${digits.slice(2)}Z`))
    : element(tags.generalizedTime, encoder.encode(`${digits}Z`));
}

export const none: Uint8Array = element(tags.null);

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
