import type { Random } from "./random.ts";

/**
 * A number of 31 bits that a client knows its connection by. A high bit keeps it apart from the
 * numbers that databases count up themselves; not the highest, since some drivers read a signed
 * number.
 */
export function newConnectionId(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  return ((0x40 | (a & 0x3f)) << 24) + (b << 16) + (c << 8) + d;
}

/** Whether it is one of these numbers; a database gets that far after a thousand million of its. */
export function isConnectionId(id: number): boolean {
  return id >= 0x4000_0000 && id <= 0x7fff_ffff;
}
