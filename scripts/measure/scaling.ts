/** Whether cost grows with load and no faster. */
import { join } from "../lab/paths.ts";
import { Site } from "../lab/site.ts";
import { delay, must, residentMiB } from "../lab/tools.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { benchSql, benchUser, nativePath, postgresPrograms } from "./ground.ts";
import { metricsOf, percentileBetween } from "./metrics.ts";
import { median } from "./numbers.ts";
import type { Path } from "./path.ts";
import { loggedRun } from "./transactions.ts";
import { atRest, cpuOf } from "./works.ts";

const growth = "CPU per transaction, 1,000 sessions / 10";
const cpu = "CPU per transaction";
const memory = "memory per session";
const loopDelay = "event loop delay p99";
const rate = "transactions";

export const scaling: FigureWork = {
  name: "scaling",
  title: "From one session to a thousand",
  about:
    "`select 1` through proxy and agent, each session as fast as it can, once all of them are " +
    "connected; three rounds. CPU and memory are those of proxy and agent together, memory over " +
    "what they had before; the delay of the event loop is the worse one of the two, as their " +
    "`/metrics` tell it (the upper end of a bucket). Client, database and all between them share " +
    "the machine, so that with many sessions the delay says how long each has to wait for a core.",
  figures: [
    { name: growth, unit: "", bar: { atMost: 1 } },
    { name: cpu, unit: "µs" },
    { name: memory, unit: "KiB" },
    { name: loopDelay, unit: "ms" },
    { name: rate, unit: "/s" },
  ],
  isQuick: false,
  run,
};

const counts = [1, 10, 100, 1000];
const roundsMax = 3;

async function run(lab: Lab): Promise<readonly Found[]> {
  const programs = await postgresPrograms();
  if (programs === null) throw new Error("pgbench and PostgreSQL are needed");
  const dir = join(lab.dir, "scaling");
  await must("mkdir", ["-p", "-m", "0711", dir]);
  const site = await Site.open({
    dir,
    binaries: programs.binaries,
    sql: benchSql,
    settings: ["max_connections = 1100"],
    databases: { bench: {} },
    diagnostics: true,
    say: lab.say,
  });
  try {
    const path = await nativePath(site, await benchUser(site));
    return await measureAll(lab, site, path, programs.bin);
  } finally {
    await site.close();
  }
}

interface Seen {
  readonly cpuUs: number;
  readonly kib: number;
  readonly delayMs: number;
  readonly rate: number;
}

async function measureAll(
  lab: Lab,
  site: Site,
  path: Path,
  bin: string,
): Promise<readonly Found[]> {
  const wanted = lab.isQuick ? counts.slice(0, 2) : counts;
  const found: Found[] = [];
  const typical = new Map<number, number>();
  // Code is compiled and memory reaches its working size before anything counts.
  await measure(lab, site, path, bin, 10);
  for (const sessions of wanted) {
    const seen: Seen[] = [];
    for (let round = 1; round <= Math.min(lab.rounds, roundsMax); round++) {
      const got = await measure(lab, site, path, bin, sessions);
      lab.say(
        `scaling ${sessions} round ${round}: ${got.cpuUs.toFixed(0)} µs, ` +
          `${got.kib.toFixed(0)} KiB, ${got.delayMs} ms, ${got.rate.toFixed(0)}/s`,
      );
      if (got.rate === 0) lab.stalled(`scaling: no transaction of ${sessions} sessions`);
      seen.push(got);
    }
    typical.set(sessions, median(seen.map(({ cpuUs }) => cpuUs)) ?? 0);
    found.push(
      { figure: cpu, sessions, rounds: seen.map(({ cpuUs }) => cpuUs) },
      { figure: memory, sessions, rounds: seen.map(({ kib }) => kib) },
      { figure: loopDelay, sessions, rounds: seen.map(({ delayMs }) => delayMs) },
      { figure: rate, sessions, rounds: seen.map((one) => one.rate) },
    );
  }
  const [many, few] = [typical.get(1000), typical.get(10)];
  if (many === undefined || !few) return found;
  return [{ figure: growth, rounds: [many / few] }, ...found];
}

/** What is written down of the last moments of a run may be lost. */
const marginMs = 1500;

async function measure(
  lab: Lab,
  site: Site,
  path: Path,
  bin: string,
  sessions: number,
): Promise<Seen> {
  await atRest(path.pids);
  const memoryBefore = memoryOf(path);
  const addresses = [site.proxy, ...site.agents].map(({ ready }) => ready.diag_address ?? "");
  let seen = { from: 0, until: 0, cpu: 0, kib: 0, delayMs: 0 };
  const meanwhile = async (): Promise<void> => {
    const [from, cpuBefore] = [Date.now(), cpuOf(path.pids)];
    const before = Promise.all(addresses.map(metricsOf));
    await delay(lab.seconds * 1000);
    const [until, cpuAfter, memoryNow] = [Date.now(), cpuOf(path.pids), memoryOf(path)];
    const after = await Promise.all(addresses.map(metricsOf));
    const delayMs = 1000 * worstDelay(await before, after);
    const kib = (memoryNow - memoryBefore) * 1024 / sessions;
    seen = { from, until, cpu: cpuAfter - cpuBefore, kib, delayMs };
    await delay(marginMs);
  };
  const all = await loggedRun({
    ...{ bin, env: path.env, dir: lab.dir, script: "select 1;", clients: sessions },
    seconds: 180,
    meanwhile,
  });
  const { from, until, kib, delayMs } = seen;
  const during = all.filter(({ endedAt }) => endedAt > from && endedAt <= until).length;
  const rate = during / ((until - from) / 1000);
  return { cpuUs: seen.cpu * 1e6 / Math.max(1, during), kib, delayMs, rate };
}

/** Seconds, of the process that fares worst. */
function worstDelay(before: readonly string[], after: readonly string[]): number {
  const name = "remoteler_event_loop_delay_seconds";
  return Math.max(
    ...after.map((page, index) => percentileBetween(before[index] ?? "", page, name, 0.99)),
  );
}

function memoryOf({ pids }: Path): number {
  return pids.reduce((sum, pid) => sum + residentMiB(pid), 0);
}
