/**
 * Measures the executables: `./scripts/footprint [--rounds=N] [--no-write]`. How long a start takes
 * beside a bare one of the runtime, what the services need while they are idle, and how large all
 * is. Writes the tables of docs/executables.md.
 */
import { join } from "./lab/paths.ts";
import type { Person, Service } from "./lab/services.ts";
import { freshFolder, Site } from "./lab/site.ts";
import { debianPostgres, embeddedPostgres } from "./lab/postgres.ts";
import { must, root } from "./lab/tools.ts";
import { keepRows } from "./measure/keep.ts";
import { machineOf } from "./measure/machine.ts";
import { type IdleRow, watchIdle } from "./measure/resting.ts";
import { libraries, loader, measureSizes, programNames, type SizeRow } from "./measure/sizes.ts";
import { figureRows } from "./measure/rows.ts";
import { start } from "./measure/start.ts";
import { type Start, type StartRow, timeStarts } from "./measure/start_up.ts";

/** A start of the runtime alone. */
const bare = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-lock", "--allow-read"];
const options = readArguments(Deno.args);
const dir = await freshFolder("remoteler-footprint-");
const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
try {
  const text = await measureAll();
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  if (options.writes) await write(text);
} finally {
  await Deno.remove(dir, { recursive: true });
}

async function measureAll(): Promise<string> {
  const dist = join(dir, "dist");
  say("building ...");
  await must(join(root, "scripts", "build"), [`--dist=${dist}`], { timeoutMs: 600_000 });
  Deno.env.set("REMOTELER_DIST", dist);
  const cache = join(dir, "cache");
  Deno.env.set("REMOTELER_CACHE", cache);
  say("starting a site ...");
  const site = await Site.open({
    dir,
    binaries: await debianPostgres() ?? await embeddedPostgres(say),
    sql: "create role alice login;\n\ncreate database orders owner alice;\n",
    databases: { orders: { env: "prod" } },
  });
  try {
    const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
    await site.login(alice, "alice");
    await alice.mustTsh(["db", "login", "orders"]);
    say("watching it do nothing ...");
    const services: [string, Service][] = [["auth", site.auth], ["proxy", site.proxy]];
    for (const agent of site.agents) services.push(["db", agent]);
    const idle = await watchIdle(services, 10_000, 20_000);
    say("timing starts ...");
    const starts = await timeStarts(startsOf(dist, cache, site, alice), options.rounds);
    if (options.writes) await keepStarts(starts);
    say("measuring libraries ...");
    const loads = await timeStarts(await loadsOf(), options.rounds);
    const sizes = await measureSizes(join(dir, "sizes"));
    return [
      `Measured ${new Date().toISOString().slice(0, 10)} on ${await machine()}, medians of ` +
      `${options.rounds} rounds in which each had its turn.`,
      "### Start",
      startTable(starts),
      "### At rest",
      idleTable(idle),
      "### Size",
      await sizeTable(dist, cache),
      libraryTable(sizes.rows, loads),
    ].join("\n\n");
  } finally {
    await site.close();
  }
}

/** A bare start of the runtime, then ours, all with the launcher and warm caches. */
function startsOf(dist: string, cache: string, site: Site, alice: Person): readonly Start[] {
  const hello = join(dir, "hello.js");
  Deno.writeTextFileSync(hello, 'console.log("hello");\n');
  const own = { REMOTELER_CACHE: cache, REMOTELER_CONFIG: site.auth.configFile };
  const called = (program: string, ...args: readonly string[]): Start => ({
    name: `${program} ${args.join(" ")}`,
    line: [join(dist, program), ...args],
    env: { ...alice.env, ...own },
  });
  const env = { DENO_DIR: join(dir, "deno"), HOME: dir };
  return [
    { name: "deno run hello.js", line: [...bare, hello], env },
    called("tsh", "version"),
    called("tsh", "version", "--format=json"),
    called("tsh", "status"),
    called("tsh", "db", "env", "orders"),
    called("tsh", "db", "ls"),
    called("tsh", "completion", "words", "--", "db", "connect", "o"),
    called("tsh", "--help"),
    called("remoteler", "version"),
    called("remoteler", "status"),
    called("remoteler", "users", "ls"),
  ];
}

async function loadsOf(): Promise<readonly Start[]> {
  const hello = join(dir, "hello.js");
  const env = { DENO_DIR: join(dir, "deno"), HOME: dir };
  const starts: Start[] = [{ name: "nothing", line: [...bare, hello], env }];
  for (const library of libraries) {
    const file = await loader(library, dir);
    starts.push({ name: library, line: [...bare, "--allow-env", file], env });
  }
  return starts;
}

/** The two that have a bar also stand beside the other measurements. */
async function keepStarts(starts: readonly StartRow[]): Promise<void> {
  const origin = { date: new Date().toISOString(), on: await machineOf() };
  const found = start.figures.map(({ name: figure }) => {
    const row = starts.find(({ name }) => figure.startsWith(`\`${name}\``));
    return { figure, rounds: row?.rounds ?? [] };
  });
  await keepRows(figureRows(start.name, found, origin));
}

function startTable(rows: readonly StartRow[]): string {
  return tableOf(
    ["command", "ms", "fastest", "CPU ms", "× a bare start"],
    rows.map((row) => [
      `\`${row.name}\``,
      row.ms.toFixed(0),
      row.fastestMs.toFixed(0),
      row.cpuMs.toFixed(0),
      row.ratio.toFixed(1),
    ]),
  );
}

function idleTable(rows: readonly IdleRow[]): string {
  const head = ["service", "resident MiB", "proportional MiB", "threads", "CPU ms in a second"];
  return tableOf(
    head,
    rows.map((row) => [
      row.name,
      row.residentMiB.toFixed(0),
      row.proportionalMiB.toFixed(0),
      String(row.threads),
      row.cpuMsPerSecond.toFixed(1),
    ]),
  );
}

async function sizeTable(dist: string, cache: string): Promise<string> {
  const rows: string[][] = [];
  for (const name of programNames) {
    const executable = (await Deno.stat(join(dist, name))).size;
    const unpacked = [...Deno.readDirSync(cache)].find((entry) =>
      entry.name.startsWith(`${name}-`)
    );
    const folder = join(cache, unpacked?.name ?? "");
    const sizes = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
      .map((entry) => Deno.statSync(join(folder, entry.name)).size);
    const program = sizes.reduce((sum, size) => sum + size, 0);
    rows.push([`\`${name}\``, megabytes(executable), megabytes(program), String(sizes.length)]);
  }
  const runtime = (await Deno.stat(Deno.execPath())).size;
  return tableOf(["executable", "MB", "its program unpacked, MB", "files"], rows) +
    `\n\nThe runtime is ${megabytes(runtime)} MB unpacked, and the same for both.`;
}

/** Each beside a start that loads nothing. */
function libraryTable(rows: readonly SizeRow[], loads: readonly StartRow[]): string {
  const base = loads[0]?.cpuMs ?? NaN;
  const head = ["library", ...programNames.flatMap((name) => [`${name} KB`, "packed"]), "CPU ms"];
  return tableOf(
    head,
    rows.map(({ library, adds }) => {
      const load = loads.find(({ name }) => name === library);
      const sizes = programNames.flatMap((name) => {
        const { bytes = 0, packed = 0 } = adds[name] ?? {};
        return bytes < 500 ? ["–", "–"] : [kilobytes(bytes), kilobytes(packed)];
      });
      return [library, ...sizes, Math.max(0, (load?.cpuMs ?? NaN) - base).toFixed(0)];
    }),
  );
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, index) => index === 0 ? "---" : "---:");
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function kilobytes(bytes: number): string {
  return (bytes / 1e3).toFixed(0);
}

async function machine(): Promise<string> {
  const info = await Deno.readTextFile("/proc/cpuinfo");
  const cpu = /model name\s*:\s*(.+)/.exec(info)?.[1]?.trim() ?? Deno.build.arch;
  return `${navigator.hardwareConcurrency} × ${cpu}, Linux ${Deno.osRelease()}, ` +
    `Deno ${Deno.version.deno}`;
}

/** Between the two marks of the page. */
async function write(text: string): Promise<void> {
  const path = join(root, "docs", "executables.md");
  const marks = /(?<=<!-- measured -->\n)[^]*(?=<!-- end -->)/;
  const page = await Deno.readTextFile(path);
  if (!marks.test(page)) throw new Error("docs/executables.md has lost its marks");
  await Deno.writeTextFile(path, page.replace(marks, () => `\n${text}\n\n`));
  await must(Deno.execPath(), ["fmt", "--quiet", path], { cwd: root });
  say("wrote docs/executables.md and the rows of starts in docs/benchmarks.md");
}

function readArguments(args: readonly string[]): { rounds: number; writes: boolean } {
  let [rounds, writes] = [15, true];
  for (const arg of args) {
    const [name = "", value = ""] = arg.split("=");
    if (name === "--rounds" && Number(value) >= 1) rounds = Number(value);
    else if (name === "--no-write") writes = false;
    else throw new Error(`unknown argument ${arg}: [--rounds=N] [--no-write]`);
  }
  return { rounds, writes };
}
