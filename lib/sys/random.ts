import type { Random } from "../core/random.ts";

/** The system's source of unpredictable bytes. */
export const systemRandom: Random = {
  bytes(count) {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    }
    return bytes;
  },
  uuid: () => crypto.randomUUID(),
};
