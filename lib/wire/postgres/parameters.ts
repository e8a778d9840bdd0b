import type { Parameter } from "../protocol.ts";
import { ByteReader } from "../../bytes/reader.ts";
import type { RawParameter } from "./bind.ts";
import { limits } from "./limits.ts";
import { latin1 } from "../latin1.ts";
import { anyText, base64, hex, textPrefix } from "../text.ts";
import { type Type, typeOf } from "./types.ts";

/** A bound value as the record shows it; `oid` is its type, 0 where not told. */
export function decodeParameter(raw: RawParameter, oid: number): Parameter {
  const known = typeOf(oid);
  const type = known?.name ?? (oid === 0 ? "" : `oid ${oid}`);
  if (raw.value === null) return { type, value: null, encoding: "text" };
  const shown = raw.format === 0
    ? { value: wholeOrFront(raw, raw.value), encoding: "text" as const }
    : binary(raw, raw.value, raw.format === 1 ? known : null);
  if (raw.value.length === raw.bytes) return { type, ...shown };
  return { type, ...shown, bytes: raw.bytes, sha256: raw.sha256 };
}

function wholeOrFront(raw: RawParameter, value: Uint8Array): string {
  return value.length === raw.bytes ? anyText(value) : textPrefix(value) ?? latin1(value);
}

interface Shown {
  readonly value: string;
  readonly encoding: "text" | "base64";
}

function binary(raw: RawParameter, value: Uint8Array, type: Type | null): Shown {
  if (type?.isText) return { value: wholeOrFront(raw, value), encoding: "text" };
  if (type?.name === "bytea") return { value: `\\x${hex(value)}`, encoding: "text" };
  const text = type === null || value.length < raw.bytes ? null : readWhole(value, type);
  return text === null
    ? { value: base64(value), encoding: "base64" }
    : { value: text, encoding: "text" };
}

/**
 * Null where the bytes are no value of the type, or its text is too long for the record (numbers
 * can have very many zeros): then they are shown as they are.
 */
function readWhole(value: Uint8Array, type: Type): string | null {
  try {
    const from = new ByteReader(value);
    const text = type.read(from);
    return from.left === 0 && text.length <= limits.parameterCharacters ? text : null;
  } catch {
    return null;
  }
}
