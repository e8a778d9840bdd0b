/** Memory once what was let go is given back to the system. */
import { delay } from "../lab/tools.ts";

/** Between two looks, ms. */
const lookMs = 5_000;
/** Looks at which it has not become less. */
export const settledLooks = 4;

/** Looks on until memory no longer falls, which takes longer on a busy machine. */
export async function settled(memory: () => number, looks = settledLooks): Promise<number> {
  let least = memory();
  for (let same = 0; same < looks;) {
    await delay(lookMs);
    const now = memory();
    same = now < least * 0.995 ? 0 : same + 1;
    least = Math.min(least, now);
  }
  return least;
}
