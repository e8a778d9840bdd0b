import type { Clock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";

/**
 * Runs a step that has to be done in time; the step sees a signal that also ends with the service.
 */
export async function within<T>(
  powers: { readonly clock: Clock; readonly signal: AbortSignal },
  ms: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const tooLong = new AbortController();
  const timer = powers.clock.after(ms, () => tooLong.abort(tooSlow(ms)));
  try {
    return await run(AbortSignal.any([powers.signal, tooLong.signal]));
  } finally {
    timer.cancel();
  }
}

function tooSlow(ms: number): Fault {
  return new Fault({
    kind: "network",
    code: "db.too-slow",
    message: `not done within ${ms} ms`,
    shown: `there was no answer within ${Math.round(ms / 1000)} seconds`,
  });
}
