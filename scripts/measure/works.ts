/** What is measured, and one measurement of it. */
import { join } from "../lab/paths.ts";
import { cpuSeconds, delay, must, run } from "../lab/tools.ts";
import type { Path } from "./path.ts";

export const workNames = ["simple", "prepared", "copy-out", "copy-in", "connect"] as const;
export type WorkName = typeof workNames[number];

export interface Work {
  readonly name: WorkName;
  readonly clients: number;
  /** What `value` counts and `cpuUs` is for one of. */
  readonly unit: "transactions/s" | "MB/s" | "connections/s";
}

/** What `--only` knows it by: all of a name, or the one with so many clients. */
export function namesOf({ name, clients }: Work): readonly string[] {
  return [name, `${name}-c${clients}`];
}

export const works: readonly Work[] = [
  { name: "simple", clients: 1, unit: "transactions/s" },
  { name: "simple", clients: 8, unit: "transactions/s" },
  { name: "simple", clients: 32, unit: "transactions/s" },
  { name: "prepared", clients: 32, unit: "transactions/s" },
  { name: "copy-out", clients: 1, unit: "MB/s" },
  { name: "copy-in", clients: 1, unit: "MB/s" },
  { name: "connect", clients: 4, unit: "connections/s" },
];

export interface Bench {
  /** Folder of psql and pgbench. */
  readonly bin: string;
  readonly seconds: number;
  /**
   * How long transactions run before they count: clients connect, and code that rested while other
   * paths had their turn runs slower at first.
   */
  readonly leadSeconds: number;
  /** About 200 MB in COPY's text format. */
  readonly copyFile: string;
  readonly copyBytes: number;
}

export interface Measured {
  readonly value: number;
  /** CPU of the path's own processes for one unit of work, in microseconds. */
  readonly cpuUs: number;
  /** The same for processes named apart. */
  readonly alsoCpuUs: number;
  /** Seconds in which nothing got through, or what else went wrong; null when all is well. */
  readonly stall: string | null;
}

/** Measures one work on one path once. What the path still does afterwards is its CPU too. */
export async function measure(bench: Bench, path: Path, work: Work): Promise<Measured> {
  const used = () => ({ own: cpuOf(path.pids), also: cpuOf(path.alsoPids ?? []) });
  let before = used();
  const begins = () => void (before = used());
  const done = work.unit === "MB/s"
    ? await copy(bench, path, work, begins)
    : await transactions(bench, path, work, begins);
  await atRest([...path.pids, ...path.alsoPids ?? []]);
  const after = used();
  const perUnit = (seconds: number) => done.units > 0 ? seconds * 1e6 / done.units : 0;
  return {
    value: done.value,
    stall: done.stall,
    cpuUs: perUnit(after.own - before.own),
    alsoCpuUs: perUnit(after.also - before.also),
  };
}

interface Done {
  readonly value: number;
  readonly units: number;
  readonly stall: string | null;
}

const nothing = (stall: string): Done => ({ value: 0, units: 0, stall });

async function transactions(
  bench: Bench,
  path: Path,
  work: Work,
  begins: () => void,
): Promise<Done> {
  const { seconds, leadSeconds } = bench;
  const args = [
    ...["-n", "-S", "-P", "1", "-T", String(leadSeconds + seconds), "-c", String(work.clients)],
    ...["-j", String(Math.min(2, work.clients))],
    ...["-M", work.name === "prepared" ? "prepared" : "simple"],
    ...(work.name === "connect" ? ["-C"] : []),
  ];
  let counting = false;
  const hear = (said: string): void => {
    if (counting || progress(said).every(({ at }) => at < leadSeconds - 0.5)) return;
    counting = true;
    begins();
  };
  if (leadSeconds === 0) begins();
  const options = { env: path.env, timeoutMs: (leadSeconds + seconds + 60) * 1000, hear };
  const done = await run(join(bench.bin, "pgbench"), args, options);
  if (done.code !== 0) {
    const last = done.stderr.trim().split("\n").slice(-2).join(" ");
    return nothing(`pgbench ended with ${done.code}: ${last}`);
  }
  const all = Number(/actually processed: (\d+)/.exec(done.stdout)?.[1] ?? 0);
  const lead = progress(done.stderr).filter(({ at }) => at < leadSeconds + 0.5);
  const units = all - Math.round(lead.reduce((sum, { count }) => sum + count, 0));
  const value = units / (leadSeconds + seconds - (lead.at(-1)?.at ?? 0));
  const silent = silentSeconds(done.stdout, done.stderr);
  const stall = silent === 0 ? null : `no transaction in ${silent} s of ${seconds + leadSeconds}`;
  return { value, units, stall };
}

/** What pgbench said of each second: when, and how many transactions. */
function progress(stderr: string): readonly { readonly at: number; readonly count: number }[] {
  let before = 0;
  return [...stderr.matchAll(/^progress: ([\d.]+) s, ([\d.]+) tps.*\n/gm)].map((line) => {
    const at = Number(line[1]);
    const count = Number(line[2]) * (at - before);
    before = at;
    return { at, count };
  });
}

/** Progress lines without a transaction, but for the time in which all clients still connect. */
function silentSeconds(stdout: string, stderr: string): number {
  const connecting = Number(/^initial connection time = ([\d.]+) ms/m.exec(stdout)?.[1] ?? 0) /
    1000;
  return progress(stderr).filter(({ at, count }) => count === 0 && at > connecting + 0.5).length;
}

/** psql's own timing of the statement, so that connecting isn't in it. */
async function copy(
  bench: Bench,
  path: Path,
  work: Work,
  begins: () => void,
): Promise<Done> {
  const psql = join(bench.bin, "psql");
  const isIn = work.name === "copy-in";
  if (isIn) await must(psql, ["-X", "-q", "-c", "TRUNCATE bench_in"], { env: path.env });
  const statement = isIn
    ? `\\copy bench_in from '${bench.copyFile}'`
    : "\\copy bench_out to '/dev/null'";
  begins();
  const args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", "\\timing on", "-c", statement];
  const done = await run(psql, args, { env: path.env, timeoutMs: 90_000 });
  const ms = Number(/^Time: ([\d.]+) ms/m.exec(done.stdout)?.[1] ?? 0);
  if (done.code !== 0 || ms === 0) {
    return nothing(`psql ended with ${done.code}: ${done.stderr.trim().split("\n").at(-1)}`);
  }
  const megabytes = bench.copyBytes / 1e6;
  return { value: megabytes / (ms / 1000), units: megabytes, stall: null };
}

export function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Waits until the processes have nothing left to do (audit is shipped), 20 s at most. */
export async function atRest(pids: readonly number[]): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const before = cpuOf(pids);
    await delay(500);
    if (cpuOf(pids) - before <= 0.03) return;
  }
}
