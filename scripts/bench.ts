/**
 * Measures Remoteler, beside a direct connection and other tunnels and by itself:
 * `./scripts/bench [--quick] [--rounds=N] [--seconds=N] [--only=PATH|WORK,...] [--no-write]`.
 * Fails where something stalls or a ratio is under half its bar. Works that were measured on all
 * paths in 7 rounds or more update their rows in docs/benchmarks.md and docs/benchmarks.json.
 */
import { freshFolder } from "./lab/site.ts";
import { judge } from "./measure/bars.ts";
import { figureWorks } from "./measure/figures.ts";
import { readArguments } from "./measure/arguments.ts";
import { postgresPrograms } from "./measure/ground.ts";
import { installPeers } from "./measure/install.ts";
import { keepRows } from "./measure/keep.ts";
import { SharedLab } from "./measure/lab.ts";
import { machineOf } from "./measure/machine.ts";
import { startPaths } from "./measure/paths.ts";
import { sectionOf, tableOf } from "./measure/report.ts";
import { measureWork, warmUp } from "./measure/rounds.ts";
import { figureRows, pathRows, type Row } from "./measure/rows.ts";

const options = readArguments(Deno.args);
const problems: string[] = [];
/** Of the measurement that runs. */
let stalls: string[] = [];
const dir = await freshFolder("remoteler-bench-");
const lab = new SharedLab({ ...options, dir, say, stalled: (text) => stalls.push(text) });
let rows: readonly Row[] = [];
try {
  await installPeers(say, options.peers);
  if (await canMeasure()) rows = await measureAll();
} finally {
  await lab.close();
  await Deno.remove(dir, { recursive: true }).catch(() => {});
}
for (const problem of problems) say(`FAILED: ${problem}`);
if (options.writes) {
  await keepRows(rows);
  say("wrote docs/benchmarks.md and docs/benchmarks.json");
}
Deno.exit(problems.length > 0 ? 1 : 0);

/** Without PostgreSQL the quick form is left out, by name; a whole run fails. */
async function canMeasure(): Promise<boolean> {
  if (await postgresPrograms() !== null) return true;
  const why = "pgbench and PostgreSQL are not installed";
  if (!options.isQuick) throw new Error(`${why}: apt-get install postgresql`);
  const file = Deno.env.get("REMOTELER_SKIPS");
  if (file) await Deno.writeTextFile(file, `scripts/bench: ${why}\n`, { append: true });
  return false;
}

async function measureAll(): Promise<readonly Row[]> {
  const origin = { date: new Date().toISOString(), on: await machineOf() };
  const found: Row[] = [];
  if (options.works.length > 0) {
    const withProduct = options.paths.has("native") || options.paths.has("tsh");
    const ground = await lab.ground(withProduct);
    const { paths, stop } = await startPaths(lab, ground, options.paths);
    const bench = { ...ground, seconds: options.seconds, leadSeconds: options.leadSeconds };
    try {
      await warmUp(bench, paths, options.warmUpSeconds, lab);
      for (const work of options.works) {
        found.push(
          ...await measured(work.name, async () => {
            const rows = pathRows(await measureWork(bench, paths, work, lab), origin);
            print(tableOf(work, rows));
            return rows;
          }),
        );
      }
    } finally {
      await stop();
    }
  }
  for (const work of options.figures) {
    const { name, run } = work;
    if (run === null) continue;
    found.push(
      ...await measured(name, async () => {
        const rows = figureRows(name, await run(lab), origin);
        print(sectionOf(work, rows));
        return rows;
      }),
    );
  }
  return found;
}

/**
 * Runs one measurement; one that can't be done is a problem of its own, and the others go on. The
 * quick form runs on machines that do other things: what looks bad there is looked at twice.
 */
async function measured(
  name: string,
  run: () => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  let rows: readonly Row[] = [];
  for (let tries = options.isQuick ? 2 : 1; tries > 0; tries--) {
    const from = performance.now();
    stalls = [];
    try {
      rows = await run();
    } catch (e) {
      stalls.push(`${name}: ${e instanceof Error ? e.message : e}`);
    }
    say(`${name}: ${((performance.now() - from) / 1000).toFixed(0)} s`);
    const hopeless = judge(rows, figureWorks).filter(({ isHopeless }) => isHopeless);
    stalls.push(...hopeless.map(({ what, value }) => `${what} is ${value}, far from its bar`));
    if (stalls.length === 0) break;
    if (tries > 1) say(`once more: ${stalls.join("; ")}`);
  }
  problems.push(...stalls);
  return rows;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n\n`));
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
