import { concat } from "../../lib/bytes/writer.ts";

/** The bytes in pieces of these sizes. */
export function* cut(bytes: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(at + size(), bytes.length);
    yield bytes.slice(at, end);
    at = end;
  }
}

/** One to three damages: a bit, a byte, an extreme length, bytes left out, doubled or moved. */
export function mutate(bytes: Uint8Array, next: () => number): Uint8Array {
  let bad: Uint8Array = bytes.slice();
  for (let count = 1 + next() % 3; count > 0 && bad.length > 0; count--) {
    const at = next() % bad.length;
    const length = 1 + next() % 16;
    switch (next() % 6) {
      case 0:
        bad[at] = (bad[at] ?? 0) ^ (1 << (next() % 8));
        break;
      case 1:
        bad[at] = next() & 255;
        break;
      case 2:
        bad.set((extremes[next() % extremes.length] ?? []).slice(0, bad.length - at), at);
        break;
      case 3:
        bad = concat([bad.subarray(0, at), bad.subarray(at + length)]);
        break;
      case 4:
        bad = concat([bad.subarray(0, at), bad.subarray(at, at + length), bad.subarray(at)]);
        break;
      default:
        bad.copyWithin(at, next() % bad.length, next() % bad.length);
    }
  }
  return bad;
}

/** Most cuts are coarse: fine ones cost the most and find the least. */
export const cuts: readonly number[] = [7, 50, 500, 5000, 5000, 5000];

const extremes: readonly (readonly number[])[] = [
  [0, 0, 0, 0],
  [0, 0, 0, 3],
  [0xff, 0xff, 0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0, 0, 0],
  [0x3f, 0xff, 0xff, 0xff],
  [0, 1, 0, 0],
];

/** Whether `whole` begins with `front`. */
export function isFront(front: Uint8Array, whole: Uint8Array): boolean {
  if (front.length > whole.length) return false;
  for (let at = 0; at < front.length; at++) {
    if (front[at] !== whole[at]) return false;
  }
  return true;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same numbers for the same seed, on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
}

/** Whether `whole` has all of `part`, in order, with gaps. */
export function isWithin(part: Uint8Array, whole: Uint8Array): boolean {
  let at = 0;
  for (const byte of part) {
    at = whole.indexOf(byte, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
