/**
 * Measures Remoteler beside a direct connection and other tunnels:
 * `./scripts/bench [--quick] [--rounds=N] [--seconds=N] [--only=PATH|WORK,...] [--no-write]`.
 * Paths take turns in rounds. Fails where a path stalls. A whole run of 5 rounds or more writes
 * docs/benchmarks.md and docs/benchmarks.json.
 */
import { join } from "./lab/paths.ts";
import { freshFolder } from "./lab/site.ts";
import { must, root } from "./lab/tools.ts";
import {
  benchUser,
  databaseName,
  databaseUser,
  type Ground,
  nativePath,
  prepareGround,
  tshPath,
} from "./measure/ground.ts";
import { installPeers } from "./measure/install.ts";
import { isMissing, type Missing, type Path, type PathName, pathNames } from "./measure/path.ts";
import { startChisel, startPgbouncer, startStunnel } from "./measure/peers.ts";
import {
  documentOf,
  type Group,
  type Machine,
  type Row,
  rowsOf,
  tableOf,
} from "./measure/report.ts";
import { compareTls, tlsOf, type TlsSeen } from "./measure/tls_check.ts";
import { measure, type Measured, type Work, works } from "./measure/works.ts";

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly paths: ReadonlySet<string>;
  readonly works: readonly Work[];
  readonly writes: boolean;
}

const options = readArguments(Deno.args);
const say = (text: string): void => {
  Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
};
const dir = await freshFolder("remoteler-bench-");
await installPeers(say);
const withProduct = options.paths.has("native") || options.paths.has("tsh");
const ground = await prepareGround(dir, { withProduct, say });
let failed = false;
try {
  failed = await bench(ground);
} finally {
  await ground.close();
  await Deno.remove(dir, { recursive: true }).catch(() => {});
}
Deno.exit(failed ? 1 : 0);

/** True where something stalled. */
async function bench(ground: Ground): Promise<boolean> {
  const date = new Date().toISOString();
  const all = await startPaths(ground);
  const paths = all.filter((path): path is Path => !isMissing(path));
  for (const path of all.filter(isMissing)) say(`not measured: ${path.name}: ${path.why}`);
  try {
    const tls = await checkTls(ground, paths);
    const stalls: string[] = [];
    const rows: Row[] = [];
    const tables: string[] = [];
    for (const work of options.works) {
      const group = await measureWork(ground, paths, { work, stalls });
      const its = rowsOf(group, date);
      rows.push(...its);
      tables.push(tableOf(group, its));
      Deno.stdout.writeSync(new TextEncoder().encode(tables.at(-1) + "\n\n"));
    }
    for (const stall of stalls) say(`STALL: ${stall}`);
    const run = { ...options, date, machine: await machineOf(ground, tls), missing: all, stalls };
    if (options.writes) await write(rows, documentOf(run, tables));
    return stalls.length > 0;
  } finally {
    for (const path of paths) await path.stop();
  }
}

async function startPaths(ground: Ground): Promise<(Path | Missing)[]> {
  const peer = {
    dir: ground.dir,
    authority: ground.authority,
    postgresPort: ground.postgres.port,
    databaseUser,
    databaseName,
    direct: ground.direct,
    say,
  };
  const { site } = ground;
  const person = site === null ? null : await benchUser(site);
  const left: Missing["why"] = "left out by --only";
  const start: Readonly<Record<PathName, () => Promise<Path | Missing>>> = {
    direct: () =>
      Promise.resolve({
        name: "direct",
        env: ground.direct,
        pids: [],
        clientTls: true,
        stop: () => Promise.resolve(),
      }),
    native: () =>
      site && person ? nativePath(site, person) : Promise.resolve({ name: "native", why: left }),
    tsh: () => site && person ? tshPath(site, person) : Promise.resolve({ name: "tsh", why: left }),
    pgbouncer: () => startPgbouncer(peer),
    stunnel: () => startStunnel(peer),
    chisel: () => startChisel(peer),
  };
  const paths: (Path | Missing)[] = [];
  for (const name of pathNames) {
    paths.push(options.paths.has(name) ? await start[name]() : { name, why: left });
  }
  return paths;
}

/** Throws unless all use the TLS of the direct connection; gives that in words. */
async function checkTls(ground: Ground, paths: readonly Path[]): Promise<string> {
  let direct: TlsSeen | null = null;
  for (const path of paths) {
    const seen = await tlsOf(ground.bin, path);
    direct ??= seen;
    compareTls(path, seen, direct);
  }
  return direct?.client ?? "";
}

/** Rounds of one work; each round starts with another path. */
async function measureWork(
  ground: Ground,
  paths: readonly Path[],
  of: { readonly work: Work; readonly stalls: string[] },
): Promise<Group> {
  const { work, stalls } = of;
  const rounds = new Map<string, Measured[]>(paths.map((path) => [path.name, []]));
  const bench = { ...ground, seconds: options.seconds };
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < paths.length; turn++) {
      const path = paths[(round + turn) % paths.length];
      if (path === undefined) continue;
      const got = await measure(bench, path, work);
      rounds.get(path.name)?.push(got);
      const what = `${work.name} c${work.clients} round ${round + 1} ${path.name}`;
      say(`${what}: ${got.value.toFixed(0)} ${work.unit}, ${got.cpuUs.toFixed(0)} µs`);
      if (got.stall !== null) stalls.push(`${what}: ${got.stall}`);
    }
  }
  return { work, rounds };
}

async function write(rows: readonly Row[], text: string): Promise<void> {
  const json = "[\n" + rows.map((row) => "  " + JSON.stringify(row)).join(",\n") + "\n]\n";
  await Deno.writeTextFile(join(root, "docs", "benchmarks.json"), json);
  await Deno.writeTextFile(join(root, "docs", "benchmarks.md"), text);
  say("wrote docs/benchmarks.md and docs/benchmarks.json");
}

async function machineOf(ground: Ground, tls: string): Promise<Machine> {
  const info = await Deno.readTextFile("/proc/cpuinfo");
  const version = await must(join(ground.bin, "postgres"), ["--version"]);
  return {
    cpu: /model name\s*:\s*(.+)/.exec(info)?.[1]?.trim() ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    system: `Linux ${Deno.osRelease()}`,
    versions: [
      `PostgreSQL ${/\d+\.\d+/.exec(version)?.[0] ?? "?"}`,
      `Deno ${Deno.version.deno}`,
      "chisel v1.10.1",
    ],
    tls,
  };
}

function readArguments(args: readonly string[]): Options {
  let [rounds, seconds, writes] = [5, 5, true];
  const only: string[] = [];
  for (const arg of args) {
    const [name = "", value = ""] = arg.split("=");
    if (name === "--quick") [rounds, seconds] = [2, 2];
    else if (name === "--rounds" && Number(value) >= 1) rounds = Number(value);
    else if (name === "--seconds" && Number(value) >= 1) seconds = Number(value);
    else if (name === "--only") only.push(...value.split(","));
    else if (name === "--no-write") writes = false;
    else usage(`unknown argument ${arg}`);
  }
  const paths = only.filter((name) => pathNames.some((path) => path === name));
  const chosen = works.filter((work) => only.includes(work.name));
  for (const name of only) {
    if (!paths.includes(name) && !chosen.some((work) => work.name === name)) {
      usage(`no path and no work is called ${name}`);
    }
  }
  return {
    rounds,
    seconds,
    paths: new Set(paths.length > 0 ? ["direct", ...paths] : pathNames),
    works: chosen.length > 0 ? chosen : works,
    writes: writes && only.length === 0 && rounds >= 5,
  };
}

function usage(problem: string): never {
  const text = `${problem}\nusage: ./scripts/bench [--quick] [--rounds=N] [--seconds=N] ` +
    `[--only=PATH|WORK,...] [--no-write]\npaths: ${pathNames.join(" ")}\n` +
    `works: ${[...new Set(works.map((work) => work.name))].join(" ")}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
  Deno.exit(2);
}
