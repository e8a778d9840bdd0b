/**
 * What the server's scanner refuses inside of a string constant with escapes (E'...'), before it
 * takes note of the statement. ("String Constants with C-Style Escapes")
 */
import { utf8 } from "../text.ts";

const unicode = /\\(?:u([\dA-Fa-f]{4})|U([\dA-Fa-f]{8}))/y;
const byte = /\\(?:x([\dA-Fa-f]{1,2})|([0-7]{1,3}))/y;
const encoder = new TextEncoder();

/** Where a Unicode escape is broken, or no character, in a constant that begins at `start`. */
export function brokenEscapeAt(text: string, start: number, end: number): number | null {
  let isHalf = false;
  for (let at = start + 2; at < end;) {
    unicode.lastIndex = at;
    const found = unicode.exec(text);
    if (found === null) {
      const isEscape = text[at] === "\\";
      if (isHalf || (isEscape && /[uU]/.test(text[at + 1] ?? ""))) return at;
      at += isEscape ? 2 : 1;
      continue;
    }
    const code = Number.parseInt(found[1] ?? found[2] ?? "", 16);
    const isSecond = code >= 0xdc00 && code <= 0xdfff;
    if (isSecond !== isHalf || code === 0 || code > 0x10ffff) return at;
    isHalf = code >= 0xd800 && code <= 0xdbff;
    at += found[0].length;
  }
  return null;
}

/** Do byte escapes make of a constant between `start` and `end` what is no text of UTF-8? */
export function hasBrokenBytes(text: string, start: number, end: number): boolean {
  const bytes: number[] = [];
  let escaped = false;
  for (let at = start + 2; at < end - 1;) {
    byte.lastIndex = at;
    const found = byte.exec(text);
    if (found !== null) {
      const value = Number.parseInt(found[1] ?? found[2] ?? "", found[1] === undefined ? 8 : 16);
      bytes.push(value & 0xff);
      escaped ||= value === 0 || value > 0x7f;
      at += found[0].length;
      continue;
    }
    if (text[at] === "\\") at += 1;
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    bytes.push(...encoder.encode(character));
    at += character.length;
  }
  return escaped && (bytes.includes(0) || utf8(Uint8Array.from(bytes)) === null);
}
