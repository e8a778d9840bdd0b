import type { Clock, Timer } from "../core/clock.ts";

/**
 * Far below the idle limits of load balancers: it says how soon a cut link is noticed. TCP itself
 * would repeat what nobody acknowledges for a quarter of an hour.
 */
export const keepaliveMsDefault = 3_000;
const missedMax = 2;

/**
 * Asks the peer for a sign of life at a steady pace, whatever flows: behind a long queue the
 * peer's own questions arrive before its answers. Anything that arrives is a sign; after two
 * questions in a row without any (6 to 9 s of silence), the peer is taken for dead.
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
