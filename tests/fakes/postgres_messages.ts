import { ByteWriter, concat } from "../../lib/bytes/writer.ts";

/** Messages as a PostgreSQL client or server writes them; independent of what reads them. */

const encoder = new TextEncoder();

export function message(type: string, ...parts: (Uint8Array | string)[]): Uint8Array {
  const body = concat(parts.map((part) => typeof part === "string" ? encoder.encode(part) : part));
  const out = new ByteWriter(body.length + 5);
  if (type !== "") out.utf8(type);
  return out.u32be(body.length + 4).bytes(body).finish();
}

export const i16 = (value: number): Uint8Array => new ByteWriter(2).i16be(value).finish();
export const i32 = (value: number): Uint8Array => new ByteWriter(4).i32be(value).finish();
const z = "\0";

export const query = (text: string | Uint8Array): Uint8Array => message("Q", text, z);
export const sync: Uint8Array = message("S");
export const flush: Uint8Array = message("H");
export const terminate: Uint8Array = message("X");

export function parse(name: string, text: string | Uint8Array, types: number[] = []): Uint8Array {
  return message("P", name, z, text, z, i16(types.length), ...types.map(i32));
}

export type Value = Uint8Array | string | null;

export function bind(
  portal: string,
  statement: string,
  values: readonly Value[] = [],
  formats: readonly number[] = [],
): Uint8Array {
  const written = values.flatMap((value) => {
    if (value === null) return [i32(-1)];
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    return [i32(bytes.length), bytes];
  });
  return message(
    "B",
    portal,
    z,
    statement,
    z,
    i16(formats.length),
    ...formats.map(i16),
    i16(values.length),
    concat(written),
    i16(0),
  );
}

export const execute = (portal: string = "", rows: number = 0): Uint8Array =>
  message("E", portal, z, i32(rows));
export const describe = (what: "S" | "P", name: string = ""): Uint8Array =>
  message("D", what, name, z);
export const close = (what: "S" | "P", name: string = ""): Uint8Array =>
  message("C", what, name, z);

/** The usual four: Parse, Bind, Execute of the unnamed statement and portal. */
export function run(text: string, values: readonly Value[] = []): Uint8Array {
  return concat([parse("", text), bind("", "", values), execute()]);
}

export function call(oid: number, values: readonly Value[] = []): Uint8Array {
  const written = values.flatMap((value) => {
    if (value === null) return [i32(-1)];
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    return [i32(bytes.length), bytes];
  });
  return message("F", i32(oid), i16(0), i16(values.length), ...written, i16(0));
}

export const copyData = (bytes: Uint8Array | string): Uint8Array => message("d", bytes);
export const copyDone: Uint8Array = message("c");
export const copyFail = (why: string): Uint8Array => message("f", why, z);

// What a server says.

export const ready = (status: "I" | "T" | "E" = "I"): Uint8Array => message("Z", status);
export const complete = (tag: string): Uint8Array => message("C", tag, z);
export const parseComplete: Uint8Array = message("1");
export const bindComplete: Uint8Array = message("2");
export const closeComplete: Uint8Array = message("3");
export const noData: Uint8Array = message("n");
export const emptyQuery: Uint8Array = message("I");
export const suspended: Uint8Array = message("s");
export const rowDescription: Uint8Array = message("T", i16(0));
export const row = (bytes: number): Uint8Array => message("D", new Uint8Array(bytes));
export const copyIn: Uint8Array = message("G", "\0", i16(0));
export const copyOut: Uint8Array = message("H", "\0", i16(0));
export const parameterTypes = (types: readonly number[]): Uint8Array =>
  message("t", i16(types.length), ...types.map(i32));
export const parameterStatus = (name: string, value: string): Uint8Array =>
  message("S", name, z, value, z);
export const notice = (text: string): Uint8Array => message("N", "SNOTICE", z, "M", text, z, z);

export function error(code: string, text: string, more: Record<string, string> = {}): Uint8Array {
  const fields = { S: "ERROR", V: "ERROR", C: code, M: text, ...more };
  return message("E", Object.entries(fields).map(([k, v]) => k + v + z).join(""), z);
}
