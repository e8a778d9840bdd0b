import { concat } from "../../bytes/writer.ts";

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;

/**
 * Splits an inline command as the server does: words, `"..."` with escapes, `'...'` with `\'`. Null
 * where a quote is not closed, or is not followed by a space. (Redis manual, "Inline commands")
 */
export function splitInline(line: Uint8Array): readonly Uint8Array[] | null {
  const found: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(line[at])) at++;
    if (at >= line.length) return found;
    const word = readWord(line, at);
    if (word === null) return null;
    found.push(word.bytes);
    at = word.end;
  }
}

interface Word {
  readonly bytes: Uint8Array;
  readonly end: number;
}

function readWord(line: Uint8Array, start: number): Word | null {
  const parts: Uint8Array[] = [];
  let at = start;
  while (at < line.length && !isSpace(line[at])) {
    const byte = line[at];
    if (byte !== QUOTE && byte !== APOSTROPHE) {
      parts.push(line.subarray(at, at + 1));
      at += 1;
      continue;
    }
    const quoted = readQuoted(line, at + 1, byte);
    if (quoted === null) return null;
    parts.push(quoted.bytes);
    // A closing quote is followed by a space or nothing.
    at = quoted.end;
    if (at < line.length && !isSpace(line[at])) return null;
  }
  return { bytes: concat(parts), end: at };
}

function readQuoted(line: Uint8Array, start: number, quote: number): Word | null {
  const bytes: number[] = [];
  for (let at = start; at < line.length; at++) {
    const byte = line[at] ?? 0;
    if (byte === quote) return { bytes: Uint8Array.from(bytes), end: at + 1 };
    if (byte !== BACKSLASH || at + 1 === line.length) {
      bytes.push(byte);
    } else if (quote === APOSTROPHE) {
      if (line[at + 1] === APOSTROPHE) at += 1;
      bytes.push(line[at] ?? 0);
    } else {
      const hex = hexByte(line, at + 1);
      bytes.push(hex ?? escapes.get(line[at + 1] ?? 0) ?? line[at + 1] ?? 0);
      at += hex === null ? 1 : 3;
    }
  }
  return null;
}

/** `xHH` */
function hexByte(line: Uint8Array, at: number): number | null {
  const digits = String.fromCharCode(line[at] ?? 0, line[at + 1] ?? 0, line[at + 2] ?? 0);
  return /^x[0-9a-fA-F]{2}$/.test(digits) ? Number.parseInt(digits.slice(1), 16) : null;
}

const escapes: ReadonlyMap<number, number> = new Map([
  [0x6e, 0x0a], // n
  [0x72, 0x0d], // r
  [0x74, 0x09], // t
  [0x62, 0x08], // b
  [0x61, 0x07], // a
]);

/** As isspace in the C locale, and NUL, which ends the server's line. */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}
