import { latin1 } from "./latin1.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to here looking at each byte is quicker than a call to the decoder. */
const SHORT_BYTES = 64;

/** Text of UTF-8 bytes, or null where they are something else. */
export function utf8(bytes: Uint8Array): string | null {
  if (bytes.length <= SHORT_BYTES) {
    const text = shortAscii(bytes);
    if (text !== null) return text;
  }
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

function shortAscii(bytes: Uint8Array): string | null {
  for (let at = 0; at < bytes.length; at++) if ((bytes[at] ?? 0) > 0x7f) return null;
  // Not by a spread, nor character by character: both take several times as long.
  return Reflect.apply(String.fromCharCode, null, bytes);
}

/**
 * Text of bytes in whatever encoding the client uses: UTF-8 where they are, else each byte as the
 * character of its number (Latin-1), from which the bytes can be had back.
 */
export function anyText(bytes: Uint8Array): string {
  return utf8(bytes) ?? latin1(bytes);
}

/**
 * Text of the front of a longer UTF-8 text, null where it is something else: a character cut in two
 * at the end is left out.
 */
export function textPrefix(bytes: Uint8Array): string | null {
  for (let cut = 0; cut < 4 && cut <= bytes.length; cut++) {
    const text = utf8(bytes.subarray(0, bytes.length - cut));
    if (text !== null) return text;
  }
  return null;
}

export function base64(bytes: Uint8Array): string {
  return btoa(latin1(bytes));
}

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
