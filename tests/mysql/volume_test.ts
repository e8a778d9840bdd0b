/** A whole database through dump and client, and sysbench's transactions. */
import { match, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { run } from "../../scripts/lab/tools.ts";
import { LocalPort } from "../postgres/local_port.ts";
import { have } from "../site.ts";
import { addAlice, type MysqlSite, mysqlSuite, native, realServers, type Way } from "./site.ts";

/** A row is about 1 KiB. */
const rows = Deno.env.get("REMOTELER_TEST_ALL") ? 500_000 : 30_000;
const servers = await realServers();
let alice: Person;
const sql = (maker: string) => [
  "create database if not exists copied",
  "grant all on copied.* to alice@'%'",
  // Its dump asks for policies there.
  ...(maker === "MySQL" ? ["grant select on mysql.* to alice@'%'"] : []),
];
const test = mysqlSuite(servers, { sql }, async (site) => {
  alice = await addAlice(site, servers, { dbNames: ["shop", "copied"] });
});

test("a dump piped into the client makes the same database", async (at) => {
  await fill(at);
  const from = await native(alice, at.service);
  const [dump = "", ...dumpFirst] = at.server.binaries.dump;
  const [client = "", ...clientFirst] = at.server.binaries.client;
  const plain = at.server.binaries.name === "MySQL" ? ["--set-gtid-purged=OFF"] : [];
  // Its route is for another schema, and begins in it.
  const copied = await copiedWay(at);
  const command = [
    [dump, ...dumpFirst, ...options(at, from), ...plain, "--no-tablespaces", "--routines", "shop"],
    [client, ...clientFirst, ...options(at, copied), "copied"],
  ].map((words) => words.map(quoted).join(" ")).join(" | ");
  const done = await run("/bin/bash", ["-o", "pipefail", "-c", command], { timeoutMs: 1_200_000 });
  strictEqual(done.code, 0, done.stderr);
  const sums = await at.server.query("checksum table shop.big, copied.big");
  const [first, second] = sums.trim().split("\n").map((line) => line.split("\t")[1]);
  strictEqual(first, second);
  strictEqual((await at.server.query("select count(*) from copied.big")).trim(), String(rows));
});

if (await have("sysbench", "sysbench")) {
  test("sysbench's transactions run through, text and prepared", async (at) => {
    const port = await LocalPort.open(alice, at.service, ["--tunnel"]);
    const bench = async (...more: string[]) => {
      const done = await run("sysbench", [
        ...["oltp_read_write", "--db-driver=mysql", "--mysql-host=127.0.0.1", "--tables=2"],
        ...[`--mysql-port=${port.port}`, "--mysql-user=alice", "--mysql-db=shop"],
        ...["--table-size=1000", "--threads=4", "--time=4", ...more],
      ]);
      strictEqual(done.code, 0, done.stdout + done.stderr);
      return done.stdout;
    };
    try {
      await bench("prepare");
      for (const mode of ["disable", "auto"]) {
        const said = await bench(`--db-ps-mode=${mode}`, "run");
        match(said, /transactions: +[1-9]\d*/);
      }
      await bench("cleanup");
    } finally {
      await port.stop();
    }
    await at.site.verifyAudit();
  });
}

async function fill({ server }: MysqlSite): Promise<void> {
  const thousand =
    "with recursive s as (select 1 as n union all select n + 1 from s where n < 1000)";
  const count = Math.ceil(rows / 1000);
  await server.query(
    "create table shop.big (id int primary key auto_increment, words text, bytes varbinary(600), " +
      "born datetime(6), note varchar(50));",
  );
  for (let done = 0; done < count; done++) {
    await server.query(
      `use shop; insert into big (words, bytes, born, note) ${thousand} select ` +
        "repeat(sha2(n, 256), 8), " +
        "concat(unhex(sha2(n, 256)), repeat(unhex('00ff0a27225c'), 80)), " +
        "'2024-02-29 12:00:00.5' + interval n second, if(n % 7 = 0, null, 'é ☃ \\\\ ''') from s;",
    );
  }
}

async function copiedWay(at: MysqlSite): Promise<Way> {
  const options = { dbUsers: ["alice"], dbNames: ["copied"] };
  const copier = await at.site.addUser(`copier-${at.service}`, options);
  await at.site.login(copier, `copier-${at.service}`);
  await copier.mustTsh(["db", "login", at.service, "--db-user=alice", "--db-name=copied"]);
  return await native(copier, at.service);
}

function options({ server: { binaries } }: MysqlSite, way: Way): string[] {
  const isMariadb = binaries.name === "MariaDB";
  return [
    ...["--no-defaults", "--protocol=tcp", `--host=${way.host}`, `--port=${way.port}`],
    ...[`--user=${way.user}`, `--ssl-ca=${way.ca}`, `--ssl-cert=${way.cert}`],
    ...[`--ssl-key=${way.key}`],
    isMariadb ? "--ssl-verify-server-cert" : "--ssl-mode=VERIFY_IDENTITY",
  ];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
