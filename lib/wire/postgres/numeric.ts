import type { ByteReader } from "../../bytes/reader.ts";
import { limits } from "./limits.ts";

/** Digits before the point that are written out; a few bytes can stand for 131,072. */
const MAX_WHOLE = limits.parameterCharacters;
const NEGATIVE = 0x4000;
const specials: ReadonlyMap<number, string> = new Map([
  [0xc000, "NaN"],
  [0xd000, "Infinity"],
  [0xf000, "-Infinity"],
]);
/** Digits of four after the point that may follow; NUMERIC_MAX_DISPLAY_SCALE is far below. */
const MAX_SCALE = 16_383;

/**
 * numeric_send: count, weight of the first, sign, digits after the point, then digits of base
 * 10,000.
 */
export function numericText(from: ByteReader): string {
  const count = from.u16be();
  const weight = from.i16be();
  const sign = from.u16be();
  const scale = from.u16be();
  const special = specials.get(sign);
  if (special !== undefined) return special;
  if (sign !== 0 && sign !== NEGATIVE) throw new RangeError("Sign of numeric");
  if (scale > MAX_SCALE) throw new RangeError("Scale of numeric");
  if (4 * (weight + 1) > MAX_WHOLE) throw new RangeError("Digits of numeric");
  const digits: number[] = [];
  for (let at = 0; at < count; at++) digits.push(from.u16be());
  const group = (at: number) => String(digits[at] ?? 0).padStart(4, "0");
  let whole = "";
  for (let at = 0; at <= weight; at++) whole += group(at);
  let fraction = "";
  for (let at = weight + 1; fraction.length < scale; at++) fraction += at < 0 ? "0000" : group(at);
  const left = whole.replace(/^0+(?=\d)/, "") || "0";
  const right = scale > 0 ? `.${fraction.slice(0, scale)}` : "";
  return `${sign === NEGATIVE ? "-" : ""}${left}${right}`;
}
