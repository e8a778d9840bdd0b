/** Hash slots (Redis cluster specification, "Key distribution model"). */

export const slotsMax = 16_384;

const polynomial = 0x1021;
const table = makeTable();

/** The slot of a key: CRC16 of all of it, or of the first `{tag}` in it that isn't empty. */
export function slotOf(key: Uint8Array): number {
  const open = key.indexOf(0x7b);
  if (open < 0) return crc16(key) % slotsMax;
  const close = key.indexOf(0x7d, open + 1);
  return crc16(close <= open + 1 ? key : key.subarray(open + 1, close)) % slotsMax;
}

/** CRC16-CCITT (XMODEM): no reflection, starts at 0. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (let at = 0; at < bytes.length; at++) {
    crc = ((crc << 8) & 0xffff) ^ (table[((crc >> 8) ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  }
  return crc;
}

function makeTable(): Uint16Array {
  const made = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = ((crc << 1) ^ ((crc & 0x8000) === 0 ? 0 : polynomial)) & 0xffff;
    }
    made[byte] = crc;
  }
  return made;
}
