import type { Clock } from "../core/clock.ts";
import { strangerEventBurst, strangerEventPeriodMs } from "./limits.ts";

/**
 * Bounds the events about clients that could not show who they are: anybody on the internet could
 * fill the spool with them, which would end the sessions of others.
 */
export class StrangerEvents {
  readonly #clock: Clock;
  /** The theoretical time of the next one (GCRA). */
  #due = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one; false where it is one too many. */
  take(): boolean {
    const now = this.#clock.monotonic();
    const due = Math.max(this.#due, now);
    if (due - now > (strangerEventBurst - 1) * strangerEventPeriodMs) return false;
    this.#due = due + strangerEventPeriodMs;
    return true;
  }
}
