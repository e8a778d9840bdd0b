/** How long programs take from their call to their end, alternated, with the CPU they used. */
import { must } from "../lab/tools.ts";
import { median } from "./numbers.ts";

/** A command line that is timed. */
export interface Start {
  readonly name: string;
  readonly line: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface StartRow {
  readonly name: string;
  /** Medians over all rounds. */
  readonly ms: number;
  readonly fastestMs: number;
  readonly cpuMs: number;
  /** Of the medians, to that of the first start. */
  readonly ratio: number;
  /** What each round took, ms. */
  readonly rounds: readonly number[];
}

/** Rounds in which each start has its turn; the first one is what others are compared with. */
export async function timeStarts(
  starts: readonly Start[],
  rounds: number,
): Promise<readonly StartRow[]> {
  const times = new Map(starts.map(({ name }) => [name, { ms: [], cpuMs: [] } as Times]));
  for (let round = -1; round < rounds; round++) {
    for (const start of starts) {
      const { ms, cpuMs } = await timeOne(start);
      // The first round only fills the caches.
      if (round < 0) continue;
      times.get(start.name)?.ms.push(ms);
      times.get(start.name)?.cpuMs.push(cpuMs);
    }
  }
  const [first] = starts;
  const base = median(times.get(first?.name ?? "")?.ms ?? []) ?? NaN;
  return starts.map(({ name }) => {
    const { ms, cpuMs } = times.get(name) ?? { ms: [], cpuMs: [] };
    const middle = median(ms) ?? NaN;
    return {
      name,
      ms: middle,
      fastestMs: Math.min(...ms),
      cpuMs: median(cpuMs) ?? NaN,
      ratio: middle / base,
      rounds: ms,
    };
  });
}

interface Times {
  readonly ms: number[];
  readonly cpuMs: number[];
}

/** By bash's own clock, which sees the CPU of a child that has ended. */
const script = `TIMEFORMAT='%3R %3U %3S'; time "$@" >/dev/null 2>&1`;

async function timeOne({ line, env }: Start): Promise<{ ms: number; cpuMs: number }> {
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const shell = ["bash", "-c", `{ ${script}; } 2>&1`, "bash", ...line];
  const said = await must("/usr/bin/env", [
    "-i",
    "PATH=/usr/local/bin:/usr/bin:/bin",
    ...words,
    ...shell,
  ]);
  const [real = NaN, user = NaN, system = NaN] = said.trim().split(" ").map(Number);
  return { ms: real * 1000, cpuMs: (user + system) * 1000 };
}
