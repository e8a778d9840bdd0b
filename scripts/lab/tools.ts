/** What demo, tests and benchmarks need of the machine: processes, ports, packages, waiting. */
import { fromFileUrl, join } from "./paths.ts";

export const root = fromFileUrl(new URL("../../", import.meta.url));

/** A user id to run servers as that refuse to run as root; null where we are not root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly as?: ServerUser | null;
  readonly timeoutMs?: number;
  /** Called with all of stderr so far whenever there is more. */
  readonly hear?: (stderr: string) => void;
}

/** Runs a program to its end; never throws for an exit code. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const signal = AbortSignal.timeout(options.timeoutMs ?? 120_000);
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.as ? { uid: options.as.uid, gid: options.as.gid } : {}),
  }).spawn();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.input)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const stdout = new Response(child.stdout).text();
  let stderr = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text;
    options.hear?.(stderr);
  }
  const { code } = await child.status;
  return { code, stdout: await stdout, stderr };
}

/** Like {@linkcode run}, and throws with what the program said when it fails. */
export async function must(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const done = await run(program, args, options);
  if (done.code === 0) return done.stdout;
  throw new Error(
    `${program} ${args.join(" ")} ended with ${done.code}:\n${done.stderr}${done.stdout}`,
  );
}

/** The path of a program, or null where it isn't installed. */
export async function which(program: string): Promise<string | null> {
  for (const dir of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = join(dir, program);
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch {
      // not in this one
    }
  }
  return null;
}

/** A TCP port of the loopback address that was free a moment ago. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = listener.addr.port;
  listener.close();
  return port;
}

/** Asks `probe` until it gives something, or throws after `timeoutMs` naming `what`. */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > until) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(50);
  }
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function isRoot(): boolean {
  return Deno.uid() === 0;
}

/** Where downloaded packages are kept between runs; readable by other users when we are root. */
export function cacheDir(): string {
  const set = Deno.env.get("REMOTELER_TOOLS");
  if (set) return set;
  if (isRoot()) return "/var/cache/remoteler-tools";
  const base = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/tmp", ".cache");
  return join(base, "remoteler-tools");
}

/** A folder with these npm packages in `node_modules`, made once for each set of versions. */
export async function npmPackages(
  name: string,
  packages: Readonly<Record<string, string>>,
): Promise<string> {
  const versions = Object.entries(packages).map(([p, v]) => `${p}@${v}`).join("+");
  const dir = join(cacheDir(), `${name}-${versions.replaceAll(/[^A-Za-z0-9.@+-]/g, "_")}`);
  const done = join(dir, ".done");
  if (await exists(done)) return dir;
  await Deno.mkdir(dir, { recursive: true });
  const imports = Object.fromEntries(
    Object.entries(packages).map(([p, v]) => [p, `npm:${p}@${v}`]),
  );
  await Deno.writeTextFile(
    join(dir, "deno.json"),
    JSON.stringify({ nodeModulesDir: "auto", imports }),
  );
  await must(Deno.execPath(), ["install", "-q"], { cwd: dir, timeoutMs: 300_000 });
  await must("chmod", ["-R", "a+rX", dir]);
  await Deno.writeTextFile(done, "");
  return dir;
}

export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
  return Number(found?.[1] ?? 0) / 1024;
}

/** CPU seconds a process has used, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
