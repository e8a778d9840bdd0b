/** Sends a spool's events to the Auth Service: in order, at least once, one batch at a time. */
import type { Clock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import type { SpoolBatch, SpoolSource } from "./segments.ts";

/** Events as they are sent: `SpoolBatch` without where to read on. */
export type AppendBatch = Pick<
  SpoolBatch,
  "spool" | "first" | "events" | "contexts" | "context_of"
>;

/** The call `audit.append`: all up to and with the answer are fsynced in Auth's log. */
export type AppendCall = (batch: AppendBatch, signal: AbortSignal) => Promise<number>;

export interface ShipperOptions {
  readonly spool: SpoolSource;
  readonly append: AppendCall;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Memory for one batch, roughly; a single event may be larger. @default 512 KiB */
  readonly batchBytes?: number;
  /** @default 1000 */
  readonly batchEvents?: number;
  /** How long events that don't fill a batch wait for others. @default 100 */
  readonly lingerMs?: number;
  /** @default 30000 */
  readonly timeoutMs?: number;
}

export interface ShipperHealth {
  /** Null while the Auth Service takes events; else the last failure. */
  readonly fault: Fault | null;
  /** Events acknowledged since the start. */
  readonly shipped: number;
}

const retryLimits = { firstMs: 200, maxMs: 5000 };

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #stopping = new AbortController();
  readonly #highs = new Map<string, number>();
  #wake: () => void = () => {};
  #news = true;
  #drained: (() => void)[] = [];
  #fault: Fault | null = null;
  #shipped = 0;
  readonly #running: Promise<void>;

  /** Starts at once; `stop` ends it. */
  constructor(options: ShipperOptions) {
    this.#options = options;
    options.spool.onRecords(() => {
      this.#news = true;
      this.#wake();
    });
    this.#running = this.#run();
  }

  get health(): ShipperHealth {
    return { fault: this.#fault, shipped: this.#shipped };
  }

  /** Resolves once all that was recorded before the call is acknowledged; rejects when aborted. */
  drained(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal.aborted) reject(signal.reason);
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    this.#drained.push(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
    this.#news = true;
    this.#wake();
    return promise;
  }

  /** Ends without waiting for what is not acknowledged: the next run sends it. */
  async stop(): Promise<void> {
    this.#stopping.abort(
      new Fault({ kind: "cancelled", code: "audit.shipper-stopped", message: "shipper stopped" }),
    );
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { spool, clock } = this.#options;
    const signal = this.#stopping.signal;
    let place = spool.firstPlace();
    while (!signal.aborted) {
      try {
        this.#news = false;
        const asked = this.#drained;
        this.#drained = [];
        const batch = await this.#read(place, asked);
        if (batch === null) {
          asked.forEach((done) => done());
          await this.#waitForNews();
          await this.#gather();
          continue;
        }
        this.#drained.unshift(...asked);
        await this.#send(batch);
        place = batch.next;
        if (!batch.more) await this.#gather();
      } catch (thrown) {
        if (signal.aborted) return;
        this.#options.log.error("the spool could not be read", { why: asFault(thrown).message });
        await clock.sleep(retryLimits.maxMs, signal).catch(asFault);
      }
    }
  }

  /** A call costs Auth the same for one event as for hundreds: let some come together. */
  async #gather(): Promise<void> {
    const { clock, lingerMs } = this.#options;
    if (this.#drained.length === 0) await clock.sleep(lingerMs ?? 100, this.#stopping.signal);
  }

  async #read(
    place: SpoolBatch["next"],
    asked: readonly (() => void)[],
  ): Promise<SpoolBatch | null> {
    const { spool, batchBytes, batchEvents } = this.#options;
    try {
      return await spool.read(place, batchBytes ?? 512 * 1024, batchEvents ?? 1000);
    } catch (thrown) {
      this.#drained.unshift(...asked);
      throw thrown;
    }
  }

  #waitForNews(): Promise<void> {
    if (this.#news || this.#stopping.signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  /** Until all of the batch is acknowledged. */
  async #send(batch: SpoolBatch): Promise<void> {
    const last = batch.first + batch.events.length - 1;
    let attempt = 0;
    for (;;) {
      const high = this.#highs.get(batch.spool) ?? 0;
      if (high >= last) break;
      const first = Math.max(batch.first, high + 1);
      try {
        const answer = await this.#attempt(batch, first);
        if (answer < first) throw refused(answer, first);
        this.#highs.set(batch.spool, answer);
        this.#recovered();
        attempt = 0;
      } catch (thrown) {
        if (this.#stopping.signal.aborted) throw thrown;
        await this.#pause(attempt, asFault(thrown));
        attempt += 1;
      }
    }
    this.#shipped += batch.events.length;
    await this.#options.spool.acknowledged(batch.spool, last);
  }

  async #attempt(batch: SpoolBatch, first: number): Promise<number> {
    const { append, clock } = this.#options;
    const timeout = new AbortController();
    const timer = clock.after(
      this.#options.timeoutMs ?? 30_000,
      () =>
        timeout.abort(
          new Fault({
            kind: "network",
            code: "audit.append-timeout",
            message: "no answer in time",
          }),
        ),
    );
    const signal = AbortSignal.any([timeout.signal, this.#stopping.signal]);
    try {
      return await append(from(batch, first), signal);
    } finally {
      timer.cancel();
    }
  }

  async #pause(attempt: number, fault: Fault): Promise<void> {
    const { clock, random, log } = this.#options;
    if (this.#fault?.code !== fault.code) {
      log.warn("audit events can't be sent, they wait in the spool", {
        code: fault.code,
        why: fault.message,
      });
    }
    this.#fault = fault;
    const wait = backoff(attempt, fractionOf(random.bytes(4)), retryLimits);
    await clock.sleep(wait, this.#stopping.signal);
  }

  #recovered(): void {
    if (this.#fault !== null) this.#options.log.info("audit events are sent again");
    this.#fault = null;
  }
}

/** What is left of a batch whose events before `first` are acknowledged. */
function from(batch: SpoolBatch, first: number): AppendBatch {
  const { spool, contexts } = batch;
  const skipped = first - batch.first;
  const events = batch.events.slice(skipped);
  return { spool, first, events, contexts, context_of: batch.context_of.slice(skipped) };
}

function refused(answer: number, first: number): Fault {
  return new Fault({
    kind: "unavailable",
    code: "audit.append-short",
    message: `the auth service acknowledged ${answer} where ${first} was sent`,
  });
}
