import type { Clock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { Random } from "../core/random.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import type { TunnelSession } from "./contract.ts";
import type { Tunnel } from "./dial.ts";
import type { ProxyHello } from "./hello.ts";

/** Told of what happens to a kept tunnel; for routing, logs, metrics and readiness. */
export interface KeepObserver {
  up(tunnel: Tunnel<ProxyHello>): void;
  /** A tunnel that was up is gone, at once or after it drained; null after an orderly end. */
  down(tunnel: Tunnel<ProxyHello>, fault: Fault | null): void;
  /** An attempt failed; the next one follows after `waitMs`. */
  failed(fault: Fault, waitMs: number): void;
}

export interface KeepTunnelOptions {
  /**
   * Connects and dials once, giving up at the signal. `onGoaway` must be handed to `dialTunnel`:
   * it makes the loop dial anew while the old tunnel drains.
   */
  readonly dial: (
    attempt: { readonly signal: AbortSignal; readonly onGoaway: () => void },
  ) => Promise<Tunnel<ProxyHello>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: KeepObserver;
  /** Ends the loop and closes its sessions. */
  readonly signal: AbortSignal;
  /** For one attempt. @default 4000 */
  readonly attemptMs?: number;
}

/** So soon after coming up, a loss counts as a failed attempt. */
const stableMs = 10_000;
const attemptMsDefault = 4_000;
const patientAfterMs = 60_000;
const eagerLimits = { firstMs: 200, maxMs: 3_000 };
const patientLimits = { firstMs: 200, maxMs: 15_000 };

/**
 * Keeps one tunnel to a proxy alive until the signal: dials, waits for its loss or for GOAWAY, and
 * dials again. Within the first minute of an outage no pause is longer than 3 s. Never throws.
 */
export async function keepTunnel(options: KeepTunnelOptions): Promise<void> {
  const { clock, signal, observer } = options;
  const live = new Set<TunnelSession>();
  let attempt = 0;
  let outageSince = clock.monotonic();
  while (!signal.aborted) {
    try {
      const stableSince = clock.monotonic() + stableMs;
      await runOne(options, live);
      outageSince = clock.monotonic();
      if (outageSince >= stableSince) attempt = 0;
      await pause(options, backoff(attempt, fractionOf(options.random.bytes(4)), eagerLimits));
    } catch (thrown) {
      const lasted = clock.monotonic() - outageSince;
      const limits = lasted < patientAfterMs ? eagerLimits : patientLimits;
      const waitMs = backoff(attempt, fractionOf(options.random.bytes(4)), limits);
      if (signal.aborted) break;
      observer.failed(asFault(thrown), waitMs);
      await pause(options, waitMs);
    }
    attempt += 1;
  }
  const sessions = [...live];
  for (const session of sessions) session.close();
  await Promise.all(sessions.map((session) => session.closed));
}

/** One tunnel from dialling to its loss, its GOAWAY or the signal. Throws when it never came up. */
async function runOne(options: KeepTunnelOptions, live: Set<TunnelSession>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const tunnel = await dialOnce(options, over.resolve);
  live.add(tunnel.session);
  options.observer.up(tunnel);
  tunnel.session.closed.then((fault) => {
    live.delete(tunnel.session);
    options.observer.down(tunnel, fault);
    over.resolve();
  });
  const stopped = () => over.resolve();
  options.signal.addEventListener("abort", stopped, { once: true });
  if (options.signal.aborted) over.resolve();
  await over.promise;
  options.signal.removeEventListener("abort", stopped);
}

async function dialOnce(
  options: KeepTunnelOptions,
  over: () => void,
): Promise<Tunnel<ProxyHello>> {
  const tooLong = new AbortController();
  const timer = options.clock.after(options.attemptMs ?? attemptMsDefault, () => {
    tooLong.abort(
      new Fault({ kind: "network", code: "tunnel.timeout", message: "The proxy is too slow" }),
    );
  });
  const signal = AbortSignal.any([options.signal, tooLong.signal]);
  try {
    return await options.dial({ signal, onGoaway: over });
  } finally {
    timer.cancel();
  }
}

async function pause(options: KeepTunnelOptions, waitMs: number): Promise<void> {
  await options.clock.sleep(waitMs, options.signal).catch(() => {});
}
