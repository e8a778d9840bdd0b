import type { Clock, EpochMs, Timer } from "../../lib/core/clock.ts";

interface Due {
  at: number;
  readonly order: number;
  readonly periodMs: number | null;
  readonly run: () => void;
}

/** A clock that stands still until it is stepped. Timers run in order of their due time. */
export class SteppingClock implements Clock {
  #elapsed = 0;
  #order = 0;
  readonly #start: EpochMs;
  readonly #timers = new Set<Due>();

  constructor(start: EpochMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#start = start;
  }

  /** Timers not yet run or cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): EpochMs {
    return this.#start + Math.floor(this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#add(delayMs, null, run);
  }

  every(periodMs: number, run: () => void): Timer {
    return this.#add(periodMs, Math.max(1, periodMs), run);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const aborted = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = this.after(delayMs, () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    });
    signal?.addEventListener("abort", aborted, { once: true });
    return promise;
  }

  /** Moves time on and runs what is due, without letting promises run in between. */
  advance(ms: number): void {
    const until = this.#elapsed + ms;
    for (let due = this.#next(until); due !== null; due = this.#next(until)) this.#run(due);
    this.#elapsed = until;
  }

  /** Moves time on and lets promises settle before the first timer and after each. */
  async step(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await settled();
    for (let due = this.#next(until); due !== null; due = this.#next(until)) {
      this.#run(due);
      await settled();
    }
    this.#elapsed = until;
    await settled();
  }

  #run(due: Due): void {
    this.#elapsed = Math.max(this.#elapsed, due.at);
    if (due.periodMs === null) this.#timers.delete(due);
    else due.at += due.periodMs;
    due.run();
  }

  #next(until: number): Due | null {
    let first: Due | null = null;
    for (const due of this.#timers) {
      if (due.at > until) continue;
      if (first === null || due.at < first.at || (due.at === first.at && due.order < first.order)) {
        first = due;
      }
    }
    return first;
  }

  #add(delayMs: number, periodMs: number | null, run: () => void): Timer {
    const due: Due = {
      at: this.#elapsed + Math.max(0, delayMs),
      order: this.#order++,
      periodMs,
      run,
    };
    this.#timers.add(due);
    return { cancel: () => void this.#timers.delete(due) };
  }
}

/** Lets all promises and microtasks that can run now run; a turn of the event loop passes. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
