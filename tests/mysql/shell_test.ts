/** What tsh itself says to MySQL and MariaDB: the built-in shell, `db exec`, `doctor`. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { addAlice, mysqlSuite, realServers } from "./site.ts";

const servers = await realServers();
let alice: Person;
const test = mysqlSuite(servers, {}, async (site) => {
  alice = await addAlice(site, servers);
});

const statements = `create table shell (id int, words text);
insert into shell values (1, 'a;b'), (2, null), (3, "it's");
-- a comment ;
select * from shell order by id;
\\d
\\d shell
start transaction; select count(*) from shell; rollback;
select repeat('x', 100000) as big;
drop table shell;
`;

test("the shell runs what a pipe gives it", async ({ service }) => {
  const said = await alice.tsh(["db", "shell", service], statements);
  strictEqual(said.code, 0, said.stderr);
  match(said.stdout, /OK, 3 rows affected\n/);
  match(said.stdout, /ID +WORDS *\n1 +a;b *\n2 +NULL *\n3 +it's *\n\(3 rows\)/i);
  match(said.stdout, /shop +shell +BASE TABLE/);
  match(said.stdout, /words +text +YES/);
  match(said.stdout, /x{100000}/);
});

test("the shell stops at an error, and says it as MySQL does", async ({ service }) => {
  const said = await alice.tsh(["db", "shell", service], "select 1; select nosuch; select 2;");
  strictEqual(said.code, 1);
  match(said.stderr, /ERROR 1054: +Unknown column 'nosuch'.* \(42S22\)/);
  match(said.stdout, /1/);
});

test("db exec gives rows and several results to machines", async ({ service }) => {
  const sql = "select 1 as a, null as b; do 1; select 'é' as c";
  const said = await alice.mustTsh(["db", "exec", sql, service, "--format=json"]);
  deepStrictEqual(JSON.parse(said), [{
    database: service,
    ok: true,
    results: [
      { columns: ["a", "b"], rows: [["1", null]], tag: "" },
      { columns: null, rows: [], tag: "OK, 0 rows affected" },
      { columns: ["c"], rows: [["é"]], tag: "" },
    ],
    error: null,
  }]);
});

test("db exec asks all databases that a label chooses, whatever they speak", async () => {
  const said = await alice.tsh([
    ...["db", "exec", "select 40 + 2", "--labels=env=test", "--no-confirm", "--db-user=alice"],
    ...["--db-name=shop", "--format=json"],
  ]);
  const ok = JSON.parse(said.stdout).filter((one: { ok: boolean }) => one.ok);
  strictEqual(ok.length, servers.length, said.stderr);
});

test("doctor logs in, and looks for the group and a program", async ({ service }) => {
  const found = JSON.parse((await alice.tsh(["doctor", "--format=json"])).stdout);
  const of = (check: string) => found.find((one: { check: string }) => one.check === check);
  match(of(`database ${service}`).found, /^lets alice in/);
  strictEqual(of("mariadb").state, "ok");
  strictEqual(of(`files of ${service}`).found, `mysql --defaults-group-suffix=_${service}`);
});

test("db logout takes the group out again, and nothing else", async ({ service }) => {
  const file = `${alice.home}/.my.cnf`;
  await Deno.writeTextFile(file, `${await Deno.readTextFile(file)}[client]\nuser=me\n`);
  await alice.mustTsh(["db", "logout", service]);
  const left = await Deno.readTextFile(file);
  strictEqual(left.includes(`_${service}]`), false);
  match(left, /\[client\]\nuser=me\n/);
});
