/** RESP2 and RESP3 as bytes: what to write, and what a whole reply is (Redis manual, "RESP"). */
import { concat } from "../../bytes/writer.ts";
import { WireError, type WireErrorCode } from "../wire_error.ts";
import { limits } from "./limits.ts";

/** First byte of each type. */
export const types = {
  status: 0x2b, // +
  error: 0x2d, // -
  integer: 0x3a, // :
  bulk: 0x24, // $
  array: 0x2a, // *
  nothing: 0x5f, // _
  boolean: 0x23, // #
  double: 0x2c, // ,
  big: 0x28, // (
  bulkError: 0x21, // !
  verbatim: 0x3d, // =
  map: 0x25, // %
  set: 0x7e, // ~
  attribute: 0x7c, // |
  push: 0x3e, // >
} as const;

export const CR = 0x0d;
export const LF = 0x0a;

const encoder = new TextEncoder();

export function wireError(code: WireErrorCode, messageName: string, detail: string): WireError {
  return new WireError("redis", code, messageName, detail);
}

/** A command as clients send it: an array of bulk strings. */
export function command(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const pieces: Uint8Array[] = [encoder.encode(`*${parts.length}\r\n`)];
  for (const part of parts) pieces.push(bulk(part));
  return concat(pieces);
}

/** A bulk string, binary-safe. */
export function bulk(part: string | Uint8Array): Uint8Array {
  const bytes = typeof part === "string" ? encoder.encode(part) : part;
  return concat([encoder.encode(`$${bytes.length}\r\n`), bytes, encoder.encode("\r\n")]);
}

/** A simple string; line ends in it become spaces. */
export function status(text: string): Uint8Array {
  return encoder.encode(`+${oneLine(text)}\r\n`);
}

/** An error: a code in capitals, then words. Line ends in it become spaces, NULs are left out. */
export function errorReply(text: string): Uint8Array {
  return encoder.encode(`-${oneLine(text)}\r\n`);
}

function oneLine(text: string): string {
  return text.replaceAll("\0", "").replace(/[\r\n]+/g, " ");
}

/** Whether a type's line is all there is of it. */
export function isLine(type: number): boolean {
  return type === types.status || type === types.error || type === types.integer ||
    type === types.nothing || type === types.boolean || type === types.double ||
    type === types.big;
}

/** Whether a type announces a payload of so many bytes. */
export function isBulk(type: number): boolean {
  return type === types.bulk || type === types.bulkError || type === types.verbatim;
}

/** Values that an aggregate of `count` holds; null where the type is none. */
export function valuesIn(type: number, count: number): number | null {
  if (type === types.array || type === types.set || type === types.push) return Math.max(0, count);
  if (type === types.map || type === types.attribute) return Math.max(0, count) * 2;
  return null;
}

/**
 * The number of a header line, -1 for null. Throws where it is no whole number, or `max` is
 * exceeded: before anything is allocated or awaited for it.
 */
export function readLength(
  bytes: Uint8Array,
  from: number,
  to: number,
  max: number,
  name: string,
): number {
  let value = 0;
  let at = from;
  if (bytes[at] === 0x2d) {
    if (to - at === 2 && bytes[at + 1] === 0x31) return -1;
    throw wireError("malformed", name, "a negative length");
  }
  if (at === to || to - at > 15) throw wireError("malformed", name, "not a length");
  for (; at < to; at++) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) throw wireError("malformed", name, "not a length");
    value = value * 10 + digit;
  }
  if (value > max) throw wireError("oversize", name, `${value}, limit ${max}`);
  return value;
}

/** Where the CR of the line that `from` is in stands; -1 where it is not there yet. */
export function lineEnd(bytes: Uint8Array, from: number, to: number = bytes.length): number {
  for (let at = from; at + 1 < to; at++) {
    if (bytes[at] === CR && bytes[at + 1] === LF) return at;
  }
  return -1;
}

/** A reply as a tree, for handshakes: small ones, read whole. */
export type Value =
  | { readonly type: "status" | "error"; readonly text: string }
  | { readonly type: "integer"; readonly value: bigint }
  | { readonly type: "bulk" | "verbatim"; readonly bytes: Uint8Array }
  | { readonly type: "null" }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "double" | "big"; readonly text: string }
  /** Maps have keys and values in turns. */
  | { readonly type: "array" | "set" | "map" | "push"; readonly values: readonly Value[] };

interface Read {
  readonly value: Value;
  readonly end: number;
}

/**
 * Size of the reply at the front of what is held, for handshakes; null while more is needed. Throws
 * where more than `maxBytes` are held and are not all of it.
 */
export function measureReply(
  held: Uint8Array,
  maxBytes: number = limits.loginBytes,
): number | null {
  const read = readValue(held, 0, 0);
  if (read !== null) return read.end;
  if (held.length > maxBytes) throw wireError("oversize", "reply", "too long here");
  return null;
}

/** The tree of a whole reply; throws where the bytes are not exactly one. */
export function readReply(bytes: Uint8Array): Value {
  const read = readValue(bytes, 0, 0);
  if (read === null) throw wireError("truncated", "reply", "ends early");
  if (read.end !== bytes.length) throw wireError("malformed", "reply", "bytes after its end");
  return read.value;
}

/** Null while it is not there whole. */
function readValue(bytes: Uint8Array, at: number, depth: number): Read | null {
  const type = bytes[at];
  if (type === undefined) return null;
  if (depth > limits.depth) throw wireError("oversize", "reply", "nested too deep");
  const cr = lineEnd(bytes, at + 1);
  if (isLine(type)) {
    return cr < 0 ? null : { value: lineValue(type, text(bytes, at + 1, cr)), end: cr + 2 };
  }
  if (!isBulk(type) && valuesIn(type, 0) === null) throw unknownType(type);
  if (cr < 0) {
    if (bytes.length - at > limits.headerBytes) throw wireError("malformed", "reply", "no length");
    return null;
  }
  const max = isBulk(type) ? limits.bulkBytes : limits.elementsMax;
  const length = readLength(bytes, at + 1, cr, max, "reply");
  return isBulk(type)
    ? readBulk(bytes, type, cr + 2, length)
    : readAggregate(bytes, type, cr + 2, length, depth);
}

function readBulk(bytes: Uint8Array, type: number, from: number, length: number): Read | null {
  if (length < 0) return { value: { type: "null" }, end: from };
  const end = from + length;
  if (end + 2 > bytes.length) return null;
  if (bytes[end] !== CR || bytes[end + 1] !== LF) {
    throw wireError("malformed", "reply", "a bulk string without its end");
  }
  const body = bytes.subarray(from, end);
  if (type === types.bulkError) {
    return { value: { type: "error", text: text(body, 0, length) }, end: end + 2 };
  }
  const kind = type === types.verbatim ? "verbatim" : "bulk";
  return { value: { type: kind, bytes: body }, end: end + 2 };
}

function readAggregate(
  bytes: Uint8Array,
  type: number,
  from: number,
  count: number,
  depth: number,
): Read | null {
  if (count < 0) return { value: { type: "null" }, end: from };
  const values: Value[] = [];
  const wanted = valuesIn(type, count) ?? 0;
  let at = from;
  while (values.length < wanted) {
    const read = readValue(bytes, at, depth + 1);
    if (read === null) return null;
    values.push(read.value);
    at = read.end;
  }
  // What an attribute says is about the value after it.
  if (type === types.attribute) return readValue(bytes, at, depth + 1);
  const kind = type === types.map
    ? "map"
    : type === types.set
    ? "set"
    : type === types.push
    ? "push"
    : "array";
  return { value: { type: kind, values }, end: at };
}

function lineValue(type: number, line: string): Value {
  switch (type) {
    case types.status:
      return { type: "status", text: line };
    case types.error:
      return { type: "error", text: line };
    case types.integer:
      if (!/^[+-]?\d{1,19}$/.test(line)) throw wireError("malformed", "reply", "not an integer");
      return { type: "integer", value: BigInt(line) };
    case types.boolean:
      if (line !== "t" && line !== "f") throw wireError("malformed", "reply", "not a boolean");
      return { type: "boolean", value: line === "t" };
    case types.nothing:
      return { type: "null" };
    default:
      return { type: type === types.big ? "big" : "double", text: line };
  }
}

export function unknownType(type: number): WireError {
  return wireError("malformed", "reply", `begins with the byte ${type}`);
}

const decoder = new TextDecoder();

function text(bytes: Uint8Array, from: number, to: number): string {
  return from === to ? "" : decoder.decode(bytes.subarray(from, to));
}
