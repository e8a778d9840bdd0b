/** Limits by role options, on real servers: each ends in MySQL's words and with an event. */
import { match, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { cli, type MysqlSite, mysqlSuite, native, realServers, type Way } from "./site.ts";

const test = mysqlSuite(await realServers());

/** One for each limit, whatever the server: logins from one address are bounded. */
const people = new Map<string, Person>();

/** A user of their own with `access` and these options, ready to connect. */
async function limited(
  { site, service }: MysqlSite,
  options: Record<string, unknown>,
): Promise<{ readonly way: Way; readonly name: string }> {
  const name = Object.keys(options).join("-").replaceAll("_", "-");
  const person = people.get(name) ?? await personWith(site, name, options);
  people.set(name, person);
  await person.mustTsh(["db", "login", service, "--db-user=alice", "--db-name=shop"]);
  return { way: await native(person, service), name };
}

async function personWith(
  site: Site,
  name: string,
  options: Record<string, unknown>,
): Promise<Person> {
  await site.putRole(`limits-${name}`, { allow: {}, deny: {}, options });
  const roles = ["access", `limits-${name}`];
  const person = await site.addUser(name, { roles, dbUsers: ["alice"], dbNames: ["shop"] });
  await site.login(person, name);
  return person;
}

/** The event of a user's session's end at this server has this code. */
async function endedBy({ site, service }: MysqlSite, user: string, code: string): Promise<void> {
  await waitFor(`an event with ${code}`, 10_000, async () => {
    const events = await site.events([`--user=${user}`, "--events=db.session.end"]);
    return events.some(({ success, error, db_service }) =>
      db_service === service && success === false && JSON.stringify(error).includes(code)
    );
  });
}

test("too many rows end the session with 1226", async (at) => {
  const { way, name } = await limited(at, { max_rows: 1000 });
  const many = "with recursive s as (select 1 as n union all select n + 1 from s where n < 990) " +
    "select repeat('x', 50) from s as a, s as b;";
  const { stdout, stderr, code } = await cli(
    at.server.binaries,
    way,
    ["--quick"],
    `select 1;\n${many}`,
  );
  strictEqual(code, 1);
  match(stdout, /^1\n/);
  match(stderr, /ERROR 1226 \(42000\).*1000 rows|Lost connection|ERROR 2013/);
  await endedBy(at, name, "db.rows-max");
});

test("a session that idles ends with 4031", async (at) => {
  const { way, name } = await limited(at, { idle_timeout: "2s" });
  // Longer than the limit, but not idle.
  const parts = [["do sleep(3);\n", 7000], ["select 2;\n", 0]] as const;
  const { code, stderr } = await cli(at.server.binaries, way, [], parts);
  strictEqual(code, 1, stderr);
  await endedBy(at, name, "db.idle");
});

test("a statement that takes too long is ended, or with its session", async (at) => {
  const { way, name } = await limited(at, { statement_timeout: "1s" });
  const slow = "select count(*) from information_schema.columns a, information_schema.columns b, " +
    "information_schema.columns c, information_schema.columns d";
  const first = await cli(at.server.binaries, way, ["-e", slow]);
  match(first.stderr, /ERROR (1969|3024|3169|1317)/);
  const off = at.server.binaries.name === "MariaDB"
    ? "set max_statement_time = 0"
    : "set max_execution_time = 0";
  const second = await cli(at.server.binaries, way, ["-e", `${off}; do sleep(60)`]);
  strictEqual(second.code, 1);
  await endedBy(at, name, "db.statement-timeout");
  await waitFor("nothing of it runs in the database", 5000, async () => {
    return !(await at.server.query("show full processlist")).includes("do sleep(60)");
  });
});

test("too many statements in a minute end with 1226", async (at) => {
  const { way, name } = await limited(at, { statements_per_minute: 6 });
  const text = "select 1;\n".repeat(6) + "create table never_made (a int);\n";
  const { code } = await cli(at.server.binaries, way, [], text);
  strictEqual(code, 1);
  await endedBy(at, name, "db.statements-rate");
  strictEqual((await at.server.query("show tables from shop like 'never_made'")).trim(), "");
});

test("sessions are read only, and one too many is refused with 1040", async (at) => {
  const { way } = await limited(at, { max_sessions: 1, read_only: true });
  const { binaries } = at.server;
  const { stderr } = await cli(binaries, way, ["-e", "create table never_made (a int)"]);
  match(stderr, /ERROR 1792 \(25006\)/);
  const running = cli(binaries, way, ["-e", "do sleep(4)"]);
  await waitFor("the first one runs", 5000, async () => {
    return (await at.server.query("show full processlist")).includes("do sleep(4)");
  });
  const refused = await waitFor("one is too many", 4000, async () => {
    const { stderr } = await cli(binaries, way, ["-e", "select 1"]);
    return /1 sessions already/.test(stderr) ? stderr : null;
  });
  match(refused, /ERROR 1040 \(08004\)/);
  strictEqual((await running).code, 0);
});
