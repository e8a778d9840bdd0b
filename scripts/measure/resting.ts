/** Memory and CPU of processes that have nothing to do. */
import type { Service } from "../lab/services.ts";
import { cpuSeconds, delay, residentMiB } from "../lab/tools.ts";

export interface IdleRow {
  readonly name: string;
  readonly residentMiB: number;
  /** Its share where pages are shared with others. */
  readonly proportionalMiB: number;
  readonly threads: number;
  /** CPU milliseconds in a second. */
  readonly cpuMsPerSecond: number;
}

/** After `settleMs` of rest, over `watchMs`. */
export async function watchIdle(
  services: readonly (readonly [name: string, service: Service])[],
  settleMs: number,
  watchMs: number,
): Promise<readonly IdleRow[]> {
  await delay(settleMs);
  const before = services.map(([, { pid }]) => cpuSeconds(pid));
  await delay(watchMs);
  return services.map(([name, { pid }], index) => ({
    name,
    residentMiB: residentMiB(pid),
    proportionalMiB: numberIn(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB/m) / 1024,
    threads: numberIn(`/proc/${pid}/status`, /^Threads:\s+(\d+)/m),
    cpuMsPerSecond: (cpuSeconds(pid) - (before[index] ?? 0)) * 1e6 / watchMs,
  }));
}

function numberIn(path: string, what: RegExp): number {
  return Number(what.exec(Deno.readTextFileSync(path))?.[1] ?? NaN);
}
