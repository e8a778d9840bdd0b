import { asFault } from "../core/fault.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import type { ProxyPowers } from "./powers.ts";

/** Tells Auth that this proxy lives, so that agents find it, until aborted. Never throws. */
export async function announce(
  { auth, clock, random, log, config }: ProxyPowers,
  publicAddress: string,
  signal: AbortSignal,
): Promise<void> {
  const { hostname, version } = config;
  const input = { hostname, version, public_addr: publicAddress };
  for (let failures = 0; !signal.aborted;) {
    let waitMs: number;
    try {
      const { period_s } = await auth.call("proxies.heartbeat", input, signal);
      failures = 0;
      waitMs = period_s * 1000;
    } catch (thrown) {
      if (signal.aborted) return;
      const { kind, code } = asFault(thrown);
      log.warn("a heartbeat failed", { kind, code });
      waitMs = backoff(failures++, fractionOf(random.bytes(4)));
    }
    await clock.sleep(waitMs, signal).catch(() => {});
  }
}
