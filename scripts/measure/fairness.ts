/** What a bulk transfer does to those who share proxy and agent with it. */
import { join } from "../lab/paths.ts";
import { delay } from "../lab/tools.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { percentile, ratios } from "./numbers.ts";
import type { Path } from "./path.ts";
import { loggedRun, type Transaction } from "./transactions.ts";

const p99Ratio = "p99 beside COPY / alone";
const p99Alone = "p99 alone";
const p99Beside = "p99 beside COPY";
const copyRate = "COPY beside them";

export const fairness: FigureWork = {
  name: "fairness",
  title: "A bulk COPY beside short statements",
  about:
    "16 clients doing `select 1` through one proxy and agent, each as fast as it can: alone, " +
    "then while one more client copies 1 GiB out through the same two processes. All of them, " +
    "PostgreSQL and pgbench included, share the machine.",
  figures: [
    { name: p99Ratio, unit: "", bar: { atMost: 3 } },
    { name: p99Alone, unit: "ms" },
    { name: p99Beside, unit: "ms" },
    { name: copyRate, unit: "MB/s" },
  ],
  isQuick: true,
  run,
};

async function run(lab: Lab): Promise<readonly Found[]> {
  const { ground } = await lab.product();
  const path = await lab.native();
  const copy = { bin: ground.bin, rows: ground.copyRows, megabytes: lab.isQuick ? 128 : 1024 };
  const [alone, beside, rates]: [number[], number[], number[]] = [[], [], []];
  for (let round = 1; round <= lab.rounds; round++) {
    const { before, during, rate } = await oneRound(lab, path, copy);
    const [quiet, busy] = [p99(before), p99(during)];
    if (quiet === null || busy === null) {
      lab.stalled(`fairness round ${round}: ${before.length} alone, ${during.length} beside COPY`);
      continue;
    }
    lab.say(`fairness round ${round}: ${quiet.toFixed(1)} ms alone, ${busy.toFixed(1)} beside`);
    alone.push(quiet);
    beside.push(busy);
    rates.push(rate);
  }
  return [
    { figure: p99Ratio, rounds: ratios(beside, alone) },
    { figure: p99Alone, rounds: alone },
    { figure: p99Beside, rounds: beside },
    { figure: copyRate, rounds: rates },
  ];
}

function p99(transactions: readonly Transaction[]): number | null {
  return percentile(transactions.map(({ latencyMs }) => latencyMs), 0.99);
}

interface Copy {
  readonly bin: string;
  /** What the table to be copied has. */
  readonly rows: number;
  readonly megabytes: number;
}

/** The clients run all the time; the COPY begins when they had `seconds` for themselves. */
async function oneRound(lab: Lab, path: Path, copy: Copy) {
  let [first, from, until] = [0, 0, 0];
  const meanwhile = async (): Promise<void> => {
    first = Date.now();
    await delay(lab.seconds * 1000);
    from = Date.now();
    await runCopy(path, copy);
    until = Date.now();
  };
  const all = await loggedRun({
    ...{ bin: copy.bin, env: path.env, dir: lab.dir, script: "select 1;", clients: 16 },
    seconds: 300,
    meanwhile,
  });
  return {
    before: all.filter(({ endedAt }) => endedAt > first && endedAt < from),
    during: all.filter(({ endedAt }) => endedAt > from && endedAt < until),
    rate: copy.megabytes * 1.048576 / ((until - from) / 1000),
  };
}

/** Rows of about a kilobyte to nowhere. */
async function runCopy({ env }: Path, { bin, rows, megabytes }: Copy): Promise<void> {
  const wanted = Math.ceil(megabytes * 1024 * 1024 / 1000);
  const times = Math.ceil(wanted / rows);
  const query = `select bench_out.* from generate_series(1, ${times}), bench_out limit ${wanted}`;
  const { success } = await new Deno.Command(join(bin, "psql"), {
    args: ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", `copy (${query}) to stdout`],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("the COPY failed");
}
