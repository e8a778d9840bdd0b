/** The order of things: start one after the other, stop the other way round, drain on the way. */
import { asFault, Fault } from "../core/fault.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Running } from "./runtime.ts";

/** A part to start. `start` resolves when it does its work. */
export interface Part {
  readonly name: string;
  /** How long its work may go on after the first signal. */
  readonly drainMs: number;
  start(signal: AbortSignal): Promise<Running>;
}

export interface SupervisorOptions {
  readonly parts: readonly Part[];
  readonly log: Log;
  readonly clock: Clock;
  /** Called once everything is ready. */
  readonly ready: () => Promise<void>;
  /** Calls back at each SIGTERM or SIGINT; gives what ends that. */
  readonly onSignal: (run: (name: string) => void) => () => void;
  /** Ends the process now: the second signal. */
  readonly exitNow: (code: number) => void;
}

const stopMsMax = 5_000;

/** Runs the parts until a signal; gives the exit code. Throws what kept a part from starting. */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { parts, log } = options;
  const stopping = new AbortController();
  const told = Promise.withResolvers<string>();
  const ignore = options.onSignal((name) => {
    if (stopping.signal.aborted) {
      log.warn("stopped at once by a second signal", { signal: name });
      options.exitNow(128 + (name === "SIGINT" ? 2 : 15));
      return;
    }
    log.info("stopping", { signal: name });
    stopping.abort(
      new Fault({
        kind: "cancelled",
        code: "service.stopping",
        message: "the process is stopping",
      }),
    );
    told.resolve(name);
  });
  const started: { readonly part: Part; readonly running: Running }[] = [];
  try {
    for (const part of parts) {
      started.unshift({ part, running: await part.start(stopping.signal) });
    }
    await options.ready();
    await told.promise;
    await Promise.all(started.map((one) => quietly(log, one.part, () => drain(one, log))));
    return 0;
  } catch (thrown) {
    if (stopping.signal.aborted) return 0;
    throw thrown;
  } finally {
    for (const { part, running } of started) {
      await quietly(log, part, () => within(options.clock, running.stop()));
    }
    ignore();
  }
}

async function drain(
  { part, running }: { readonly part: Part; readonly running: Running },
  log: Log,
): Promise<void> {
  log.debug("draining", { part: part.name, drain_ms: part.drainMs });
  await running.drain(part.drainMs);
}

/** A part that can't stop properly doesn't keep the others from it. */
async function quietly(log: Log, part: Part, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (thrown) {
    const { code, message } = asFault(thrown);
    log.error("a service did not stop properly", { part: part.name, code, why: message });
  }
}

async function within(clock: Clock, done: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(stopMsMax, () =>
    late.reject(
      new Fault({
        kind: "internal",
        code: "service.stop-timeout",
        message: "did not stop in time",
      }),
    ));
  try {
    await Promise.race([done, late.promise]);
  } finally {
    timer.cancel();
  }
}
