import type { Clock } from "../core/clock.ts";

/** The real clock. Its timers never keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, bounded(delayMs));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every(periodMs, run) {
    const timer = setInterval(run, bounded(periodMs));
    timer.unref();
    return { cancel: () => clearInterval(timer) };
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const aborted = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", aborted);
        resolve();
      }, bounded(delayMs));
      signal?.addEventListener("abort", aborted, { once: true });
    });
  },
};

/** A longer delay would overflow to none at all. */
function bounded(ms: number): number {
  return Math.min(Math.max(0, ms), 2 ** 31 - 1);
}
