/** What a benchmark needs beside the project: PostgreSQL, MariaDB, their loads, and the peers. */
import { join } from "../lab/paths.ts";
import { cacheDir, exists, isRoot, must, run, which } from "../lab/tools.ts";

const chiselVersion = "v1.10.1";

const databases: Readonly<Record<string, string>> = { "/usr/bin/pgbench": "postgresql" };
const mysql: Readonly<Record<string, string>> = {
  "/usr/sbin/mariadbd": "mariadb-server",
  "/usr/bin/sysbench": "sysbench",
};
const peers: Readonly<Record<string, string>> = {
  "/usr/sbin/pgbouncer": "pgbouncer",
  "/usr/bin/stunnel4": "stunnel4",
};

/** As root on Debian: installs what is missing, the other tunnels if wanted. Elsewhere nothing. */
export async function installPeers(say: (text: string) => void, withPeers: boolean): Promise<void> {
  if (!isRoot() || !(await exists("/etc/debian_version"))) return;
  const wanted: Record<string, string> = { ...databases, ...mysql, ...(withPeers ? peers : {}) };
  if (withPeers && (await goProgram()) === null) wanted["/usr/bin/go"] = "golang-go";
  const missing: string[] = [];
  for (const [path, name] of Object.entries(wanted)) if (!(await exists(path))) missing.push(name);
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

/** Builds chisel from the Go module proxy, once; gives its path, or why there is none. */
export async function chiselProgram(
  say: (text: string) => void,
): Promise<{ readonly path: string } | { readonly why: string }> {
  const dir = join(cacheDir(), `chisel-${chiselVersion}`);
  const path = join(dir, "chisel");
  if (await exists(path)) return { path };
  const go = await goProgram();
  if (go === null) return { why: "no Go toolchain to build chisel with" };
  say(`building chisel ${chiselVersion} (a minute, once) ...`);
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(
    join(dir, "go.mod"),
    "module remoteler.invalid/bench\n\ngo 1.21\n\n" +
      `require github.com/jpillora/chisel ${chiselVersion}\n`,
  );
  await Deno.writeTextFile(
    join(dir, "tools.go"),
    '//go:build tools\n\npackage bench\n\nimport _ "github.com/jpillora/chisel"\n',
  );
  const args = ["build", "-mod=mod", "-trimpath", "-o", "chisel.new", "github.com/jpillora/chisel"];
  const built = await run(go, args, { cwd: dir, timeoutMs: 600_000 });
  if (built.code !== 0) return { why: `chisel can't be built: ${lastLine(built.stderr)}` };
  await Deno.rename(join(dir, "chisel.new"), path);
  return { path };
}

async function goProgram(): Promise<string | null> {
  const onPath = await which("go");
  if (onPath !== null) return onPath;
  return await exists("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : null;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
