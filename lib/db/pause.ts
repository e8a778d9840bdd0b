import type { Clock } from "../core/clock.ts";

/** The pause between two turns of a loop, which news can cut short down to a floor. */
export class Pause {
  readonly #clock: Clock;
  readonly #floorMs: number;
  #isDue = false;
  #asleep: AbortController | null = null;

  constructor(clock: Clock, floorMs: number) {
    this.#clock = clock;
    this.#floorMs = floorMs;
  }

  /** There is news: this pause, or else the next one, lasts no longer than the floor. */
  cut(): void {
    this.#isDue = true;
    this.#asleep?.abort();
  }

  /** Resolves after `ms` or earlier by news, and when aborted. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const floorMs = Math.min(ms, this.#floorMs);
    await this.#clock.sleep(floorMs, signal).catch(() => {});
    if (!this.#isDue && ms > floorMs && !signal.aborted) {
      this.#asleep = new AbortController();
      const woken = AbortSignal.any([signal, this.#asleep.signal]);
      await this.#clock.sleep(ms - floorMs, woken).catch(() => {});
      this.#asleep = null;
    }
    this.#isDue = false;
  }
}
