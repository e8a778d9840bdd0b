/** What happens to sessions that run: locks, kills, files of the client's, changes of user. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import { type Finished, waitFor } from "../../scripts/lab/tools.ts";
import { scripts } from "./drivers.ts";
import {
  addAlice,
  allowFiles,
  cli,
  type MysqlSite,
  mysqlSuite,
  native,
  realServers,
} from "./site.ts";

const servers = await realServers();
let alice: Person;
let loader: Person;
const test = mysqlSuite(servers, {}, async (site) => {
  await allowFiles(site);
  alice = await addAlice(site, servers);
  const options = { dbUsers: ["alice"], dbNames: ["shop"], roles: ["access", "loader"] };
  loader = await site.addUser("loader", options);
  await site.login(loader, "loader");
  for (const { name } of servers) {
    const names = ["--db-user=alice", "--db-name=shop"];
    await loader.mustTsh(["db", "login", name.toLowerCase(), ...names]);
  }
});

const load = "drop table if exists loaded; create table loaded (id int, words varchar(50)); " +
  `load data local infile '${join(scripts, "lines.txt")}' into table loaded ` +
  "fields terminated by ','; select count(*) from loaded; drop table loaded;";

test("LOAD DATA LOCAL is refused without a role for it, and the session goes on", async (at) => {
  const way = await native(alice, at.service);
  const said = await cli(at.server.binaries, way, ["--local-infile=1", "--force"], load);
  match(said.stderr, /ERROR \d+ .*(role|not allowed|disabled)/i);
  strictEqual(said.stdout, "0\n");
});

test("with a role for it the file's volume is on record", async (at) => {
  const way = await native(loader, at.service);
  const said = await cli(at.server.binaries, way, ["--local-infile=1"], load);
  strictEqual(said.stdout, "3\n", said.stderr);
  const event = await waitFor("its event", 10_000, async () => {
    const all = await at.site.events(["--user=loader", "--events=db.session.query"]);
    return all.find(({ db_query, db_service }) =>
      db_service === at.service && String(db_query).startsWith("load data local")
    );
  });
  const { size } = await Deno.stat(join(scripts, "lines.txt"));
  strictEqual(JSON.stringify(event["copy"]), JSON.stringify({ direction: "in", bytes: size }));
  strictEqual(event["rows"], 3);
});

test("Ctrl-C in the program kills what runs, by the number that it knows", async (at) => {
  const way = await native(alice, at.service);
  const [program = "", ...first] = at.server.binaries.client;
  const verified = at.server.binaries.name === "MariaDB"
    ? "--ssl-verify-server-cert"
    : "--ssl-mode=VERIFY_IDENTITY";
  const child = new Deno.Command(program, {
    args: [
      ...[...first, "--no-defaults", "--protocol=tcp", `--host=${way.host}`, "--user=alice"],
      ...[`--port=${way.port}`, `--ssl-ca=${way.ca}`, `--ssl-cert=${way.cert}`],
      ...[`--ssl-key=${way.key}`, verified, "-e", "select sleep(50)", "shop"],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await running(at, "select sleep(50)");
  child.kill("SIGINT");
  const { stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  match(said, /sleep\(50\)\s+1|query killed|interrupted/i);
  await gone(at, "select sleep(50)");
  const logged = await Deno.readTextFile(at.server.generalLog);
  match(logged, /KILL (QUERY|\/\*!50000 QUERY \*\/|CONNECTION)? ?\d{1,6}$/mi);
});

test("a lock ends a session that runs, and what it runs, within a second or two", async (at) => {
  const way = await native(alice, at.service);
  const session = cli(at.server.binaries, way, ["-e", "select sleep(40)"]);
  await running(at, "select sleep(40)");
  const began = performance.now();
  await at.site.remoteler(["lock", "--user=alice", "--message=enough"]);
  const { stderr } = await session;
  ok(performance.now() - began < 5000, "at once");
  match(stderr, /ERROR (3169|2013|1317|1927)/);
  await gone(at, "select sleep(40)");
  await unlock(at);
});

test("killing the Database Service's connection is an error that says so", async (at) => {
  const way = await native(alice, at.service);
  const session = cli(at.server.binaries, way, ["-e", "select sleep(30)"]);
  const id = await running(at, "select sleep(30)");
  await at.server.query(`kill ${id}`);
  const { code, stderr } = await session;
  strictEqual(code, 1);
  match(stderr, /ERROR \d+/);
});

/** The server's number of the connection that runs this. */
async function running({ server }: MysqlSite, text: string): Promise<number> {
  return await waitFor(`${text} runs`, 10_000, async () => {
    const list = await server.query("show full processlist");
    const line = list.split("\n").find((one) => one.includes(text) && !one.includes("show full"));
    return line === undefined ? null : Number(line.split("\t")[0]);
  });
}

async function gone({ server }: MysqlSite, text: string): Promise<void> {
  await waitFor(`${text} runs no more`, 5000, async () => {
    return !(await server.query("show full processlist")).includes(text);
  });
}

async function unlock(at: MysqlSite): Promise<void> {
  const locks = JSON.parse(await at.site.remoteler(["get", "lock", "--format=json"]));
  for (const { metadata } of locks) await at.site.remoteler(["rm", `lock/${metadata.name}`]);
  await waitFor("she is let in again", 5000, async () => {
    const way = await native(alice, at.service);
    const tried: Finished = await cli(at.server.binaries, way, ["-e", "select 1"]);
    return tried.code === 0;
  });
}

test("the program's goodbye reaches the server, which logs no aborted connection", async (at) => {
  const way = await native(alice, at.service);
  const { code } = await cli(at.server.binaries, way, ["-e", "select 'goodbye'"]);
  strictEqual(code, 0);
  const id = await waitFor("it is logged", 5000, async () => {
    const log = await Deno.readTextFile(at.server.generalLog);
    return /(\d+) Query\tselect 'goodbye'/.exec(log)?.[1];
  });
  await waitFor("its Quit is logged", 5000, async () => {
    const log = await Deno.readTextFile(at.server.generalLog);
    return new RegExp(`\\s${id} Quit\\b`).test(log);
  });
});
