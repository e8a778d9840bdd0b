/** What each user does on this agent, all sessions together. */
import type { Clock } from "../core/clock.ts";

interface Counts {
  sessions: number;
  /** Statements since `windowAt`, monotonic milliseconds. */
  statements: number;
  windowAt: number;
}

const windowMs = 60_000;
/** Users remembered without a session; their minute is over long before there are so many. */
const usersMax = 10_000;

export class UserCounts {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #users = new Map<string, Counts>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Takes a place for one more session; false where the user has `max` of them already. */
  enter(user: string, max: number): boolean {
    const counts = this.#of(user);
    if (counts.sessions >= max) return false;
    counts.sessions += 1;
    return true;
  }

  leave(user: string): void {
    const counts = this.#of(user);
    counts.sessions = Math.max(0, counts.sessions - 1);
  }

  /** Counts statements; false where they are too many for this minute. */
  statement(user: string, max: number, count: number = 1): boolean {
    const counts = this.#of(user);
    const now = this.#clock.monotonic();
    if (now - counts.windowAt >= windowMs) {
      counts.windowAt = now;
      counts.statements = 0;
    }
    counts.statements += count;
    return counts.statements <= max;
  }

  #of(user: string): Counts {
    const known = this.#users.get(user);
    if (known !== undefined) return known;
    if (this.#users.size >= usersMax) this.#forget();
    const fresh = { sessions: 0, statements: 0, windowAt: this.#clock.monotonic() };
    this.#users.set(user, fresh);
    return fresh;
  }

  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [user, { sessions, windowAt }] of this.#users) {
      if (sessions === 0 && now - windowAt >= windowMs) this.#users.delete(user);
    }
  }
}
