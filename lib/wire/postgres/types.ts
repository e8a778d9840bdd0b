import { ByteReader } from "../../bytes/reader.ts";
import { dateText, intervalText, timestampText, timeText } from "./datetime.ts";
import { numericText } from "./numeric.ts";
import { anyText, hex } from "../text.ts";

/** A type of the database's catalogue whose binary form we can read. */
export interface Type {
  readonly name: string;
  /** Text form of a value's binary form, as the database itself would write it. */
  readonly read: (from: ByteReader) => string;
  /** Its binary form is its text, so that a part of it can be read. */
  readonly isText?: boolean;
}

const text = (name: string): Type => ({
  name,
  read: (from) => anyText(from.rest()),
  isText: true,
});

/** By OID; these are fixed in the source of PostgreSQL (pg_type.dat) and never change. */
const scalars: ReadonlyMap<number, Type> = new Map<number, Type>([
  [16, { name: "bool", read: (from) => from.u8() === 0 ? "f" : "t" }],
  [17, { name: "bytea", read: (from) => `\\x${hex(from.rest())}` }],
  [18, text("char")],
  [19, text("name")],
  [20, { name: "int8", read: (from) => from.i64be().toString() }],
  [21, { name: "int2", read: (from) => from.i16be().toString() }],
  [23, { name: "int4", read: (from) => from.i32be().toString() }],
  [25, text("text")],
  [26, { name: "oid", read: (from) => from.u32be().toString() }],
  [114, text("json")],
  [142, text("xml")],
  [700, { name: "float4", read: (from) => float4Text(from.f32be()) }],
  [701, { name: "float8", read: (from) => floatText(from.f64be(), 15) }],
  [705, text("unknown")],
  [1042, text("bpchar")],
  [1043, text("varchar")],
  [1082, { name: "date", read: dateText }],
  [1083, { name: "time", read: timeText }],
  [1114, { name: "timestamp", read: (from) => timestampText(from, "") }],
  [1184, { name: "timestamptz", read: (from) => timestampText(from, "+00") }],
  [1186, { name: "interval", read: intervalText }],
  [1700, { name: "numeric", read: numericText }],
  [2950, { name: "uuid", read: uuidText }],
  [3802, { name: "jsonb", read: jsonbText }],
]);

/** Arrays by OID, with the OID of their elements. */
const elements: ReadonlyMap<number, number> = new Map([
  [199, 114],
  [1000, 16],
  [1001, 17],
  [1003, 19],
  [1005, 21],
  [1007, 23],
  [1009, 25],
  [1014, 1042],
  [1015, 1043],
  [1016, 20],
  [1021, 700],
  [1022, 701],
  [1028, 26],
  [1115, 1114],
  [1182, 1082],
  [1183, 1083],
  [1185, 1184],
  [1187, 1186],
  [1231, 1700],
  [2951, 2950],
  [3807, 3802],
]);

/** The type of an OID, or null where we don't know it. */
export function typeOf(oid: number): Type | null {
  const scalar = scalars.get(oid);
  if (scalar !== undefined) return scalar;
  const element = scalars.get(elements.get(oid) ?? 0);
  if (element === undefined) return null;
  return { name: `${element.name}[]`, read: (from) => arrayText(from, element) };
}

/** Shortest text that reads back as the same 4-byte number. */
function float4Text(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return floatText(short, 6);
  }
  return floatText(value === 0 ? value : Number(value.toPrecision(9)), 6);
}

/**
 * The shortest digits, with an exponent below 1e-4 and from 10 to the `plainDigits` on, as the
 * server does.
 */
function floatText(value: number, plainDigits: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", power = "0"] = Math.abs(value).toExponential().split("e");
  const exponent = Number(power);
  const sign = value < 0 ? "-" : "";
  if (exponent < -4 || exponent >= plainDigits) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  const digits = mantissa.replace(".", "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = digits.slice(exponent + 1);
  return sign + whole + (rest === "" ? "" : `.${rest}`);
}

function uuidText(from: ByteReader): string {
  const digits = hex(from.bytes(16));
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function jsonbText(from: ByteReader): string {
  if (from.u8() !== 1) throw new RangeError("Version of jsonb");
  return anyText(from.rest());
}

const MAX_DIMENSIONS = 6; // MAXDIM of the server

/** array_send: dimensions, null flag, element type, size and lower bound of each, then elements. */
function arrayText(from: ByteReader, element: Type): string {
  const dimensions = from.i32be();
  from.skip(8);
  if (dimensions === 0) return "{}";
  if (dimensions < 0 || dimensions > MAX_DIMENSIONS) throw new RangeError("Dimensions");
  const sizes: number[] = [];
  for (let at = 0; at < dimensions; at++) {
    sizes.push(from.i32be());
    from.skip(4);
  }
  // Each element has a length of 4 bytes: a few bytes can't announce more than there are.
  const count = sizes.reduce((product, size) => product * Math.max(size, 0), 1);
  if (sizes.some((size) => size < 1) || count > from.left / 4) throw new RangeError("Sizes");
  return arrayLevel(from, element, sizes, 0);
}

function arrayLevel(
  from: ByteReader,
  element: Type,
  sizes: readonly number[],
  level: number,
): string {
  const size = sizes[level];
  if (size === undefined) return arrayElement(from, element);
  const parts: string[] = [];
  for (let at = 0; at < size; at++) parts.push(arrayLevel(from, element, sizes, level + 1));
  return `{${parts.join(",")}}`;
}

function arrayElement(from: ByteReader, element: Type): string {
  const bytes = from.i32be();
  if (bytes === -1) return "NULL";
  const inner = new ByteReader(from.bytes(bytes));
  const value = element.read(inner);
  if (inner.left > 0) throw new RangeError("Element too long");
  const plain = /^[^\s{}",\\]+$/.test(value) && value.toUpperCase() !== "NULL";
  return plain ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`;
}
