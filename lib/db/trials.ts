/** Listens for the tests that an administrator orders of this agent, and answers each. */
import type { AuthClient } from "../api/contract.ts";
import type { TrialOrder, TrialStep } from "../api/trials.ts";
import { asFault } from "../core/fault.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import { trialsMax } from "./limits.ts";
import type { DatabaseTarget } from "./targets.ts";
import { type TrialPowers, tryDatabase } from "./trial.ts";

export interface TrialsPowers extends TrialPowers {
  readonly auth: Pick<AuthClient, "call" | "stream">;
}

export class Trials {
  /** Resolves once the signal has ended the listening and all tests. */
  readonly ended: Promise<void>;
  readonly #targets: ReadonlyMap<string, DatabaseTarget>;
  readonly #powers: TrialsPowers;
  /** By id: an order may be told twice. */
  readonly #running = new Map<string, Promise<void>>();

  constructor(targets: ReadonlyMap<string, DatabaseTarget>, powers: TrialsPowers) {
    this.#targets = targets;
    this.#powers = powers;
    this.ended = this.#listen();
  }

  async #listen(): Promise<void> {
    const { auth, clock, random, log, signal } = this.#powers;
    for (let failures = 0; !signal.aborted;) {
      try {
        for await (const order of auth.stream("trials.watch", {}, signal)) {
          failures = 0;
          this.#take(order);
        }
      } catch (thrown) {
        if (signal.aborted) break;
        const { code, message } = asFault(thrown);
        // Whoever watches resources says loudly that Auth is away.
        log.debug("listening for tests failed", { code, message });
      }
      const waitMs = backoff(failures++, fractionOf(random.bytes(4)));
      await clock.sleep(waitMs, signal).catch(() => {});
    }
    await Promise.all(this.#running.values());
  }

  #take(order: TrialOrder): void {
    if (this.#running.has(order.id)) return;
    const isTooMany = this.#running.size >= trialsMax;
    const running = this.#answer(order, isTooMany).finally(() => this.#running.delete(order.id));
    this.#running.set(order.id, running);
  }

  async #answer(order: TrialOrder, isTooMany: boolean): Promise<void> {
    const { auth, log, signal } = this.#powers;
    const { id, database } = order;
    const target = this.#targets.get(database);
    const steps = target === undefined
      ? [refused("the agent does not serve it", "see db_service.databases of the agent")]
      : isTooMany
      ? [refused("the agent makes other tests", "try again in a moment")]
      : await tryDatabase(target, order, this.#powers);
    const failed = steps.find(({ state }) => state === "failed")?.step;
    log.info("a database was tried for an administrator", { test: id, database, failed });
    try {
      await auth.call("trials.report", { id, steps }, signal);
    } catch (thrown) {
      const { code, message } = asFault(thrown);
      log.info("a test could not be answered", { test: id, code, message });
    }
  }
}

function refused(found: string, hint: string): TrialStep {
  return { step: "tunnel", state: "failed", found, hint };
}
