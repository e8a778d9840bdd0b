/** Every single transaction of a pgbench run: who, when, how long. */
import { join } from "../lab/paths.ts";

export interface Transaction {
  readonly client: number;
  readonly latencyMs: number;
  /** When it ended, ms since the epoch. */
  readonly endedAt: number;
}

export interface LoggedRun {
  /** Folder of pgbench. */
  readonly bin: string;
  readonly env: Readonly<Record<string, string>>;
  /** An existing folder for script and log. */
  readonly dir: string;
  /** One transaction. */
  readonly script: string;
  readonly clients: number;
  /** Connecting included. */
  readonly seconds: number;
  /** Transactions/s of all clients together; as many as possible where left out. */
  readonly rate?: number;
  /** Called once all clients are connected and run; they are ended when it resolves. */
  readonly meanwhile?: () => Promise<void>;
}

/** Runs pgbench; throws where it fails. */
export async function loggedRun(options: LoggedRun): Promise<readonly Transaction[]> {
  const { dir } = options;
  const name = crypto.randomUUID();
  await Deno.writeTextFile(join(dir, `${name}.sql`), `${options.script}\n`);
  await pgbench(options, name);
  const found: Transaction[] = [];
  for await (const { name: file } of Deno.readDir(dir)) {
    if (!file.startsWith(name)) continue;
    // One by one: a call takes only so many arguments.
    const isLog = file !== `${name}.sql`;
    for (const one of isLog ? read(await Deno.readTextFile(join(dir, file))) : []) found.push(one);
    await Deno.remove(join(dir, file));
  }
  return found;
}

async function pgbench(options: LoggedRun, name: string): Promise<void> {
  const { bin, env, dir, clients, seconds, rate } = options;
  const child = new Deno.Command(join(bin, "pgbench"), {
    args: [
      ...["-n", "-f", join(dir, `${name}.sql`), "-l", `--log-prefix=${join(dir, name)}`],
      ...["-P", "1", "-T", String(seconds), "-c", String(clients)],
      ...["-j", String(Math.min(2, clients))],
      ...(rate === undefined ? [] : ["-R", String(rate)]),
    ],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout((seconds + 240) * 1000),
  }).spawn();
  let said = "";
  let meanwhile: Promise<void> | null = null;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    said = (said + text).slice(-2000);
    if (meanwhile === null && options.meanwhile && /^progress: \S+ s, (?!0\.0 tps)/m.test(text)) {
      meanwhile = options.meanwhile().finally(() => child.kill("SIGTERM"));
      // Seen below, once pgbench has ended.
      meanwhile.catch(() => {});
    }
  }
  const { code, signal } = await child.status;
  await meanwhile;
  if (code === 0 || (meanwhile !== null && signal === "SIGTERM")) return;
  const last = said.trim().split("\n").filter((line) => !line.startsWith("progress: ")).slice(-2);
  throw new Error(`pgbench ended with ${code}: ${last.join(" ")}`);
}

/**
 * Lines of `client number microseconds script seconds microseconds`; the last one may be cut off,
 * or a few of them missing, where pgbench was ended.
 */
function read(text: string): readonly Transaction[] {
  return text.split("\n").slice(0, -1).map((line) => {
    const [client = 0, , us = 0, , s = 0, part = 0] = line.split(" ").map(Number);
    return { client, latencyMs: us / 1000, endedAt: s * 1000 + part / 1000 };
  });
}
