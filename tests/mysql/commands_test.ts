/** Commands that mean more than their session: another user, replication, KILL by a number. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { type Finished, run, waitFor } from "../../scripts/lab/tools.ts";
import { skipped } from "../site.ts";
import { pythonDriver, scripts } from "./drivers.ts";
import {
  addAlice,
  cli,
  databaseOf,
  type MysqlSite,
  mysqlSuite,
  native,
  realServers,
  type Way,
} from "./site.ts";

const servers = await realServers();
const python = await pythonDriver();
if (typeof python !== "string") skipped("sessions of Python's drivers", python.reason);
let alice: Person;
let replica: Person;
const test = mysqlSuite(servers, {
  sql: () => ["grant replication slave on *.* to alice@'%'"],
  settings: () => ["--server-id=1", "--log-bin=changes", "--binlog-format=STATEMENT"],
  more: ({ server, service }) => Promise.resolve([databaseOf(`other-${service}`, server)]),
}, async (site) => {
  alice = await addAlice(site, servers);
  replica = await addReplica(site);
});

/** Their role lets replication pass. */
async function addReplica(site: Site): Promise<Person> {
  await site.putRole("replica", {
    allow: { db_labels: { "*": "*" }, db_users: ["alice"], db_names: ["shop"] },
    deny: {},
    options: { allow_replication: true },
  });
  const options = { dbUsers: ["alice"], dbNames: ["shop"], roles: ["access", "replica"] };
  const person = await site.addUser("replica", options);
  await site.login(person, "replica");
  return person;
}

async function wayOf(person: Person, service: string): Promise<Way> {
  await person.mustTsh(["db", "login", service, "--db-user=alice", "--db-name=shop"]);
  return await native(person, service);
}

/** Lines of what a script of Python's says happened. */
async function played(what: string, ways: readonly Way[]): Promise<string[]> {
  if (typeof python !== "string") return [];
  const env = { MYSQL_WAYS: JSON.stringify(ways), LC_ALL: "C.UTF-8" };
  const done = await run(python, [join(scripts, "sessions.py"), what], { env });
  strictEqual(done.code, 0, done.stderr);
  return done.stdout.trim().split("\n");
}

/** The texts of what was refused to this user at this database, once there are so many. */
async function refusedTexts(at: MysqlSite, service: string, count: number): Promise<string[]> {
  return await waitFor("events of what was refused", 10_000, async () => {
    const all = await at.site.events(["--user=alice", "--events=db.session.query.failed"]);
    const found = all.filter(({ db_service }) => db_service === service);
    return found.length < count ? null : found.map(({ db_query }) => String(db_query)).sort();
  });
}

if (typeof python === "string") {
  test("a change of user and what replicas ask are refused; the session goes on", async (at) => {
    const said = await played("refused", [await wayOf(alice, at.service)]);
    const change = /^change error 1142 42000 another database user takes a new connection$/;
    const denied = /^0x\w+ error 1142 .* is for replicas, and no role of yours allows it$/;
    const alive = /^then .*still here/;
    const expected = [change, alive, change, alive, denied, denied, denied, denied, denied, alive];
    strictEqual(said.length, expected.length, said.join("\n"));
    for (const [i, pattern] of expected.entries()) match(said[i] ?? "", pattern);
    const commands = ["Binlog Dump", "Binlog Dump GTID", "Change user bob", "Change user bob"];
    const others = ["Clone", "Register Slave", "Table Dump"];
    deepStrictEqual(await refusedTexts(at, at.service, 7), [...commands, ...others]);
  });

  test("a number of ours kills within its own database only, and nobody by chance", async (at) => {
    const { service } = at;
    const ways = [await wayOf(alice, service), await wayOf(alice, `other-${service}`)];
    const said = await played("killed", ways);
    const number = /^number (\d+)$/.exec(said.shift() ?? "")?.[1] ?? "";
    const nobody = (id: string) => ` error 1094 Unknown thread id: ${id}`;
    deepStrictEqual(said.slice(0, 3), [
      `by command from another database${nobody(number)}`,
      `by text from another database${nobody(number)}`,
      `a number that nobody has${nobody("1073741824")}`,
    ]);
    const here = "then [('still here',)]";
    const outcomes = said.slice(3).map((line) => line.replace(/^killed error .*/, "killed"));
    // MySQL 9 has the command no more, and says so itself.
    const byCommand = at.server.binaries.name === "MariaDB"
      ? ["by command 0", "killed"]
      : ["by command error 1047 Unknown command", "killed [('still here',)]"];
    deepStrictEqual(outcomes, [
      ...[here, here, "by text []", "killed", ...byCommand],
      ...["by the server's number []", "killed", here],
    ]);
    const texts = [`KILL QUERY 1073741824`, `Kill ${number}`, `kill ${number}`];
    deepStrictEqual(await refusedTexts(at, `other-${service}`, 3), texts);
    const logged = await Deno.readTextFile(at.server.generalLog);
    ok(!logged.includes(number) && !logged.includes("1073741824"), "the server heard of it");
  });
}

test("the program's own kill of a number that nobody has: 1094", async (at) => {
  const way = await wayOf(alice, at.service);
  const said = await cli(at.server.binaries, way, ["--force"], "kill 2000000000;\nselect 'on';\n");
  match(said.stderr, /^ERROR 1094 \(HY000\) at line 1: Unknown thread id: 2000000000$/m);
  strictEqual(said.stdout, "on\n");
});

test("the log of changes is refused to its program, but with a role for it", async (at) => {
  await at.server.query("create table shop.told (words varchar(50))");
  await at.server.query("insert into shop.told values ('replicated')");
  const refused = await readLog(at, await wayOf(alice, at.service));
  strictEqual(refused.code, 1, refused.stdout);
  match(refused.stderr, /for replicas, and no role of yours allows it/);
  ok(!refused.stdout.includes("replicated"));
  const read = await readLog(at, await wayOf(replica, at.service));
  strictEqual(read.code, 0, read.stderr);
  match(read.stdout, /insert into shop\.told values \('replicated'\)/);
  const event = await waitFor("its event", 10_000, async () => {
    const all = await at.site.events(["--user=replica", "--events=db.session.query"]);
    return all.find(({ db_query, db_service, outcome }) =>
      db_service === at.service && String(db_query).startsWith("Binlog Dump") && outcome === "done"
    );
  });
  ok(Number(event["rows"]) > 3, JSON.stringify(event));
});

function readLog({ server: { binaries } }: MysqlSite, way: Way): Promise<Finished> {
  const [program = "", ...first] = binaries.binlog;
  const verified = binaries.name === "MariaDB"
    ? "--ssl-verify-server-cert"
    : "--ssl-mode=VERIFY_IDENTITY";
  return run(program, [
    ...[...first, "--no-defaults", "--read-from-remote-server", "--protocol=tcp", verified],
    ...[`--host=${way.host}`, `--port=${way.port}`, `--user=${way.user}`, `--ssl-ca=${way.ca}`],
    ...[`--ssl-cert=${way.cert}`, `--ssl-key=${way.key}`, "--to-last-log", "changes.000001"],
  ], { env: { LC_ALL: "C.UTF-8" } });
}
