import type { ByteReader } from "../../bytes/reader.ts";

const DAY_US = 86_400_000_000n;
/** Days from 0000-03-01 to 2000-01-01, the database's epoch. */
const EPOCH_DAYS = 730_425;

/** date_send: days since 2000-01-01. */
export function dateText(from: ByteReader): string {
  const days = from.i32be();
  if (days === 0x7fffffff) return "infinity";
  if (days === -0x80000000) return "-infinity";
  const { text, era } = civil(days);
  return text + era;
}

/** time_send: microseconds since midnight. */
export function timeText(from: ByteReader): string {
  return clockText(from.i64be());
}

/** timestamp_send: microseconds since 2000-01-01; `zone` follows the clock. */
export function timestampText(from: ByteReader, zone: string): string {
  const us = from.i64be();
  if (us === 0x7fffffffffffffffn) return "infinity";
  if (us === -0x8000000000000000n) return "-infinity";
  const inDay = ((us % DAY_US) + DAY_US) % DAY_US;
  const { text, era } = civil(Number((us - inDay) / DAY_US));
  return `${text} ${clockText(inDay)}${zone}${era}`;
}

/** interval_send: microseconds, days, months. */
export function intervalText(from: ByteReader): string {
  const us = from.i64be();
  const days = from.i32be();
  const months = from.i32be();
  const parts: string[] = [];
  if (months !== 0) parts.push(`${months} mons`);
  if (days !== 0) parts.push(`${days} days`);
  if (us !== 0n || parts.length === 0) parts.push((us < 0n ? "-" : "") + clockText(abs(us)));
  return parts.join(" ");
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** HH:MM:SS with as many decimals as are not zero. */
function clockText(us: bigint): string {
  const seconds = us / 1_000_000n;
  const fraction = (us % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  const two = (value: bigint) => value.toString().padStart(2, "0");
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map(two).join(":");
  return fraction === "" ? clock : `${clock}.${fraction}`;
}

/**
 * Gregorian date of a day, by eras of 400 years that begin in March (so that leap days come last).
 */
function civil(days: number): { text: string; era: string } {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra -
    (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * month + 2) / 5) + 1;
  const year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0);
  const shown = year > 0 ? year : 1 - year;
  const two = (value: number) => String(value).padStart(2, "0");
  const monthNumber = month < 10 ? month + 3 : month - 9;
  return {
    text: `${String(shown).padStart(4, "0")}-${two(monthNumber)}-${two(day)}`,
    era: year > 0 ? "" : " BC",
  };
}
