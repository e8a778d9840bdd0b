/**
 * Keeps Remoteler at work for a while with sessions that come and go, and looks at what grows:
 * `./scripts/soak [--minutes=20] [--rate=10]`. Fails where the resident memory of a process in the
 * last quarter is more than 5 % above that of the second one, or the p99 of a steady client more
 * than 20 %, or where a session went wrong.
 */
import { freshFolder, Site } from "./lab/site.ts";
import { Companion } from "./measure/companion.ts";
import { benchSql, benchUser, nativePath, postgresPrograms } from "./measure/ground.ts";
import { MemorySampler } from "./measure/memory_sampler.ts";
import { percentile } from "./measure/numbers.ts";
import { loggedRun, type Transaction } from "./measure/transactions.ts";

const memoryGrowthMax = 0.05;
const p99GrowthMax = 0.2;
/** Of a client that is there all the time. */
const steadyRate = 50;

const { minutes, rate } = readArguments(Deno.args);
const dir = await freshFolder("remoteler-soak-");
let passed = false;
try {
  passed = await soak();
} finally {
  await Deno.remove(dir, { recursive: true }).catch(() => {});
}
Deno.exit(passed ? 0 : 1);

async function soak(): Promise<boolean> {
  const programs = await postgresPrograms();
  if (programs === null) throw new Error("pgbench and PostgreSQL are needed");
  const site = await Site.open({
    ...{ dir, binaries: programs.binaries, sql: benchSql, databases: { bench: {} }, say },
  });
  let clients: Companion | null = null;
  try {
    const path = await nativePath(site, await benchUser(site));
    clients = new Companion("soak_clients", [JSON.stringify(path.env)]);
    const seconds = minutes * 60;
    const sampler = new MemorySampler({
      auth: site.auth.pid,
      proxy: site.proxy.pid,
      agent: site.agents[0]?.pid ?? 0,
    });
    const startedAt = Date.now();
    const [transactions, done] = await Promise.all([
      loggedRun({
        ...{ bin: programs.bin, env: path.env, dir, script: "select 1;", clients: 4, seconds },
        rate: steadyRate,
      }),
      clients.ask<Done>(`run ${seconds} ${rate}`),
    ]);
    sampler.stop();
    return report({ startedAt, seconds, sampler, transactions, done });
  } finally {
    await clients?.end();
    await site.close();
  }
}

interface Done {
  readonly sessions: number;
  readonly statements: number;
  readonly copies: number;
  readonly cancels: number;
  readonly vanished: number;
  readonly failures: number;
  readonly examples: readonly string[];
}

function report(of: {
  readonly startedAt: number;
  readonly seconds: number;
  readonly sampler: MemorySampler;
  readonly transactions: readonly Transaction[];
  readonly done: Done;
}): boolean {
  const { startedAt, seconds, sampler, transactions, done } = of;
  const quarter = (at: number) => Math.floor((at - startedAt) / (seconds * 250));
  const mean = (name: string, which: number): number => {
    const its = (sampler.samples.get(name) ?? []).filter(({ at }) => quarter(at) === which);
    return its.reduce((sum, { mib }) => sum + mib, 0) / Math.max(1, its.length);
  };
  const p99 = (which: number): number => {
    const its = transactions.filter(({ endedAt }) => quarter(endedAt) === which);
    return percentile(its.map(({ latencyMs }) => latencyMs), 0.99) ?? Infinity;
  };
  const rows = [
    ...[...sampler.samples.keys()].map((name) => ({
      name: `memory, ${name} (MiB)`,
      before: mean(name, 1),
      after: mean(name, 3),
      max: memoryGrowthMax,
    })),
    { name: "p99 of a steady client (ms)", before: p99(1), after: p99(3), max: p99GrowthMax },
  ].map((row) => ({ ...row, growth: row.after / row.before - 1 }));
  print(
    `${minutes} minutes: ${done.sessions} sessions, ${done.statements} statements, ` +
      `${done.copies} COPY, ${done.cancels} cancelled, ${done.vanished} left without a word\n`,
  );
  print("| | second quarter | last quarter | growth | at most | |");
  print("| --- | ---: | ---: | ---: | ---: | --- |");
  for (const { name, before, after, growth, max } of rows) {
    const cells = [before.toFixed(1), after.toFixed(1), percent(growth), percent(max)];
    print(`| ${name} | ${cells.join(" | ")} | ${growth <= max ? "met" : "**not met**"} |`);
  }
  for (const example of done.examples) say(`a session went wrong: ${example}`);
  if (done.failures > 0) say(`FAILED: ${done.failures} sessions went wrong`);
  return done.failures === 0 && done.sessions > 0 && rows.every(({ growth, max }) => growth <= max);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function readArguments(args: readonly string[]): { minutes: number; rate: number } {
  let [minutes, rate] = [20, 10];
  for (const arg of args) {
    const [name = "", value = ""] = arg.split("=");
    if (name === "--minutes" && Number(value) > 0) minutes = Number(value);
    else if (name === "--rate" && Number(value) > 0) rate = Number(value);
    else {
      say(`unknown argument ${arg}\nusage: ./scripts/soak [--minutes=20] [--rate=10]`);
      Deno.exit(2);
    }
  }
  return { minutes, rate };
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
