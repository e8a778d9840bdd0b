/** One client that stops reading, and what the others notice over a slow tunnel. */
import { noWire, Wire } from "../../tests/faults/wire.ts";
import { join } from "../lab/paths.ts";
import { Site } from "../lab/site.ts";
import { must, waitFor } from "../lab/tools.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { benchSql, benchUser, nativePath, postgresPrograms } from "./ground.ts";
import { ratios } from "./numbers.ts";
import type { Path } from "./path.ts";
import { loggedRun, type Transaction } from "./transactions.ts";

const allRatio = "rate of all others, with / without";
const slowestRatio = "rate of the slowest other, with / without";
const alone = "rate without";

export const stalledReader: FigureWork = {
  name: "stalled-reader",
  title: "A client that stops reading",
  about: "Agent and PostgreSQL sit behind a wire with a round trip of 40 ms and 0.1 % loss each " +
    "way. 8 clients fetch 8 kB with each statement: alone, then beside a client that stopped in " +
    "the middle of a result of 1 GiB (its process is stopped). All share one tunnel.",
  figures: [
    { name: slowestRatio, unit: "", bar: { atLeast: 0.9 } },
    { name: allRatio, unit: "" },
    { name: alone, unit: "statements/s" },
  ],
  isQuick: false,
  run,
};

const clients = 8;
/** Of each direction. */
const delayMs = 20;
const loss = 0.001;

async function run(lab: Lab): Promise<readonly Found[]> {
  const reason = await noWire();
  if (reason !== null) throw new Error(`there can be no wire here: ${reason}`);
  const programs = await postgresPrograms();
  if (programs === null) throw new Error("pgbench and PostgreSQL are needed");
  const dir = join(lab.dir, "stalled-reader");
  await must("mkdir", ["-p", "-m", "0711", dir]);
  const wire = await Wire.lay();
  let site: Site | null = null;
  try {
    site = await Site.open({
      dir,
      binaries: programs.binaries,
      sql: benchSql,
      databases: { bench: {} },
      far: { netns: wire.netns, proxyHost: wire.near },
      say: lab.say,
    });
    const path = await nativePath(site, await benchUser(site));
    await wire.set(delayMs, loss);
    return await rounds(lab, path, programs.bin);
  } finally {
    await site?.close();
    await wire.remove();
  }
}

async function rounds(lab: Lab, path: Path, bin: string): Promise<readonly Found[]> {
  const rates: Record<"without" | "with" | "slowest", number[]> = {
    without: [],
    with: [],
    slowest: [],
  };
  const seconds = Math.max(lab.seconds, 5);
  const others = () =>
    loggedRun({
      ...{ bin, env: path.env, dir: lab.dir, clients, seconds },
      script: "select repeat('x', 8000);",
    });
  await others();
  for (let round = 1; round <= lab.rounds; round++) {
    const before = byClient(await others());
    const stalled = await stall(path, bin);
    const after = byClient(await others());
    await stalled.end();
    const each = ratios(after, before);
    rates.without.push(sum(before) / seconds);
    rates.with.push(sum(after) / seconds);
    rates.slowest.push(Math.min(...each));
    lab.say(`stalled-reader round ${round}: ${sum(before)} without, ${sum(after)} with`);
    if (after.some((count) => count === 0)) lab.stalled("stalled-reader: a client got nothing");
  }
  return [
    { figure: slowestRatio, rounds: rates.slowest },
    { figure: allRatio, rounds: ratios(rates.with, rates.without) },
    { figure: alone, rounds: rates.without },
  ];
}

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);

function byClient(transactions: readonly Transaction[]): readonly number[] {
  const counts = Array.from({ length: clients }, () => 0);
  for (const { client } of transactions) counts[client] = (counts[client] ?? 0) + 1;
  return counts;
}

/** A psql that is stopped once it has read a part of its result. */
async function stall(path: Path, bin: string): Promise<{ end(): Promise<void> }> {
  const rows = "select repeat('x', 100000) from generate_series(1, 10700)";
  const psql = new Deno.Command(join(bin, "psql"), {
    args: ["-X", "-q", "-c", `copy (${rows}) to stdout`],
    env: path.env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await waitFor("psql reads its result", 20_000, async () => {
    const io = await Deno.readTextFile(`/proc/${psql.pid}/io`);
    return Number(/^wchar: (\d+)/m.exec(io)?.[1]) > 300_000;
  });
  psql.kill("SIGSTOP");
  return {
    end: async () => {
      psql.kill("SIGKILL");
      await psql.status;
    },
  };
}
