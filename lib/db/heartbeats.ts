/** Tells Auth that this agent lives, what it serves, and how it found that. */
import type { AuthClient, CallInput } from "../api/contract.ts";
import type { Clock } from "../core/clock.ts";
import { asFault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import { newsMs } from "./limits.ts";
import { Pause } from "./pause.ts";
import type { KnownProxy } from "./proxy_tunnels.ts";

export interface HeartbeatPowers {
  readonly auth: Pick<AuthClient, "call">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface HeartbeatOptions {
  /** What to tell at this moment. */
  readonly content: () => CallInput<"agents.heartbeat">;
  /** Given the proxies that Auth knows. */
  readonly answered: (proxies: readonly KnownProxy[]) => void;
}

/** One each period that Auth names, one soon after a change, and again and again without answer. */
export class Heartbeats {
  /** Resolves once the signal has ended them. */
  readonly ended: Promise<void>;
  readonly #powers: HeartbeatPowers;
  readonly #options: HeartbeatOptions;
  readonly #pause: Pause;
  #heard = false;

  constructor(powers: HeartbeatPowers, options: HeartbeatOptions) {
    this.#powers = powers;
    this.#options = options;
    this.#pause = new Pause(powers.clock, newsMs);
    this.ended = this.#run();
  }

  /** The last one was answered. */
  get heard(): boolean {
    return this.#heard;
  }

  /** What is told has changed. */
  soon(): void {
    this.#pause.cut();
  }

  async #run(): Promise<void> {
    const { auth, clock, random, log, signal } = this.#powers;
    for (let failures = 0; !signal.aborted;) {
      try {
        const content = this.#options.content();
        const { proxies, period_s } = await auth.call("agents.heartbeat", content, signal);
        failures = 0;
        this.#heard = true;
        this.#options.answered(proxies);
        await this.#pause.wait(Math.max(1, period_s) * 1000, signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const { code, message } = asFault(thrown);
        log.warn("a heartbeat failed", { code, message });
        this.#heard = false;
        // News is no reason to ask an Auth Service that is away more often.
        const waitMs = backoff(failures++, fractionOf(random.bytes(4)));
        await clock.sleep(waitMs, signal).catch(() => {});
      }
    }
  }
}
