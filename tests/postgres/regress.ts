/** PostgreSQL's own regression scripts by its own `pg_regress`, and what they printed. */
import { join } from "../../scripts/lab/paths.ts";
import type { PostgresServer } from "../../scripts/lab/postgres.ts";
import { exists, must, run, type ServerUser } from "../../scripts/lab/tools.ts";
import type { Env } from "./raw_client.ts";

/** Scripts that belong together: one folder, one database. */
export interface Suite {
  readonly name: string;
  /** The folder with the scripts and what is expected of them. */
  readonly folder: string;
  /** In this order; those of one line of a schedule run side by side. */
  readonly scripts: Schedule | { readonly names: readonly string[] };
  /** Run by `isolationtester`, which asks the server about its sessions by their process ids. */
  readonly isolation?: true;
}

export interface Schedule {
  readonly schedule: string;
  readonly leaveOut?: readonly string[];
}

export interface RegressPrograms {
  /** A program of this package, and the arguments before its own. */
  command(name: "psql" | "pg_regress" | "pg_isolation_regress"): readonly string[];
  /** The server's own libraries. */
  readonly libraries: string;
}

/** Where to run and whose programs. */
export interface Where {
  /** An empty folder for what comes out, which the server writes to as well. */
  readonly dir: string;
  readonly env: Env;
  readonly server: PostgresServer;
  readonly serverUser: ServerUser | null;
  readonly programs: RegressPrograms;
}

const atOnce = 6;
const timeoutMs = 1_800_000;

/** What `pg_regress` sets for the databases it makes. */
const settings = [
  ...["lc_messages = 'C'", "lc_monetary = 'C'", "lc_numeric = 'C'", "lc_time = 'C'"],
  ...["bytea_output = 'hex'", "timezone_abbreviations = 'Default'"],
  // It sets this one by PGOPTIONS, which the proxy does not let through.
  "intervalstyle = 'postgres_verbose'",
];

/** Runs a suite in a new database; each script's output by the script's name. */
export async function runSuite(suite: Suite, where: Where): Promise<Map<string, string>> {
  const database = `regression_${suite.name.replaceAll("-", "_")}`;
  await make(database, where);
  const out = join(where.dir, suite.name);
  await Deno.mkdir(join(out, "results"), { recursive: true });
  if (where.serverUser) {
    for (const dir of [out, join(out, "results")]) {
      await Deno.chown(dir, where.serverUser.uid, where.serverUser.gid);
    }
  }
  const { scripts, isolation } = suite;
  const [program = "", ...first] = where.programs.command(
    isolation ? "pg_isolation_regress" : "pg_regress",
  );
  // It ends with 1 where a result is not the expected one, which is not the question here.
  const done = await run(program, [
    ...[...first, "--use-existing", `--dbname=${database}`, `--bindir=${await bin(where)}`],
    ...["--launcher=env -u PGOPTIONS", `--dlpath=${where.programs.libraries}`],
    ...[`--inputdir=${suite.folder}`, `--outputdir=${out}`],
    ...("schedule" in scripts
      ? [`--schedule=${await shortened(scripts, out)}`, `--max-connections=${atOnce}`]
      : scripts.names),
  ], { env: { ...where.env }, timeoutMs });
  if (done.code > 1) throw new Error(`pg_regress of ${suite.name}: ${done.stdout}${done.stderr}`);
  return await results(out);
}

/** The names of the scripts that a suite's Makefile lists. */
export async function listedScripts(makefile: string): Promise<string[]> {
  const text = (await Deno.readTextFile(makefile)).replaceAll("\\\n", " ");
  const list = /^REGRESS\s*=\s*(.+)$/m.exec(text)?.[1] ?? "";
  return list.replace(/#.*/, "").split(/\s+/).filter((name) => /^\w+$/.test(name));
}

/** The schedule without what is left out, as a file of its own. */
async function shortened({ schedule, leaveOut = [] }: Schedule, out: string): Promise<string> {
  const lines = (await Deno.readTextFile(schedule)).split("\n").map((line) =>
    line.split(" ").filter((word) => !leaveOut.includes(word)).join(" ")
  );
  const file = join(out, "schedule");
  await Deno.writeTextFile(file, lines.filter((line) => line.trim() !== "test:").join("\n"));
  return file;
}

async function make(database: string, { server, programs }: Where): Promise<void> {
  const statements = [
    `create database ${database} template template0`,
    ...settings.map((one) => `alter database ${database} set ${one}`),
  ];
  const [psql = "", ...first] = programs.command("psql");
  await must(psql, [
    ...[...first, "-qX", "-v", "ON_ERROR_STOP=1", "-U", "postgres"],
    ...["-h", server.socketDir, "-p", String(server.port)],
    ...statements.flatMap((text) => ["-c", text]),
  ]);
}

/** A folder with a psql in it, where `pg_regress` wants one. */
async function bin({ dir, programs }: Where): Promise<string> {
  const folder = join(dir, "bin");
  const file = join(folder, "psql");
  if (await exists(file)) return folder;
  await Deno.mkdir(folder, { recursive: true });
  const words = programs.command("psql").map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(file, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return folder;
}

async function results(out: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of Deno.readDir(join(out, "results"))) {
    if (!name.endsWith(".out")) continue;
    // Some write in other encodings: each byte as the character of its number.
    const bytes = await Deno.readFile(join(out, "results", name));
    const text = new TextDecoder("latin1").decode(bytes);
    found.set(name.replace(/\.out$/, ""), text.replaceAll(out, "OUT"));
  }
  return found;
}
