/**
 * Database users and databases with odd characters: each is exactly that user in the database, by
 * a certificate whose CN is the name, and no name reaches further than a name does.
 */
import { deepStrictEqual, match } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { run } from "../../scripts/lab/tools.ts";
import { have, plainSql, siteSuite } from "../site.ts";
import { type Env, RawClient } from "./raw_client.ts";

const odd = [
  "o'brien",
  'say "hi"',
  "with space",
  " spaces around ",
  "comma, equals=plus+less<more>",
  "CN=alice",
  "/O=lab/CN=alice",
  "back\\slash\\",
  "semi;hash#dash--",
  "$dollar %percent% ${brace}",
  "UPPER Lower",
  "ünï 世界 😀",
  "x".repeat(63),
  "user@host:5432?sslmode=disable",
  "postgres' user='alice",
];
const database = `odd "d" o'b =\\ ü`;
let alice: Person;

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const sql = [
  plainSql,
  ...odd.map((name) => `create role ${quoted(name)} login;`),
  `create database ${quoted(database)};`,
].join("\n\n");

const test = siteSuite({ sql }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["*"], dbNames: ["*"] });
  await site.login(alice, "alice");
});

for (const name of odd) {
  test(`database user ${JSON.stringify(name)} is that user, natively and by psql`, async (site) => {
    const env = await route(site, name);
    deepStrictEqual([env["PGUSER"], env["PGDATABASE"]], [name, database]);
    const client = await RawClient.login(env);
    const who = "select current_user, session_user, current_database()";
    deepStrictEqual(await client.query(who), [[name, name, database]]);
    client.close();
    if (!(await have("psql", "odd names by psql"))) return;
    const told = await run("psql", ["-XAtF|", "-c", who], { env });
    deepStrictEqual(told.stdout, `${name}|${name}|${database}\n`, told.stderr);
    const service = await run("psql", ["service=orders", "-XAtF|", "-c", who], { env: alice.env });
    // libpq reads no blanks at the end of a line in the file; then it is another name, and refused.
    if (name === name.trimEnd()) deepStrictEqual(service.stdout, told.stdout, service.stderr);
    else match(service.stderr, /certificate is for the database user " spaces around ", the conn/);
  });
}

test("names that no route or no certificate can hold are refused in words", async (site) => {
  for (const name of ["line\nfeed", "esc\x1b[31m", "", "x".repeat(2000)]) {
    const done = await alice.tsh([
      ...["db", "login", "orders", `--db-user=${name}`, "--db-name=orders"],
    ]);
    deepStrictEqual(done.code, 2, `${JSON.stringify(name)}: ${done.stderr}`);
    match(done.stderr, /db.user/);
  }
  const long = await route(site, "x".repeat(300));
  const said = await RawClient.login(long).then(() => "", String);
  match(said, /FATAL 22023 .*1 to 64 characters/);
});

test("each session's events tell the name as it is", async (site) => {
  const starts = await site.events(["--events=db.session.start"]);
  const users = new Set(starts.map((event) => event["db_user"]));
  deepStrictEqual(odd.filter((name) => !users.has(name)), []);
  await site.verifyAudit();
});

async function route(site: Site, user: string): Promise<Env> {
  await alice.mustTsh(["db", "login", "orders", `--db-user=${user}`, `--db-name=${database}`]);
  return await site.through(alice, "orders");
}
