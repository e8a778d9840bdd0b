/** The ground of a benchmark: PostgreSQL with data, and Remoteler's three services if wanted. */
import { LabAuthority } from "../lab/certificates.ts";
import { dirname, join } from "../lab/paths.ts";
import {
  debianPostgres,
  type PostgresBinaries,
  type PostgresServer,
  startPostgres,
} from "../lab/postgres.ts";
import { type Person, programs } from "../lab/services.ts";
import { Site } from "../lab/site.ts";
import { exists, freePort, must, waitFor, which } from "../lab/tools.ts";
import type { Path } from "./path.ts";
import { listening } from "./peers.ts";

export const databaseUser = "bench";
export const databaseName = "bench";

export interface Ground {
  readonly dir: string;
  readonly bin: string;
  readonly postgres: PostgresServer;
  readonly authority: LabAuthority;
  readonly direct: Readonly<Record<string, string>>;
  readonly copyFile: string;
  readonly copyBytes: number;
  /** Null where only other programs are measured. */
  readonly site: Site | null;
  /** Rows of `bench_out`, about a kilobyte each. */
  readonly copyRows: number;
  close(): Promise<void>;
}

const settings = [
  "ssl_min_protocol_version = 'TLSv1.3'",
  "shared_buffers = 512MB",
  "max_wal_size = 4GB",
  "autovacuum = off",
];
export const benchSql =
  `CREATE ROLE ${databaseUser} LOGIN;\n\nCREATE DATABASE ${databaseName} OWNER ${databaseUser};`;

/** PostgreSQL and the folder with psql and pgbench; null where they are not installed. */
export async function postgresPrograms(): Promise<
  { readonly binaries: PostgresBinaries; readonly bin: string } | null
> {
  const binaries = await debianPostgres();
  if (binaries === null) return null;
  if (await exists(join(binaries.bin, "pgbench"))) return { binaries, bin: binaries.bin };
  const pgbench = await which("pgbench");
  return pgbench === null ? null : { binaries, bin: dirname(pgbench) };
}

/** Starts everything below `dir`; `withProduct` starts Auth, Proxy and Database Service as well. */
export async function prepareGround(
  dir: string,
  options: {
    readonly withProduct: boolean;
    readonly copyRows: number;
    readonly say: (text: string) => void;
  },
): Promise<Ground> {
  const { say, copyRows } = options;
  const found = await postgresPrograms();
  if (found === null) {
    throw new Error("pgbench and PostgreSQL are needed: apt-get install postgresql");
  }
  const { binaries, bin } = found;
  let site: Site | null = null;
  let postgres: PostgresServer;
  let authority: LabAuthority;
  if (options.withProduct) {
    const databases = { bench: { env: "bench" } };
    site = await Site.open({ dir, binaries, sql: benchSql, databases, settings, say });
    ({ postgres, authority } = site);
  } else {
    authority = await LabAuthority.make();
    say("starting PostgreSQL ...");
    postgres = await startPostgres({
      binaries,
      dir: join(dir, "postgres"),
      tls: { ...await authority.server("localhost", "127.0.0.1"), clientCa: authority.pem },
      sql: benchSql,
      settings,
    });
  }
  const close = async () => {
    if (site !== null) await site.close();
    else await postgres.stop("immediate");
  };
  try {
    say("filling the database ...");
    const copyFile = join(dir, "copy.tsv");
    await fill({ bin, postgres, copyFile, copyRows });
    const copyBytes = (await Deno.stat(copyFile)).size;
    const direct = await directEnv(dir, authority, postgres.port);
    return { dir, bin, postgres, authority, direct, copyFile, copyBytes, copyRows, site, close };
  } catch (e) {
    await close();
    throw e;
  }
}

async function fill(to: {
  readonly bin: string;
  readonly postgres: PostgresServer;
  readonly copyFile: string;
  readonly copyRows: number;
}): Promise<void> {
  const env = {
    PGHOST: to.postgres.socketDir,
    PGPORT: String(to.postgres.port),
    PGUSER: "postgres",
    PGDATABASE: databaseName,
  };
  await must(join(to.bin, "pgbench"), ["-i", "-q", "-s", "10"], { env, timeoutMs: 300_000 });
  const statements = [
    `GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO ${databaseUser}`,
    "CREATE UNLOGGED TABLE bench_out AS SELECT g AS id, repeat(md5(g::text), 31) AS filler" +
    ` FROM generate_series(1, ${to.copyRows}) g`,
    "CREATE UNLOGGED TABLE bench_in (id int, filler text)",
    `ALTER TABLE bench_out OWNER TO ${databaseUser}`,
    `ALTER TABLE bench_in OWNER TO ${databaseUser}`,
    "VACUUM ANALYZE",
    `\\copy bench_out to '${to.copyFile}'`,
  ];
  const args = statements.flatMap((statement) => ["-c", statement]);
  await must(join(to.bin, "psql"), ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...args], { env });
}

/** libpq's variables for a connection straight to PostgreSQL. */
async function directEnv(
  dir: string,
  authority: LabAuthority,
  port: number,
): Promise<Record<string, string>> {
  const pair = await authority.client(databaseUser);
  const [cert, key, ca] = ["cert", "key", "ca"].map((name) => join(dir, `direct-${name}.pem`));
  if (cert === undefined || key === undefined || ca === undefined) throw new Error("no path");
  await Deno.writeTextFile(cert, pair.cert);
  await Deno.writeTextFile(key, pair.key, { mode: 0o600 });
  await Deno.writeTextFile(ca, authority.pem);
  return {
    PGHOST: "localhost",
    PGPORT: String(port),
    PGUSER: databaseUser,
    PGDATABASE: databaseName,
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: ca,
    PGSSLCERT: cert,
    PGSSLKEY: key,
  };
}

/** A user who may do what the benchmark does, logged in, with a certificate for the database. */
export async function benchUser(site: Site): Promise<Person> {
  const person = await site.addUser("bench", {
    roles: ["access"],
    dbUsers: [databaseUser],
    dbNames: [databaseName],
  });
  await site.login(person, "bench");
  await logInTo(person, "bench");
  return person;
}

/** libpq straight to the proxy, no program of ours on the laptop. */
export async function nativePath(site: Site, person: Person): Promise<Path> {
  return await pathThrough(site, person, "bench", site.agents.map(({ pid }) => pid));
}

/** The same to a database that certain processes serve. */
export async function pathThrough(
  site: Site,
  person: Person,
  database: string,
  agents: readonly number[],
): Promise<Path> {
  const env = await site.through(person, database);
  return {
    name: "native",
    env: { ...env, PGUSER: databaseUser, PGDATABASE: databaseName },
    pids: [site.proxy.pid, ...agents],
    alsoPids: [site.auth.pid],
    clientTls: true,
    stop: () => Promise.resolve(),
  };
}

/** A certificate for one more database, once somebody serves it. */
export async function logInTo(person: Person, database: string): Promise<void> {
  const asked = ["--db-user", databaseUser, "--db-name", databaseName];
  await waitFor(
    `${database} is served`,
    20_000,
    async () => (await person.tsh(["db", "login", database, ...asked])).code === 0,
  );
}

/** `tsh proxy db --tunnel`: a plain local port, TLS from there on. */
export async function tshPath(site: Site, person: Person): Promise<Path> {
  const port = freePort();
  const [program, ...first] = programs().tsh;
  const log = join(site.dir, "tsh.log");
  const child = new Deno.Command("/bin/sh", {
    args: [
      ...["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", log, program ?? "", ...first],
      ...["proxy", "db", "bench", "--tunnel", `--port=${port}`],
      ...[`--db-user=${databaseUser}`, `--db-name=${databaseName}`],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    env: person.env,
    cwd: person.home,
  }).spawn();
  let ended = false;
  const status = child.status.then(() => void (ended = true));
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await status;
  };
  try {
    await listening(port, () => ended);
  } catch {
    await stop();
    throw new Error(`tsh proxy db does not listen:\n${await Deno.readTextFile(log)}`);
  }
  return {
    name: "tsh",
    env: {
      PGHOST: "localhost",
      PGHOSTADDR: "127.0.0.1",
      PGPORT: String(port),
      PGUSER: databaseUser,
      PGDATABASE: databaseName,
      PGSSLMODE: "disable",
    },
    pids: [child.pid, site.proxy.pid, ...site.agents.map((agent) => agent.pid)],
    alsoPids: [site.auth.pid],
    clientTls: false,
    stop,
  };
}
