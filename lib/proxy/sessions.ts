import type { Clock } from "../core/clock.ts";
import { asFault, type Fault } from "../core/fault.ts";
import { lockGraceMs } from "./limits.ts";
import type { Routed } from "./route.ts";

/** A client that was let through to an agent. */
export interface LiveSession {
  readonly routed: Routed;
  /** Throws a Fault where the client's certificate is no longer good. */
  readonly verify: () => void;
}

/** The sessions that go through this proxy now. */
export class LiveSessions {
  readonly #clock: Clock;
  readonly #live = new Set<LiveSession>();
  #empty: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#live.size;
  }

  add(session: LiveSession): void {
    this.#live.add(session);
    session.routed.ended.then(() => this.#remove(session), () => this.#remove(session));
  }

  /**
   * Locks, users or authorities have changed: ends those that may not go on. The agent tells the
   * client in its own protocol; the proxy is there for an agent that doesn't.
   */
  reconsider(): void {
    for (const session of this.#live) {
      if (whyNot(session) === null) continue;
      this.#clock.after(lockGraceMs, () => {
        const fault = whyNot(session);
        if (fault !== null && this.#live.has(session)) session.routed.abort(fault);
      });
    }
  }

  abortAll(fault: Fault): void {
    for (const session of [...this.#live]) session.routed.abort(fault);
  }

  /** Resolves once there is none. */
  whenEmpty(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#empty.push(resolve));
  }

  #remove(session: LiveSession): void {
    this.#live.delete(session);
    if (this.#live.size > 0) return;
    const waiting = this.#empty;
    this.#empty = [];
    for (const resolve of waiting) resolve();
  }
}

/** A session may outlive its certificate as far as the agent lets it; everything else ends it. */
function whyNot({ verify }: LiveSession): Fault | null {
  try {
    verify();
    return null;
  } catch (thrown) {
    const fault = asFault(thrown);
    return fault.code === "ca.expired" ? null : fault;
  }
}
