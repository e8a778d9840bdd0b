/** PostgreSQL's own programs over a slow wire: what they leave behind is what was there. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { debianPostgres, serverUser } from "../../scripts/lab/postgres.ts";
import { postgresSource } from "../../scripts/lab/postgres_source.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { must } from "../../scripts/lab/tools.ts";
import { runSuite, type Where } from "../postgres/regress.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { have, skipped } from "../site.ts";

/** Databases for what the programs leave; each is a service of the same name. */
export const farDatabases = ["copied", "piped", "bench"] as const;

const timeoutMs = 600_000;
/** Rows of 8 KiB that don't get smaller on the way. */
const bulkRows = 128;
const major = "15";
const scripts = ["test_setup", "copy2", "prepare", "portals", "transactions", "errors"];

/** Tables with a bit of everything, and their number. */
export async function fill(env: Env): Promise<void> {
  const client = await RawClient.login(env);
  await client.query(`
    create table kinds (id serial primary key, t text, b bytea, n numeric, a text[]);
    insert into kinds (t, b, n, a)
      select E'\\t\\\\' || g, int4send(g), g / 7.0, array[null, '"' || g]
      from generate_series(1, 500) g;
    create view totals as select count(*) from kinds;
    create table bulk (id int primary key, body text);
    insert into bulk select g, (select string_agg(md5(g::text || i), '')
      from generate_series(1, 256) i) from generate_series(1, ${bulkRows}) g`);
  client.close();
}

/** pg_dump in both formats into a database each, and all tables are equal. */
export async function dumpBothWays(person: Person, env: (service: string) => Env): Promise<void> {
  if (!(await have("pg_dump", "pg_dump over a slow wire"))) return;
  const tables = "-t 'kinds*' -t bulk -t totals";
  const ways = {
    copied: `pg_dump -Fc -Z0 ${tables} service=orders | pg_restore -e -d service=copied`,
    piped: `pg_dump ${tables} service=orders | psql -qX -v ON_ERROR_STOP=1 service=piped`,
  };
  const want = await checksums(env("orders"));
  ok(want.length === 3);
  for (const [database, pipeline] of Object.entries(ways)) {
    await must("bash", ["-o", "pipefail", "-c", pipeline], { env: person.env, timeoutMs });
    deepStrictEqual(await checksums(env(database)), want);
  }
}

async function checksums(env: Env): Promise<string[][]> {
  const client = await RawClient.login(env);
  const rows = await client.query(
    ["kinds", "bulk", "totals"].map((table) =>
      `select '${table}', count(*), sum(hashtextextended(t::text, 0)) from ${table} t`
    ).join(" union all "),
  );
  client.close();
  return rows;
}

/** pgbench fills its tables (by COPY from here where `whole`) and no transaction fails. */
export async function bench(person: Person, whole: boolean): Promise<void> {
  if (!(await have("pgbench", "pgbench over a slow wire"))) return;
  const steps = whole ? "dtgvp" : "dtGvp";
  const run = (args: readonly string[]) =>
    must("pgbench", [...args, "service=bench"], { env: person.env, timeoutMs });
  await run(["-i", "-q", "-I", steps]);
  for (const mode of ["simple", "extended", "prepared"]) {
    const said = await run(["-M", mode, "-n", "-c", "4", "-t", whole ? "25" : "5"]);
    match(said, /number of transactions actually processed: (?:100\/100|20\/20)/);
    match(said, /number of failed transactions: 0 /);
  }
}

/** Regression scripts of PostgreSQL, and what they printed. */
export async function regressionScripts(
  site: Site,
  env: Env,
  name: string,
): Promise<ReadonlyMap<string, string> | null> {
  const binaries = await debianPostgres(major);
  const tree = binaries === null ? null : await postgresSource(major);
  if (tree === null) {
    skipped(`PostgreSQL ${major}'s own regression scripts`, "Debian's sources can't be had");
    return null;
  }
  const libraries = `/usr/lib/postgresql/${major}/lib`;
  const where: Where = {
    dir: join(site.dir, `scripts-${name}`),
    env: { ...env, PGUSER: "postgres" },
    server: site.postgres,
    serverUser: await serverUser(),
    programs: {
      command: (program) => [
        program === "psql"
          ? `/usr/lib/postgresql/${major}/bin/psql`
          : `${libraries}/pgxs/src/test/regress/pg_regress`,
      ],
      libraries,
    },
  };
  const folder = join(tree, "src/test/regress");
  return await runSuite({ name, folder, scripts: { names: scripts } }, where);
}
