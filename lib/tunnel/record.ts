import { Fault } from "../core/fault.ts";

/** The small JSON records of HELLO and OPEN, read strictly. Messages name fields, never values. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** Parses UTF-8 JSON that must be one object. */
export function parseRecord(body: Uint8Array, what: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw malformed(`${what} is not JSON`);
  }
  return recordOf(value, what);
}

export function recordOf(value: unknown, what: string): JsonRecord {
  if (!isRecord(value)) throw malformed(`${what} should be an object`);
  return value;
}

/** Names of all fields, at most `max`. */
export function fieldsOf(record: JsonRecord, what: string, max: number): readonly string[] {
  const names = Object.keys(record);
  if (names.length > max) throw malformed(`${what} has more than ${max} fields`);
  return names;
}

/** Refuses fields that are not in `known`. */
export function onlyFields(record: JsonRecord, known: ReadonlySet<string>, what: string): void {
  for (const name of Object.keys(record)) {
    if (!known.has(name)) throw malformed(`${what} has a field that is not known`);
  }
}

export function textOf(record: JsonRecord, name: string, charsMax: number): string {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  if (typeof value !== "string" || value.length > charsMax) {
    throw malformed(`${name} should be a text of at most ${charsMax} characters`);
  }
  return value;
}

/** The text, or undefined where the field is absent. */
export function optionalTextOf(
  record: JsonRecord,
  name: string,
  charsMax: number,
): string | undefined {
  return Object.hasOwn(record, name) ? textOf(record, name, charsMax) : undefined;
}

export function integerOf(
  record: JsonRecord,
  name: string,
  range: { readonly min: number; readonly max: number },
): number {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  const { min, max } = range;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw malformed(`${name} should be a whole number from ${min} to ${max}`);
  }
  return value;
}

export function listOf(record: JsonRecord, name: string, max: number): readonly unknown[] {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  if (!Array.isArray(value) || value.length > max) {
    throw malformed(`${name} should be a list of at most ${max}`);
  }
  return value;
}

export function malformed(message: string): Fault {
  return new Fault({ kind: "protocol", code: "tunnel.malformed", message });
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
