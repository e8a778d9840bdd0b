/**
 * PostgreSQL's own programs through the proxy: pg_dump into pg_restore and psql, pgbench, and the
 * small ones. Tables are equal afterwards by checksums that the server itself takes.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { type Finished, residentMiB, run, which } from "../../scripts/lab/tools.ts";
import { have, logEverything, plainSql, siteSuite } from "../site.ts";
import { matchLog } from "./drivers_suite.ts";

const mebibytes = Deno.env.get("REMOTELER_TEST_ALL") ? 1024 : 100;
const timeoutMs = 1_200_000;
/** Rows of about 8 KiB that compression can't make small. */
const rowsPerMebibyte = 128;
/** What proxy and agent each may grow by, however much passes. */
const growthMiB = 160;

const sql = `${plainSql}
alter role alice createdb;

create database copied owner alice;

create database piped owner alice;

create database bench owner alice;
`;

/** Services and the databases that certificates for them are for; all on the same server. */
const databases = {
  orders: "orders",
  copied: "copied",
  piped: "piped",
  bench: "bench",
  maintenance: "postgres",
};
let alice: Person;

const installed = await have("pg_dump", "pg_dump and pg_restore through the proxy") &&
  await have("pg_restore", "pg_restore through the proxy");

const services = Object.fromEntries(Object.keys(databases).map((name) => [name, {}]));
const test = siteSuite({ sql, databases: services, settings: logEverything }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: Object.values(databases) });
  await site.login(alice, "alice");
  for (const [service, name] of Object.entries(databases)) {
    await alice.mustTsh(["db", "login", service, "--db-user=alice", `--db-name=${name}`]);
  }
  if (installed) await fill(site);
});

if (installed) {
  const ways: Readonly<Record<string, [database: string, pipeline: string]>> = {
    "the custom format into pg_restore": [
      "copied",
      "pg_dump -Fc -Z0 service=orders | pg_restore --exit-on-error -d service=copied",
    ],
    "plain SQL into psql": [
      "piped",
      "pg_dump service=orders | psql -qX -v ON_ERROR_STOP=1 service=piped",
    ],
  };
  for (const [name, [database, pipeline]] of Object.entries(ways)) {
    test(`pg_dump of ${mebibytes} MiB as ${name} leaves equal tables`, async (site) => {
      const grown = await growth(
        site,
        () => program("bash", ["-o", "pipefail", "-c", pipeline]),
      );
      for (const [who, most] of grown) {
        ok(most < growthMiB, `${who} grew by ${most.toFixed(1)} MiB`);
      }
      const [source, copy] = [await checksums(site, "orders"), await checksums(site, database)];
      ok(source.length >= 4, "all tables are compared");
      deepStrictEqual(copy, source);
    });
  }

  test("pg_dump with two jobs and a serializable snapshot is whole", async (site) => {
    const dir = join(site.dir, "dumped");
    await program("pg_dump", [
      ...["-Fd", "-j2", "-Z0", "-f", dir, "-t", "kinds", "-t", "parts*", "service=orders"],
    ]);
    const list = await program("pg_restore", ["-l", dir]);
    match(list.stdout, /TABLE DATA public kinds alice/);
    match(list.stdout, /TABLE DATA public parts_26 alice/);
  });
}

if (await which("pgbench") !== null) {
  test("pgbench fills its tables and no transaction fails in any query mode", async (site) => {
    await program("pgbench", ["-i", "-q", "-s", "2", "service=bench"]);
    for (const mode of ["simple", "extended", "prepared"]) {
      const load = ["-n", "-c", "4", "-j", "2", "-t", "100"];
      const done = await program("pgbench", ["-M", mode, ...load, "service=bench"]);
      match(done.stdout, /number of transactions actually processed: 400\/400/);
      match(done.stdout, /number of failed transactions: 0 /);
    }
    const direct = await site.direct("alice", "bench");
    const counted = "select count(*), sum(delta) = (select sum(abalance) from pgbench_accounts)";
    const sums = await program("psql", ["-XAtc", `${counted} from pgbench_history`], direct);
    strictEqual(sums.stdout.trim(), "1200|t");
  });
} else {
  await have("pgbench", "pgbench through the proxy");
}

const programs: readonly (readonly [name: string, args: readonly string[], said: RegExp])[] = [
  ["pg_isready", ["-d", "service=orders"], /accepting connections/],
  ["createdb", ["--maintenance-db=service=maintenance", "made"], /^$/],
  ["vacuumdb", ["--analyze", "-j", "2", "service=orders"], /vacuuming database "orders"/],
  ["reindexdb", ["-t", "kinds", "service=orders"], /^$/],
  ["clusterdb", ["service=orders"], /^$/],
  ["dropdb", ["--maintenance-db=service=maintenance", "made"], /^$/],
];
for (const [name, args, said] of programs) {
  if (!(await have(name, `${name} through the proxy`))) continue;
  test(`${name} works`, async () => {
    const done = await program(name, args);
    match(done.stdout + done.stderr, said);
  });
}

test("each statement in the server's log has one event, in order", (site) => matchLog(site, 10));

test("the log verifies after the run", async (site) => {
  await site.verifyAudit();
});

/** Tables with awkward names and contents, a view, a function, a sequence; then bulk. */
async function fill(site: Site): Promise<void> {
  const direct = await site.direct("alice", "orders");
  const statements = `
    create table kinds (id serial primary key, t text, b bytea, n numeric, j jsonb, a text[],
      at timestamptz default '2026-01-02 03:04:05.678901+00');
    insert into kinds (t, b, n, j, a) select 'Grüße, ' || g || E'\\t\\n\\\\.', int4send(g), g / 7.0,
      jsonb_build_object('g', g, 'nothing', null), array['x', null, '"' || g] from
      generate_series(1, 2000) g;
    create index on kinds (n desc) where id > 5;
    cluster kinds using kinds_pkey;
    create table "Odd ""name""" ("Column ü" int, "select" text);
    insert into "Odd ""name""" values (1, null), (2, ''), (null, E'\\\\N');
    create table parts (id int, at date) partition by range (at);
    create table parts_26 partition of parts for values from ('2026-01-01') to ('2027-01-01');
    insert into parts select g, date '2026-01-01' + g % 365 from generate_series(1, 1000) g;
    create view totals as select count(*) from kinds;
    create function twice(n int) returns int language sql as 'select 2 * n';
    create table bulk (id int primary key, body text);
    alter table bulk alter body set storage external;
    insert into bulk select g, (select string_agg(md5(g::text || i), '')
      from generate_series(1, 256) i) from generate_series(1, ${mebibytes * rowsPerMebibyte}) g;`;
  await program("psql", ["-qX", "-v", "ON_ERROR_STOP=1", "-c", statements], direct);
}

/** By how many MiB proxy and agent were larger at most than before, while `work` ran. */
async function growth(site: Site, work: () => Promise<unknown>): Promise<[string, number][]> {
  const pids = { proxy: site.proxy.pid, agent: site.agents[0]?.pid ?? 0 };
  const sizes = Object.entries(pids).map(([name, pid]) => {
    const before = residentMiB(pid);
    return { name, pid, before, most: before };
  });
  const timer = setInterval(() => {
    for (const size of sizes) size.most = Math.max(size.most, residentMiB(size.pid));
  }, 100);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return sizes.map(({ name, before, most }) => [name, most - before]);
}

/** Each table with its rows' number and checksum, straight from the server. */
async function checksums(site: Site, database: string): Promise<string[]> {
  const direct = await site.direct("alice", database);
  const tables = await program("psql", [
    "-XAtc",
    `select format('select %L, count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) from %s t',
      oid::regclass, oid::regclass) from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`,
  ], direct);
  const sums = await program("psql", ["-XAtc", tables.stdout.split("\n").join(";")], direct);
  return sums.stdout.trim().split("\n");
}

/** Runs to its end and throws with its words when it fails; through the proxy unless told. */
async function program(
  name: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = alice.env,
): Promise<Finished> {
  const done = await run(name, args, { env: { ...variables, LC_ALL: "C.UTF-8" }, timeoutMs });
  if (done.code === 0) return done;
  throw new Error(`${name} ended with ${done.code}: ${done.stderr}${done.stdout.slice(-2000)}`);
}
