/** MariaDB behind Remoteler: sysbench's point selects and one large result, beside a direct way. */
import { join } from "../lab/paths.ts";
import { debianMariadb, type MysqlServer, startMysql } from "../lab/mysql.ts";
import { type Service, startService } from "../lab/services.ts";
import type { Site } from "../lab/site.ts";
import { freePort, must, run as runProgram, which } from "../lab/tools.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { databaseName, databaseUser, logInTo } from "./ground.ts";
import { ratios } from "./numbers.ts";
import { cpuOf } from "./works.ts";

interface PointWork {
  readonly name: string;
  /** Least ratio to the direct way: 0.85 of what is asked of PostgreSQL's own point selects. */
  readonly atLeast: number;
  readonly clients: number;
  /** As sysbench calls it. */
  readonly mode: "disable" | "auto";
}

const points: readonly PointWork[] = [
  { name: "text, 1 session", atLeast: 0.28, clients: 1, mode: "disable" },
  { name: "text, 32 sessions", atLeast: 0.34, clients: 32, mode: "disable" },
  { name: "prepared, 1 session", atLeast: 0.28, clients: 1, mode: "auto" },
  { name: "prepared, 32 sessions", atLeast: 0.27, clients: 32, mode: "auto" },
];
const bulk = "one result of 100 MB";
const ratioOf = (name: string): string => `${name}: native / direct`;
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
    "`strict`. MariaDB answers such a statement several times as fast as PostgreSQL does, so " +
    "what the way through costs is a larger part of it: the CPU of proxy and agent for one " +
    "statement is what compares with PostgreSQL's.",
  figures: [
    ...points.map(({ name, atLeast }) => ({ name: ratioOf(name), unit: "", bar: { atLeast } })),
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
  const { site, person } = await lab.product();
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
    return await takeTurns(lab, ways, running.map(({ pid }) => pid));
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

async function takeTurns(
  lab: Lab,
  ways: Readonly<Record<"direct" | "native", Way>>,
  pids: readonly number[],
): Promise<readonly Found[]> {
  const works = [
    ...points.map((point) => ({ name: point.name, of: (way: Way) => select(lab, way, point) })),
    { name: bulk, of: bulkRate },
  ];
  // What is measured is code that is warm.
  for (const point of points.filter(({ clients }) => clients > 1)) {
    for (let round = 0; round < warmUpRounds; round++) await select(lab, ways.native, point);
  }
  const found: Found[] = [];
  for (const { name, of } of works) {
    const rates: Record<"direct" | "native", number[]> = { direct: [], native: [] };
    const cpu: number[] = [];
    for (let round = 0; round <= lab.rounds; round++) {
      for (const path of ["direct", "native"] as const) {
        const before = cpuOf(pids);
        const { rate, count } = await of(ways[path]);
        if (round > 0 && path === "native") cpu.push((cpuOf(pids) - before) * 1e6 / count);
        lab.say(`mysql ${name} ${round === 0 ? "warm-up" : `round ${round}`} ${path}: ${rate}`);
        if (round > 0) rates[path].push(rate);
      }
    }
    found.push({ figure: ratioOf(name), rounds: ratios(rates.native, rates.direct) });
    found.push({ figure: `${name}, native`, rounds: rates.native });
    if (name !== bulk) found.push({ figure: cpuOfOne(name), rounds: cpu });
  }
  return found;
}

interface Done {
  readonly rate: number;
  readonly count: number;
}

/** Statements in a second, and in all. */
async function select(lab: Lab, way: Way, { name, clients, mode }: PointWork): Promise<Done> {
  const { args, cwd } = sysbench(way, [
    ...[`--threads=${clients}`, `--time=${lab.seconds}`, `--db-ps-mode=${mode}`],
    ...["--report-interval=1", "run"],
  ]);
  const said = await must("sysbench", args, { cwd, timeoutMs: (lab.seconds + 60) * 1000 });
  if (/tps: 0\.00/.test(said)) lab.stalled(`mysql ${name}: a second without a statement`);
  const [, count, rate] = /transactions: +(\d+) +\(([\d.]+) per sec\.\)/.exec(said) ?? [];
  return { rate: Number(rate ?? 0), count: Number(count ?? 0) };
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
