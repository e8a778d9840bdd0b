/**
 * Whether the databases of this agent answer: asked again and again, more rarely while one doesn't.
 */
import type { Agent } from "../api/resources.ts";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import { UpstreamRefused } from "../wire/upstream_refused.ts";
import { type ConnectPowers, probe } from "./connect.ts";
import type { DatabaseFacts } from "./facts.ts";
import { connectMsMax, doubtMs, probePeriodMs, reasonCharsMax } from "./limits.ts";
import { Pause } from "./pause.ts";
import type { DatabaseTarget } from "./targets.ts";
import { within } from "./within.ts";

/** What is known of one database, as heartbeats tell it. */
export type DatabaseHealth = Agent["spec"]["health"][number];

export type HealthPowers = ConnectPowers & {
  readonly facts: DatabaseFacts;
  readonly signal: AbortSignal;
  /** Called after what is known of a database became something else. */
  readonly changed: () => void;
};

/** Without a user nobody can log in: what is asked is TCP, TLS, and who the certificate is of. */
export class HealthProbes {
  readonly #powers: HealthPowers;
  readonly #known = new Map<string, DatabaseHealth>();
  readonly #pauses = new Map<string, Pause>();
  readonly #running: readonly Promise<void>[];

  constructor(targets: Iterable<DatabaseTarget>, powers: HealthPowers) {
    this.#powers = powers;
    this.#running = [...targets].map((target) => this.#watch(target));
  }

  get all(): readonly DatabaseHealth[] {
    return [...this.#known.values()];
  }

  /**
   * A session reached its database, or could not. Where that isn't what is known, the database is
   * asked again within a second.
   */
  noticed(name: string, reached: boolean): void {
    const known = this.#known.get(name);
    if (known === undefined || (known.status === "healthy") === reached) return;
    this.#pauses.get(name)?.cut();
  }

  /** Resolves when the service's signal has ended all probes. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #watch(target: DatabaseTarget): Promise<void> {
    const { clock, random, signal } = this.#powers;
    const { name } = target.resource.metadata;
    const pause = new Pause(clock, doubtMs);
    this.#pauses.set(name, pause);
    this.#known.set(name, { name, status: "unknown", since: rfc3339(clock.now()), reason: "" });
    for (let failures = 0; !signal.aborted;) {
      const reason = await this.#ask(target);
      if (signal.aborted) return;
      this.#found(name, reason);
      const jitter = fractionOf(random.bytes(4));
      const waitMs = reason === null
        ? probePeriodMs * (0.5 + jitter)
        : backoff(failures, jitter, { firstMs: 1_000, maxMs: probePeriodMs });
      failures = reason === null ? 0 : failures + 1;
      await pause.wait(waitMs, signal);
    }
  }

  #found(name: string, reason: string | null): void {
    const { clock, changed } = this.#powers;
    const status = reason === null ? "healthy" : "unhealthy";
    const short = briefly(reason ?? "");
    const before = this.#known.get(name);
    if (before?.status === status && before.reason === short) return;
    const since = before?.status === status ? before.since : rfc3339(clock.now());
    this.#known.set(name, { name, status, since, reason: short });
    changed();
  }

  /** What is wrong with it; null if nothing. */
  async #ask(target: DatabaseTarget): Promise<string | null> {
    try {
      const ask = (signal: AbortSignal) => probe(target, this.#powers, signal);
      const said = await within(this.#powers, connectMsMax, ask);
      this.#powers.facts.remember(target.resource.metadata.name, said);
      return null;
    } catch (thrown) {
      if (thrown instanceof Fault) return thrown.shown;
      return thrown instanceof UpstreamRefused ? thrown.message : "it does not speak its protocol";
    }
  }
}

/** On one line, and not longer than is told on. */
function briefly(reason: string): string {
  // deno-lint-ignore no-control-regex
  return reason.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, reasonCharsMax);
}
