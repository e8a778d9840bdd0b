/** MariaDB behind Remoteler: sysbench's point selects and one large result, beside a direct way. */
import { join } from "../lab/paths.ts";
import { debianMariadb, type MysqlServer, startMysql } from "../lab/mysql.ts";
import { type Service, startService } from "../lab/services.ts";
import type { Site } from "../lab/site.ts";
import { freePort, must, run as runProgram, which } from "../lab/tools.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { databaseName, databaseUser, logInTo, nativePath } from "./ground.ts";
import { ratios } from "./numbers.ts";
import { cpuOf } from "./works.ts";

interface PointWork {
  readonly name: string;
  readonly clients: number;
  /** As sysbench calls it. */
  readonly mode: "disable" | "auto";
}

const points: readonly PointWork[] = [
  { name: "text, 1 session", clients: 1, mode: "disable" },
  { name: "text, 32 sessions", clients: 32, mode: "disable" },
  { name: "prepared, 1 session", clients: 1, mode: "auto" },
  { name: "prepared, 32 sessions", clients: 32, mode: "auto" },
];
const bulk = "one result of 100 MB";
const ratioOf = (name: string): string => `${name}: native / direct`;
const postgresOf = (name: string): string => `${name}: the same for PostgreSQL`;
const shareOf = (name: string): string => `${name}: MariaDB's ratio / PostgreSQL's`;
const cpuOfOne = (name: string): string => `${name}: CPU per statement`;
const warmUpRounds = 3;
const bulkRows = 100_000;
const tableRows = 100_000;

export const mysql: FigureWork = {
  name: "mysql",
  title: "MariaDB",
  about:
    "sysbench's `oltp_point_select`, by texts and by prepared statements, and a result of 100 MB " +
    "that the server's own program reads unbuffered: with TLS and a client certificate straight " +
    "to MariaDB, and by the proxy's port for MySQL, in turns. Every statement is recorded, " +
    "`strict`. In the same rounds sysbench asks PostgreSQL the same in both ways, so that what " +
    "the way through keeps of MariaDB's speed is seen beside what it keeps of PostgreSQL's.",
  figures: [
    ...points.map(({ name }) => ({ name: shareOf(name), unit: "", bar: { atLeast: 0.85 } })),
    ...points.map(({ name }) => ({ name: ratioOf(name), unit: "" })),
    ...points.map(({ name }) => ({ name: postgresOf(name), unit: "" })),
    // 0.85 of what is asked of COPY.
    { name: ratioOf(bulk), unit: "", bar: { atLeast: 0.34 } },
    ...points.map(({ name }) => ({ name: cpuOfOne(name), unit: "µs" })),
    ...points.map(({ name }) => ({ name: `${name}, native`, unit: "statements/s" })),
    { name: `${bulk}, native`, unit: "MB/s" },
  ],
  isQuick: false,
  run,
};

/** Where a program connects; the folder has the files by the names that sysbench looks for. */
interface Way {
  readonly port: number;
  readonly folder: string;
}

async function run(lab: Lab): Promise<readonly Found[]> {
  const { site, person, ground } = await lab.product();
  const binaries = await debianMariadb();
  if (binaries === null || await which("sysbench") === null) {
    throw new Error("MariaDB and sysbench are needed: apt-get install mariadb-server sysbench");
  }
  const running: Service[] = [];
  let server: MysqlServer | null = null;
  try {
    server = await startMysql({
      binaries,
      dir: join(site.dir, "mariadb"),
      tls: {
        ...await site.authority.server("localhost", "127.0.0.1"),
        clientCa: await site.databaseClientCa() + site.authority.pem,
      },
      settings: ["--general-log=0", "--innodb-buffer-pool-size=512M"],
      sql: [
        `create database if not exists ${databaseName}`,
        `create user if not exists ${databaseUser}@'%' require subject '/CN=${databaseUser}'`,
        `grant all on ${databaseName}.* to ${databaseUser}@'%'`,
      ],
    });
    const port = freePort();
    running.push(...await startServices(site, server, port));
    await logInTo(person, "mariadb");
    const files = JSON.parse(await person.mustTsh(["db", "config", "mariadb", "--format=json"]));
    const direct = await site.direct(databaseUser, databaseName);
    const ways = {
      direct: await wayTo(join(site.dir, "way-direct"), server.port, {
        ca: direct["PGSSLROOTCERT"] ?? "",
        cert: direct["PGSSLCERT"] ?? "",
        key: direct["PGSSLKEY"] ?? "",
      }),
      native: await wayTo(join(site.dir, "way-native"), port, files),
    };
    await fill(ways.direct);
    const postgres = { direct: ground.direct, native: (await nativePath(site, person)).env };
    await must("sysbench", onPostgres(postgres.direct, ["prepare"]), { env: postgres.direct });
    return await takeTurns(lab, { ways, postgres }, running.map(({ pid }) => pid));
  } finally {
    for (const service of running.reverse()) await service.stop();
    await server?.stop("immediate");
  }
}

/** A proxy with a port for MySQL, and an agent behind it. */
async function startServices(
  site: Site,
  { port }: MysqlServer,
  nativePort: number,
): Promise<Service[]> {
  const web = freePort();
  const proxyDir = join(site.dir, "proxy-mysql");
  const proxy = await startService({
    name: "proxy-mysql",
    dir: proxyDir,
    config: {
      remoteler: await site.joining("proxy", proxyDir),
      proxy_service: {
        web_listen_addr: `127.0.0.1:${web}`,
        public_addr: `localhost:${web}`,
        mysql_listen_addr: `127.0.0.1:${nativePort}`,
      },
    },
  });
  const dir = join(site.dir, "agent-mysql");
  const ca = join(site.dir, "server-ca.pem");
  const agent = await startService({
    name: "agent-mysql",
    dir,
    config: {
      remoteler: { ...await site.joining("db", dir), proxy_server: `localhost:${web}` },
      db_service: {
        databases: [{
          name: "mariadb",
          protocol: "mysql",
          uri: `localhost:${port}`,
          tls: { mode: "verify-full", ca_cert_file: ca },
        }],
      },
    },
  });
  return [proxy, agent];
}

async function wayTo(
  folder: string,
  port: number,
  { ca, cert, key }: Readonly<Record<"ca" | "cert" | "key", string>>,
): Promise<Way> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.copyFile(ca, join(folder, "cacert.pem"));
  await Deno.copyFile(cert, join(folder, "client-cert.pem"));
  await Deno.copyFile(key, join(folder, "client-key.pem"));
  return { port, folder };
}

async function fill(direct: Way): Promise<void> {
  const { args, cwd } = sysbench(direct, ["prepare"]);
  await must("sysbench", args, { cwd, timeoutMs: 120_000 });
  const rows = "with recursive s as (select 1 as n union all select n + 1 from s " +
    `where n < ${bulkRows}) select n, repeat(md5(n), 31) from s`;
  const sql =
    `set max_recursive_iterations = ${bulkRows}; create table bulk (id int primary key, ` +
    `filler text); insert into bulk ${rows};`;
  const client = mariadb(direct, ["-e", sql]);
  await must("mariadb", client.args, { cwd: client.cwd, timeoutMs: 120_000 });
}

type Side = "direct" | "native";
const sides = ["direct", "native"] as const;

interface Ground {
  readonly ways: Readonly<Record<Side, Way>>;
  /** libpq's variables. */
  readonly postgres: Readonly<Record<Side, Readonly<Record<string, string>>>>;
}

async function takeTurns(
  lab: Lab,
  ground: Ground,
  pids: readonly number[],
): Promise<readonly Found[]> {
  // What is measured is code that is warm.
  for (const point of points.filter(({ clients }) => clients > 1)) {
    for (let round = 0; round < warmUpRounds; round++) {
      await select(lab, ground.ways.native, point);
      await selectPostgres(lab, ground.postgres.native, point);
    }
  }
  const found: Found[] = [];
  for (const point of points) found.push(...await racePoint(lab, ground, point, pids));
  return [...found, ...await raceBulk(lab, ground.ways)];
}

async function racePoint(
  lab: Lab,
  { ways, postgres }: Ground,
  point: PointWork,
  pids: readonly number[],
): Promise<readonly Found[]> {
  const { name } = point;
  const rates: Record<Side, number[]> = { direct: [], native: [] };
  const others: Record<Side, number[]> = { direct: [], native: [] };
  const cpu: number[] = [];
  for (let round = 0; round <= lab.rounds; round++) {
    for (const side of sides) {
      const before = cpuOf(pids);
      const { rate, count } = await select(lab, ways[side], point);
      const used = (cpuOf(pids) - before) * 1e6 / count;
      const other = await selectPostgres(lab, postgres[side], point);
      lab.say(`mysql ${name} round ${round} ${side}: ${rate}, PostgreSQL ${other}`);
      if (round === 0) continue;
      if (side === "native") cpu.push(used);
      rates[side].push(rate);
      others[side].push(other);
    }
  }
  const own = ratios(rates.native, rates.direct);
  const of = ratios(others.native, others.direct);
  return [
    { figure: shareOf(name), rounds: ratios(own, of) },
    { figure: ratioOf(name), rounds: own },
    { figure: postgresOf(name), rounds: of },
    { figure: `${name}, native`, rounds: rates.native },
    { figure: cpuOfOne(name), rounds: cpu },
  ];
}

async function raceBulk(lab: Lab, ways: Ground["ways"]): Promise<readonly Found[]> {
  const rates: Record<Side, number[]> = { direct: [], native: [] };
  for (let round = 0; round <= lab.rounds; round++) {
    for (const side of sides) {
      const { rate } = await bulkRate(ways[side]);
      lab.say(`mysql ${bulk} round ${round} ${side}: ${rate}`);
      if (round > 0) rates[side].push(rate);
    }
  }
  return [
    { figure: ratioOf(bulk), rounds: ratios(rates.native, rates.direct) },
    { figure: `${bulk}, native`, rounds: rates.native },
  ];
}

interface Done {
  readonly rate: number;
  readonly count: number;
}

/** Statements in a second, and in all. */
async function select(lab: Lab, way: Way, point: PointWork): Promise<Done> {
  const { args, cwd } = sysbench(way, loadOf(lab, point));
  const said = await must("sysbench", args, { cwd, timeoutMs: (lab.seconds + 60) * 1000 });
  return readDone(lab, point, said);
}

/** The same of PostgreSQL. */
async function selectPostgres(
  lab: Lab,
  env: Readonly<Record<string, string>>,
  point: PointWork,
): Promise<number> {
  const options = { env, timeoutMs: (lab.seconds + 60) * 1000 };
  const said = await must("sysbench", onPostgres(env, loadOf(lab, point)), options);
  return readDone(lab, point, said).rate;
}

function loadOf({ seconds }: Lab, { clients, mode }: PointWork): readonly string[] {
  return [
    ...[`--threads=${clients}`, `--time=${seconds}`, `--db-ps-mode=${mode}`],
    ...["--report-interval=1", "run"],
  ];
}

function readDone(lab: Lab, { name }: PointWork, said: string): Done {
  if (/tps: 0\.00/.test(said)) lab.stalled(`mysql ${name}: a second without a statement`);
  const [, count, rate] = /transactions: +(\d+) +\(([\d.]+) per sec\.\)/.exec(said) ?? [];
  return { rate: Number(rate ?? 0), count: Number(count ?? 0) };
}

/** What isn't named here libpq takes from its variables: TLS and its files. */
function onPostgres(
  env: Readonly<Record<string, string>>,
  more: readonly string[],
): readonly string[] {
  const { PGHOST = "localhost", PGPORT = "5432" } = env;
  return [
    ...["oltp_point_select", "--db-driver=pgsql", `--pgsql-host=${PGHOST}`],
    ...[`--pgsql-port=${PGPORT}`, `--pgsql-user=${databaseUser}`, `--pgsql-db=${databaseName}`],
    ...["--tables=1", `--table-size=${tableRows}`, ...more],
  ];
}

/** MB in a second, connecting included. */
async function bulkRate(way: Way): Promise<Done> {
  const { args, cwd } = mariadb(way, ["--quick", "-e", "select * from bulk"]);
  const began = performance.now();
  const quoted = ["mariadb", ...args].map((word) => `'${word}'`).join(" ");
  const done = await runProgram("/bin/sh", ["-c", `${quoted} > /dev/null`], { cwd });
  if (done.code !== 0) throw new Error(`mariadb ended with ${done.code}: ${done.stderr}`);
  const seconds = (performance.now() - began) / 1000;
  return { rate: Math.round(bulkRows * 999 / 1e5 / seconds) / 10, count: bulkRows };
}

function sysbench({ port, folder }: Way, more: readonly string[]): Command {
  return {
    cwd: folder,
    args: [
      ...["oltp_point_select", "--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-ssl=on"],
      ...[`--mysql-port=${port}`, `--mysql-user=${databaseUser}`, `--mysql-db=${databaseName}`],
      ...["--tables=1", `--table-size=${tableRows}`, ...more],
    ],
  };
}

function mariadb({ port, folder }: Way, more: readonly string[]): Command {
  return {
    cwd: folder,
    args: [
      ...["--no-defaults", "--protocol=tcp", "--host=localhost", `--port=${port}`],
      ...[`--user=${databaseUser}`, "--ssl-ca=cacert.pem", "--ssl-cert=client-cert.pem"],
      ...["--ssl-key=client-key.pem", "--ssl-verify-server-cert", "--batch", ...more],
      databaseName,
    ],
  };
}

interface Command {
  readonly cwd: string;
  readonly args: readonly string[];
}
