/** The real clients that the tests run: where they are, how each is started. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import {
  cacheDir,
  exists,
  type Finished,
  must,
  npmPackages,
  run,
  which,
} from "../../scripts/lab/tools.ts";
import { goDriver, javaDrivers } from "./compiled_drivers.ts";
import { prismaDriver } from "./prisma_driver.ts";

/** One real client and its script. */
export interface Driver {
  readonly name: string;
  /** It looks at what else there is in the database, so nobody else may be at work. */
  readonly alone?: boolean;
  /** Runs the script with libpq's variables in `env`. */
  run(env: Readonly<Record<string, string>>): Promise<Finished>;
}

/** A client that can't be had here, and why. */
export interface MissingDriver {
  readonly name: string;
  readonly reason: string;
}

const scripts = fromFileUrl(new URL("./drivers/", import.meta.url));
/** psycopg with statements of these sizes in MiB. */
export async function longPython(sizes: readonly number[]): Promise<Driver | MissingDriver> {
  const name = "long statements by psycopg";
  const python = await pythonWith(pythonPackages);
  if (typeof python !== "string") return { name, reason: python.reason };
  const program = [join(scripts, "long_psycopg.py"), ...sizes.map(String)];
  const timeoutMs = 600_000;
  return { name, run: (env) => run(python, program, { timeoutMs, env: { ...base(), ...env } }) };
}

const pythonPackages = [
  ...["psycopg[binary]==3.2.13", "asyncpg==0.30.0"],
  ...["sqlalchemy==2.0.44", "greenlet==3.2.4"],
];
const nodePackages = {
  "pg": "8.16.3",
  "pg-cursor": "2.15.3",
  "pg-copy-streams": "7.0.0",
  "postgres": "3.4.7",
  "drizzle-orm": "0.45.4",
};

/** Every driver of the common scripts, installed where that is possible. */
export async function allDrivers(): Promise<(Driver | MissingDriver)[]> {
  return [
    await psql(),
    ...(await nodeDrivers()),
    ...(Deno.env.get("REMOTELER_TEST_ALL") ? [await prismaDriver()] : []),
    ...(await pythonDrivers()),
    await goDriver(),
    ...(await javaDrivers()),
  ];
}

async function psql(): Promise<Driver | MissingDriver> {
  const program = await which("psql");
  if (program === null) return { name: "psql", reason: "psql is not installed" };
  return psqlFrom("psql", { program, args: [] });
}

/** A psql wherever it is; its notices and errors count as output too. */
export function psqlFrom(
  name: string,
  { program, args }: { readonly program: string; readonly args: readonly string[] },
): Driver {
  return {
    name,
    run: (env) =>
      run(program, [...args, "-X", "-f", join(scripts, "script.sql")], {
        env: { ...base(), ...env, PGSSLMODE: "verify-full" },
      }).then((done) => ({ ...done, stdout: done.stdout + done.stderr })),
  };
}

async function nodeDrivers(): Promise<(Driver | MissingDriver)[]> {
  const names = [
    ["node-postgres", "node_postgres.mjs"],
    ["postgres.js", "postgres_js.mjs"],
    ["Drizzle", "drizzle.mjs"],
  ];
  const node = await which("node");
  if (node === null) {
    return names.map(([name]) => ({ name: name ?? "", reason: "node is not installed" }));
  }
  const home = await npmPackages("drivers", nodePackages);
  return await Promise.all(names.map(async ([name, file]) => {
    // Imports are looked up from the script's own folder.
    const script = join(home, file ?? "");
    await Deno.copyFile(join(scripts, file ?? ""), script);
    return {
      name: name ?? "",
      run: (env: Readonly<Record<string, string>>) =>
        run(node, [script], { env: { ...base(), ...env } }),
    };
  }));
}

async function pythonDrivers(): Promise<(Driver | MissingDriver)[]> {
  const names = [
    ["psycopg", "with_psycopg.py"],
    ["asyncpg", "with_asyncpg.py"],
    ["SQLAlchemy over psycopg", "sqlalchemy_orm.py", "psycopg"],
    ["SQLAlchemy over asyncpg", "sqlalchemy_orm.py", "asyncpg"],
  ];
  const python = await pythonWith(pythonPackages);
  if (typeof python !== "string") {
    return names.map(([name]) => ({ name: name ?? "", reason: python.reason }));
  }
  return names.map(([name, file, ...args]) => ({
    name: name ?? "",
    run: (env) => run(python, [join(scripts, file ?? ""), ...args], { env: { ...base(), ...env } }),
  }));
}

/** A Python with these packages in a virtual environment, made once. */
export async function pythonWith(
  packages: readonly string[],
): Promise<string | { reason: string }> {
  const python3 = await which("python3");
  if (python3 === null) return { reason: "python3 is not installed" };
  const key = packages.join("+").replaceAll(/[^A-Za-z0-9.+=-]/g, "_");
  const home = join(cacheDir(), `python-${key}`);
  const program = join(home, "bin", "python");
  if (await exists(join(home, ".done"))) return program;
  const made = await run(python3, ["-m", "venv", home]);
  if (made.code !== 0) return { reason: "python3 has no venv module" };
  await must(program, ["-m", "pip", "install", "--quiet", ...packages], {
    timeoutMs: 300_000,
    env: { PIP_DISABLE_PIP_VERSION_CHECK: "1" },
  });
  await Deno.writeTextFile(join(home, ".done"), "");
  return program;
}

function base(): Record<string, string> {
  return { PSQLRC: "/dev/null", PGCONNECT_TIMEOUT: "10", LC_ALL: "C.UTF-8" };
}
