import type { Clock, Timer } from "../core/clock.ts";

/** Below the idle limits of common load balancers (60 s, some 30 s). */
export const keepaliveMsDefault = 15_000;
const missedMax = 3;

/**
 * Asks the peer for a sign of life at a steady pace. Anything that arrives is one; after three
 * questions in a row without any, the peer is taken for dead.
 */
export class Keepalive {
  readonly #timer: Timer;
  #unanswered = 0;

  constructor(
    clock: Clock,
    options: { readonly periodMs: number; readonly ping: () => void; readonly dead: () => void },
  ) {
    this.#timer = clock.every(options.periodMs, () => {
      if (this.#unanswered >= missedMax) {
        options.dead();
        return;
      }
      this.#unanswered += 1;
      options.ping();
    });
  }

  heard(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
