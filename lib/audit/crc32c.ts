/**
 * Four tables in one: the first says what a byte makes of the sum, the others what it makes once
 * one, two or three zero bytes follow, so that four bytes are a step.
 */
const table = makeTable();

/** CRC-32C (Castagnoli, as in RFC 3720 appendix B.4) of `bytes` from `start` to `end`. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    crc ^= view.getInt32(at, true);
    crc = (table[768 + (crc & 0xff)] ?? 0) ^ (table[512 + ((crc >>> 8) & 0xff)] ?? 0) ^
      (table[256 + ((crc >>> 16) & 0xff)] ?? 0) ^ (table[crc >>> 24] ?? 0);
  }
  for (; at < end; at += 1) {
    crc = (table[(crc ^ view.getUint8(at)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

function makeTable(): Int32Array {
  const made = new Int32Array(1024);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < 1024; at += 1) {
    const before = made[at - 256] ?? 0;
    made[at] = (made[before & 0xff] ?? 0) ^ (before >>> 8);
  }
  return made;
}
