/** Rounds in which the paths take turns, so that whatever changes meanwhile meets all of them. */
import type { Path } from "./path.ts";
import type { Group } from "./rows.ts";
import { type Bench, measure, type Measured, type Work } from "./works.ts";

export interface Rounds {
  readonly rounds: number;
  readonly say: (text: string) => void;
  readonly stalled: (text: string) => void;
}

/**
 * Work for every path before anything counts: services run for months, so what is measured is code
 * that is warm, not its compilation.
 */
export async function warmUp(
  bench: Bench,
  paths: readonly Path[],
  seconds: number,
  { say }: Pick<Rounds, "say">,
): Promise<void> {
  for (const path of paths) {
    for (const name of ["simple", "prepared"] as const) {
      const work: Work = { name, clients: 32, unit: "transactions/s" };
      const { value, cpuUs } = await measure({ ...bench, seconds, leadSeconds: 0 }, path, work);
      say(`warm-up ${name} ${path.name}: ${value.toFixed(0)}, ${cpuUs.toFixed(0)} µs`);
    }
  }
}

/**
 * All rounds of one work, each starting with another path. The first round isn't counted: in it
 * code is compiled for this work, tables are read into memory and caches are filled.
 */
export async function measureWork(
  bench: Bench,
  paths: readonly Path[],
  work: Work,
  { rounds, say, stalled }: Rounds,
): Promise<Group> {
  const found = new Map<string, Measured[]>(paths.map((path) => [path.name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < paths.length; turn++) {
      const path = paths[(round + turn) % paths.length];
      if (path === undefined) continue;
      const got = await measure(bench, path, work);
      const isWarmUp = round === 0;
      const when = isWarmUp ? "warm-up" : `round ${round}`;
      const what = `${work.name} c${work.clients} ${when} ${path.name}`;
      say(`${what}: ${got.value.toFixed(0)} ${work.unit}, ${got.cpuUs.toFixed(0)} µs`);
      if (isWarmUp) continue;
      found.get(path.name)?.push(got);
      if (got.stall !== null) stalled(`${what}: ${got.stall}`);
    }
  }
  return { work, seconds: bench.seconds, leadSeconds: bench.leadSeconds, rounds: found };
}
