/**
 * Runs the tests: `./scripts/test [--only=GROUP,...] [--all]`. As root on Debian it first installs
 * the real servers and clients; elsewhere it names what it leaves out. Groups run side by side,
 * but for the one that measures, which comes last.
 */
import { join } from "./lab/paths.ts";
import { exists, isRoot, must, root, run } from "./lab/tools.ts";

interface Step {
  readonly name: string;
  readonly args: readonly string[];
  /** Ends with a JUnit report instead of one result. */
  readonly tests?: boolean;
}

const everything = ["-A", "--no-prompt"];
const pureRooms = ["bytes", "core", "schema", "wire", "tunnel", "access", "ca"];
const otherRooms = [
  ...["api", "audit", "backend", "identity", "auth", "proxy", "db", "client", "admin"],
  ...["config", "cli", "sys", "service"],
];
const needsOpenssl = "**/*_openssl_test.ts";

/** Skips that are right on Debian as root; any other there is a failure. */
const allowedSkips: readonly string[] = [
  // Debian's Go is older than what the driver needs.
  "driver pgx: go",
  // Debian sid changes from day to day, and not every mirror has sources.
  "driver psql 18: Debian sid's packages can't be had",
  "Redis of Debian sid: Debian sid's packages can't be had",
  "Valkey of Debian sid: Debian sid's packages can't be had",
  "MySQL: Debian sid's packages can't be had",
  "driver go-sql-driver: go",
  "driver go-redis: go",
  "PostgreSQL 18's own regression scripts: Debian sid's packages can't be had",
  "PostgreSQL 15's own regression scripts: Debian's sources can't be had",
  // Containers often have neither TUN devices nor the right to make namespaces.
  "a slow, lossy network between agent and proxy: there is no /dev/net/tun",
  "a slow, lossy network between agent and proxy: this system lets root make no",
];

const groups: Readonly<Record<string, (all: boolean) => Promise<Step[]>>> = {
  unit: async () => [
    { name: "fmt", args: ["fmt", "--check", "--quiet"] },
    { name: "lint", args: ["lint", "--quiet"] },
    { name: "check", args: ["check", "--quiet", ...await roots()] },
    { name: "generated", args: ["run", ...everything, "scripts/generate.ts", "--check"] },
    tests("pure rooms, no permissions", [`--ignore=${needsOpenssl}`], await rooms(pureRooms)),
    tests("rooms", everything, [...await rooms(otherRooms), ...await opensslTests()]),
    tests("house", everything, ["tests/fakes", "tests/fuzz", ...await houseTests()]),
  ],
  postgres: () => e2e("postgres"),
  redis: () => e2e("redis"),
  mysql: () => e2e("mysql"),
  tunnel: () => e2e("tunnel"),
  audit: () => e2e("audit"),
  cli: () => e2e("cli"),
  faults: () => e2e("faults"),
  packaging: () => e2e("packaging"),
  bench: () => Promise.resolve([quickBench]),
};
/**
 * Groups that measure: they run after all others, with the machine to themselves, and only where
 * they are asked for, by name or with `--all`.
 */
const alone: readonly string[] = ["bench"];
const quickBench: Step = {
  name: "quick",
  args: ["run", "--quiet", ...everything, "scripts/bench.ts", "--quick"],
};

const started = performance.now();
const options = readArguments(Deno.args);
const work = await Deno.makeTempDir({ prefix: "remoteler-test-" });
const skipsFile = join(work, "skips");
await Deno.writeTextFile(skipsFile, "");
const strict = isRoot() && await exists("/etc/debian_version");
if (strict) await install();

const totals = { passed: 0, failed: 0 };
const failures: string[] = [];
const usual = Object.keys(groups).filter((name) => options.all || !alone.includes(name));
const chosen = options.only.length > 0 ? options.only : usual;
const queue = chosen.filter((name) => !alone.includes(name));
await Promise.all([worker(), worker()]);
queue.push(...chosen.filter((name) => alone.includes(name)));
await worker();
await finish();

async function worker(): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    for (const step of await groups[name]?.(options.all) ?? []) await runStep(name, step);
  }
}

async function runStep(group: string, step: Step): Promise<void> {
  const at = performance.now();
  const report = join(work, `${group}-${step.name.replaceAll(/\W/g, "_")}.xml`);
  const args = step.tests ? [...step.args, `--junit-path=${report}`] : step.args;
  const done = await run(Deno.execPath(), args, {
    cwd: root,
    timeoutMs: options.all ? 5_400_000 : 2_000_000,
    env: {
      NO_COLOR: "1",
      REMOTELER_SKIPS: skipsFile,
      ...(options.all ? { REMOTELER_TEST_ALL: "1" } : {}),
    },
  });
  const counted = step.tests
    ? await readReport(report)
    : { passed: done.code === 0 ? 1 : 0, failed: done.code === 0 ? 0 : 1 };
  // A runner that died counts as a failure even where its report says nothing of it.
  if (done.code !== 0 && counted.failed === 0) counted.failed = 1;
  totals.passed += counted.passed;
  totals.failed += counted.failed;
  const seconds = ((performance.now() - at) / 1000).toFixed(1);
  say(`${group}: ${step.name}: ${counted.passed} passed, ${counted.failed} failed (${seconds} s)`);
  if (counted.failed > 0) failures.push(`--- ${group}: ${step.name}\n${done.stdout}${done.stderr}`);
}

async function readReport(path: string): Promise<{ passed: number; failed: number }> {
  if (!(await exists(path))) return { passed: 0, failed: 1 };
  const xml = await Deno.readTextFile(path);
  // The totals stand in the first <testsuites>; steps of a test are inside its own case.
  const head = /<testsuites[^>]*>/.exec(xml)?.[0] ?? "";
  const number = (name: string) => Number(new RegExp(`${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const skipped = [...xml.matchAll(/<skipped/g)].length;
  const failed = number("failures") + number("errors");
  return { passed: number("tests") - failed - skipped, failed };
}

async function finish(): Promise<never> {
  for (const text of failures) say(text);
  const skips = [...new Set((await Deno.readTextFile(skipsFile)).split("\n"))].filter((s) => s);
  for (const skip of skips) {
    say(`skipped: ${skip}`);
    if (strict && !allowedSkips.some((allowed) => skip.startsWith(allowed))) {
      say(`  not allowed to be skipped on Debian as root`);
      totals.failed++;
    }
  }
  await Deno.remove(work, { recursive: true }).catch(() => {});
  say(`${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  say(`${totals.passed} passed, ${totals.failed} failed`);
  Deno.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
}

function tests(name: string, flags: readonly string[], paths: readonly string[]): Step {
  return { name, tests: true, args: ["test", "--quiet", ...flags, ...paths] };
}

async function e2e(group: string): Promise<Step[]> {
  const files: string[] = [];
  const folder = join(root, "tests", group);
  if (!(await exists(folder))) return [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith("_test.ts")) files.push(`tests/${group}/${entry.name}`);
  }
  return files.sort().map((file) =>
    tests(file.replace(/.*\/(.*)_test\.ts/, "$1"), everything, [file])
  );
}

/** The tests right below tests/: rules of the tree and what is generated. */
async function houseTests(): Promise<string[]> {
  const list = await must("git", ["ls-files", "tests/*_test.ts"], { cwd: root });
  return list.split("\n").filter((path) => /^tests\/[^/]+$/.test(path));
}

async function rooms(names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) if (await exists(join(root, "lib", name))) found.push(`lib/${name}`);
  return found;
}

async function opensslTests(): Promise<string[]> {
  if ((await run("openssl", ["version"]).catch(() => ({ code: 1 }))).code !== 0) {
    await Deno.writeTextFile(skipsFile, "openssl's opinion of certificates: no openssl\n", {
      append: true,
    });
    return [];
  }
  const found = await must("git", ["ls-files", "lib/**/*_openssl_test.ts"], { cwd: root });
  return found.split("\n").filter((line) => line);
}

async function roots(): Promise<string[]> {
  const list = await must("git", ["ls-files", "*.ts"], { cwd: root });
  return list.split("\n").filter((line) => line);
}

/** The real servers and clients, by Debian's packages; what is there already costs nothing. */
async function install(): Promise<void> {
  const wanted: Readonly<Record<string, string>> = {
    "/usr/lib/postgresql/15/bin/postgres": "postgresql",
    "/usr/bin/psql": "postgresql-client",
    "/usr/sbin/mariadbd": "mariadb-server",
    "/usr/bin/mariadb": "mariadb-client",
    "/usr/bin/sysbench": "sysbench",
    "/usr/bin/openssl": "openssl",
    "/usr/bin/redis-server": "redis-server",
    "/usr/bin/redis-cli": "redis-tools",
    "/usr/bin/bzip2": "bzip2",
    "/usr/bin/ip": "iproute2",
    "/usr/bin/zsh": "zsh",
    "/usr/bin/systemd-analyze": "systemd",
    "/usr/bin/fish": "fish",
    "/usr/bin/setpriv": "util-linux",
    "/usr/lib/python3.11/ensurepip/__init__.py": "python3-venv",
    "/usr/bin/javac": "openjdk-17-jdk-headless",
    "/usr/bin/mvn": "maven",
  };
  const missing: string[] = [];
  for (const [path, name] of Object.entries(wanted)) if (!(await exists(path))) missing.push(name);
  if (!(await exists("/usr/bin/node")) && !(await exists("/usr/local/bin/node"))) {
    missing.push("nodejs");
  }
  if (missing.length === 0) return;
  say(`installing ${missing.join(" ")} ...`);
  // RUNLEVEL=1 keeps the packages from starting their daemons.
  const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await must("apt-get", ["update", "-qq"], { env, timeoutMs: 300_000 });
  await must("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], {
    env,
    timeoutMs: 900_000,
  });
}

function readArguments(args: readonly string[]): { only: string[]; all: boolean } {
  const only: string[] = [];
  let all = false;
  for (const arg of args) {
    if (arg === "--all") all = true;
    else if (arg.startsWith("--only=")) only.push(...arg.slice("--only=".length).split(","));
    else usage(`unknown argument ${arg}`);
  }
  for (const name of only) if (!(name in groups)) usage(`no group ${name}`);
  return { only, all };
}

function usage(problem: string): never {
  say(`${problem}\nusage: ./scripts/test [--only=${Object.keys(groups).join(",")}] [--all]`);
  Deno.exit(2);
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
