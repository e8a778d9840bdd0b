import { ByteReader } from "../../bytes/reader.ts";
import type { Parameter } from "../protocol.ts";
import type { Script, Taken } from "./feeder.ts";
import { wireError } from "./packet.ts";
import { anyText, base64, textPrefix, utf8 } from "../text.ts";

/** Type of a bound value: its code, and whether it has no sign. */
export interface BoundType {
  readonly code: number;
  readonly isUnsigned: boolean;
}

/** `null`: as long as its length-encoded length says. */
type Size = number | "byte" | null;

interface Known {
  readonly name: string;
  readonly size: Size;
  /** Whole value to text; absent: text as it is. */
  readonly read?: (from: ByteReader, isUnsigned: boolean) => string;
}

const two = (value: number): string => String(value).padStart(2, "0");
const six = (value: number): string => value === 0 ? "" : `.${String(value).padStart(6, "0")}`;

/** "Binary Protocol Value": 0, 4, 7, 11 or 13 bytes. */
function dateTime(from: ByteReader, isDate: boolean): string {
  if (from.left === 0) return isDate ? "0000-00-00" : "0000-00-00 00:00:00";
  const date = `${String(from.u16le()).padStart(4, "0")}-${two(from.u8())}-${two(from.u8())}`;
  if (from.left === 0) return isDate ? date : `${date} 00:00:00`;
  const time = `${two(from.u8())}:${two(from.u8())}:${two(from.u8())}`;
  const fraction = from.left >= 4 ? six(from.u32le()) : "";
  const offset = from.left >= 2 ? zone(from.i16le()) : "";
  return `${date} ${time}${fraction}${offset}`;
}

function zone(minutes: number): string {
  const whole = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(whole / 60))}:${two(whole % 60)}`;
}

function time(from: ByteReader): string {
  if (from.left === 0) return "00:00:00";
  const sign = from.u8() === 1 ? "-" : "";
  const hours = from.u32le() * 24 + from.u8();
  const rest = `${two(from.u8())}:${two(from.u8())}`;
  return `${sign}${two(hours)}:${rest}${from.left >= 4 ? six(from.u32le()) : ""}`;
}

function float(from: ByteReader): string {
  const bits = from.bytes(4);
  const value = new DataView(bits.buffer, bits.byteOffset, 4).getFloat32(0, true);
  return String(Number(value.toPrecision(7)));
}

const integer = {
  tiny: (from: ByteReader, isUnsigned: boolean) => String(isUnsigned ? from.u8() : from.i8()),
  short: (from: ByteReader, isUnsigned: boolean) =>
    String(isUnsigned ? from.u16le() : from.i16le()),
  long: (from: ByteReader, isUnsigned: boolean) => String(isUnsigned ? from.u32le() : from.i32le()),
  longLong: (from: ByteReader, isUnsigned: boolean) =>
    String(isUnsigned ? from.u64le() : from.i64le()),
} as const;

/** By type code ("Column Definition", field types). */
const types: ReadonlyMap<number, Known> = new Map<number, Known>([
  [0x00, { name: "decimal", size: null }],
  [0x01, { name: "tinyint", size: 1, read: integer.tiny }],
  [0x02, { name: "smallint", size: 2, read: integer.short }],
  [0x03, { name: "int", size: 4, read: integer.long }],
  [0x04, { name: "float", size: 4, read: float }],
  [0x05, { name: "double", size: 8, read: (from) => String(from.f64le()) }],
  [0x06, { name: "null", size: 0 }],
  [0x07, { name: "timestamp", size: "byte", read: (from) => dateTime(from, false) }],
  [0x08, { name: "bigint", size: 8, read: integer.longLong }],
  [0x09, { name: "mediumint", size: 4, read: integer.long }],
  [0x0a, { name: "date", size: "byte", read: (from) => dateTime(from, true) }],
  [0x0b, { name: "time", size: "byte", read: time }],
  [0x0c, { name: "datetime", size: "byte", read: (from) => dateTime(from, false) }],
  [0x0d, { name: "year", size: 2, read: integer.short }],
  [0x0f, { name: "varchar", size: null }],
  [0x10, { name: "bit", size: null }],
  [0xf2, { name: "vector", size: null }],
  [0xf5, { name: "json", size: null }],
  [0xf6, { name: "decimal", size: null }],
  [0xf7, { name: "enum", size: null }],
  [0xf8, { name: "set", size: null }],
  [0xf9, { name: "tinyblob", size: null }],
  [0xfa, { name: "mediumblob", size: null }],
  [0xfb, { name: "longblob", size: null }],
  [0xfc, { name: "blob", size: null }],
  [0xfd, { name: "varchar", size: null }],
  [0xfe, { name: "char", size: null }],
  [0xff, { name: "geometry", size: null }],
]);

export function typeName({ code, isUnsigned }: BoundType): string {
  const name = types.get(code)?.name ?? `type ${code}`;
  return isUnsigned && /int$/.test(name) ? `${name} unsigned` : name;
}

/** Reads the part of the form that has `count` bytes, 16 KiB at most. */
export function* form(count: number): Script<ByteReader> {
  const taken = yield { count, isForm: true };
  return new ByteReader(taken?.front ?? new Uint8Array(0));
}

const one = { count: 1, isForm: true } as const;

/** Reads one byte of the form. */
export function* byte(): Script<number> {
  return (yield one)?.front[0] ?? 0;
}

/** Reads a length-encoded integer of the form. */
export function* length(): Script<number> {
  const first = yield* byte();
  if (first < 0xfb) return first;
  if (first === 0xfc) return (yield* form(2)).u16le();
  if (first === 0xfd) {
    const from = yield* form(3);
    return from.u16le() | (from.u8() << 16);
  }
  if (first !== 0xfe) throw wireError("malformed", "value", "length");
  const value = (yield* form(8)).u64le();
  if (value > 0xffffffffn) throw wireError("oversize", "value", "over 4 GiB");
  return Number(value);
}

/** Reads one bound value that is not NULL; null where its type is "null". */
export function* value(type: BoundType): Script<Taken | null> {
  const known = types.get(type.code);
  if (known === undefined) throw wireError("unsupported", "value", `type ${type.code}`);
  const { size } = known;
  if (size === 0) return null;
  const count = size === "byte" ? yield* byte() : size ?? (yield* length());
  return yield { count };
}

/** A bound value as the record shows it; null for NULL. */
export function shown(type: BoundType, taken: Taken | null): Parameter {
  const name = typeName(type);
  if (taken === null) return { type: name, value: null, encoding: "text" };
  const { front, bytes, sha256 } = taken;
  const isWhole = front.length === bytes;
  const read = types.get(type.code)?.read;
  if (read !== undefined && isWhole) return { type: name, ...readWhole(front, type, read) };
  const text = isWhole ? utf8(front) : textPrefix(front);
  const what = text === null
    ? { type: name, value: base64(front), encoding: "base64" as const }
    : { type: name, value: text, encoding: "text" as const };
  return isWhole ? what : { ...what, bytes, sha256 };
}

function readWhole(
  front: Uint8Array,
  { isUnsigned }: BoundType,
  read: NonNullable<Known["read"]>,
): Pick<Parameter, "value" | "encoding"> {
  try {
    return { value: read(new ByteReader(front), isUnsigned), encoding: "text" };
  } catch {
    return { value: base64(front), encoding: "base64" };
  }
}

/** A value that came by itself, ahead of its statement, and whose type is not told with it. */
export function named(name: string, taken: Taken): Parameter {
  return { ...shown({ code: 0xfd, isUnsigned: false }, taken), type: name };
}

/** Text of a name in the form. */
export function nameOf(taken: Taken | null): string {
  return anyText(taken?.front.subarray(0, 128) ?? new Uint8Array(0));
}
