/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/** A timer that was started; cancelling twice is harmless. */
export interface Timer {
  cancel(): void;
}

/** Time as a power that is handed in, so that tests can step it. */
export interface Clock {
  /** Wall clock, in milliseconds since the epoch. */
  now(): EpochMs;
  /** Monotonic milliseconds with fractions, for durations only. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`; an unfinished timer never keeps the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` every `periodMs` until cancelled; never keeps the process alive. */
  every(periodMs: number, run: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** RFC 3339 in UTC with milliseconds, as every event and resource writes times. */
export function rfc3339(at: EpochMs): string {
  // Many share a millisecond, most a second.
  if (at === lastAt) return lastText;
  const ms = at - lastSecond;
  if (Number.isInteger(ms) && ms >= 0 && ms < 1000) {
    lastText = `${upToSecond}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
  } else {
    lastText = new Date(at).toISOString();
    lastSecond = Math.floor(at / 1000) * 1000;
    upToSecond = lastText.slice(0, -4);
  }
  lastAt = at;
  return lastText;
}

let lastAt = NaN;
let lastText = "";
let lastSecond = NaN;
let upToSecond = "";
