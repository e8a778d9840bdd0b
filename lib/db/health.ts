/**
 * Whether the databases of this agent answer: asked again and again, more rarely while one doesn't.
 */
import { Fault } from "../core/fault.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import { UpstreamRefused } from "../wire/upstream_refused.ts";
import { type ConnectPowers, probe } from "./connect.ts";
import { connectMsMax, probePeriodMs } from "./limits.ts";
import type { DatabaseTarget } from "./targets.ts";
import { within } from "./within.ts";

export interface DatabaseHealth {
  readonly name: string;
  /** Null until it was asked once. */
  readonly healthy: boolean | null;
  /** Why it isn't; empty where it is. */
  readonly reason: string;
}

export type HealthPowers = ConnectPowers & { readonly signal: AbortSignal };

/** Without a user nobody can log in: what is asked is TCP, TLS, and who the certificate is of. */
export class HealthProbes {
  readonly #powers: HealthPowers;
  readonly #known = new Map<string, DatabaseHealth>();
  readonly #running: readonly Promise<void>[];

  constructor(targets: Iterable<DatabaseTarget>, powers: HealthPowers) {
    this.#powers = powers;
    this.#running = [...targets].map((target) => this.#watch(target));
  }

  get all(): readonly DatabaseHealth[] {
    return [...this.#known.values()];
  }

  /** Resolves when the service's signal has ended all probes. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #watch(target: DatabaseTarget): Promise<void> {
    const { clock, random, signal } = this.#powers;
    const { name } = target.resource.metadata;
    this.#known.set(name, { name, healthy: null, reason: "" });
    for (let failures = 0; !signal.aborted;) {
      const reason = await this.#ask(target);
      if (signal.aborted) return;
      this.#known.set(name, { name, healthy: reason === null, reason: reason ?? "" });
      const jitter = fractionOf(random.bytes(4));
      const waitMs = reason === null
        ? probePeriodMs * (0.5 + jitter)
        : backoff(failures, jitter, { firstMs: 1_000, maxMs: probePeriodMs });
      failures = reason === null ? 0 : failures + 1;
      await clock.sleep(waitMs, signal).catch(() => {});
    }
  }

  /** What is wrong with it; null if nothing. */
  async #ask(target: DatabaseTarget): Promise<string | null> {
    try {
      await within(this.#powers, connectMsMax, (signal) => probe(target, this.#powers, signal));
      return null;
    } catch (thrown) {
      if (thrown instanceof Fault) return thrown.shown;
      return thrown instanceof UpstreamRefused ? thrown.message : "it does not speak its protocol";
    }
  }
}
