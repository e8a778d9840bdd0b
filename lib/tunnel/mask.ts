/**
 * XORs `bytes` in place with a four-byte key that starts at key byte `phase` (RFC 6455 §5.3).
 * Returns the phase for the bytes that follow. Goes word by word where the buffer allows it.
 */
export function mask(bytes: Uint8Array, key: Uint8Array, phase: number): number {
  const end = bytes.length;
  let at = 0;
  for (; at < end && ((bytes.byteOffset + at) & 3) !== 0; at++) {
    bytes[at] = (bytes[at] ?? 0) ^ (key[(phase + at) & 3] ?? 0);
  }
  const words = (end - at) >>> 2;
  if (words > 0) {
    const shifted = Uint8Array.from({ length: 4 }, (_, i) => key[(phase + at + i) & 3] ?? 0);
    const word = new Uint32Array(shifted.buffer)[0] ?? 0;
    const view = new Uint32Array(bytes.buffer, bytes.byteOffset + at, words);
    for (let i = 0; i < words; i++) view[i] = (view[i] ?? 0) ^ word;
    at += words * 4;
  }
  for (; at < end; at++) bytes[at] = (bytes[at] ?? 0) ^ (key[(phase + at) & 3] ?? 0);
  return (phase + end) & 3;
}
