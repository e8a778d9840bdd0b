/** tsh's own SQL: the built-in shell, on a terminal and in a pipe, and db exec. */
import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { type Person, programs } from "../../scripts/lab/services.ts";
import type { Finished } from "../../scripts/lab/tools.ts";
import { untilSleeping } from "../postgres/activity.ts";
import { have, siteSuite } from "../site.ts";

let alice: Person;

const test = siteSuite({
  databases: { orders: { env: "test" }, billing: { env: "test" }, other: { env: "none" } },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
});

const shell = (input: string): Promise<Finished> => alice.tsh(["db", "shell", "orders"], input);

test("the shell runs statements of several lines from a pipe and draws tables", async () => {
  const done = await shell("select 'a;b' as text,\n  null as gap;\n\\d\nselect 2 as last");
  strictEqual(done.code, 0, done.stderr);
  match(done.stdout, /^text +gap\na;b +NULL\n\(1 row\)\n/);
  match(done.stdout, /schema +name +type +owner\n\(0 rows\)\n/);
  match(done.stdout, /last\n2\n\(1 row\)\n$/);
  const made = await shell(
    "create table things (id int not null, name text default 'x');\n" +
      "\\d things\n\\l\n\\q\nselect 9;",
  );
  strictEqual(made.code, 0, made.stderr);
  match(made.stdout, /^CREATE TABLE\n/);
  match(made.stdout, /\nid +integer +not null/);
  match(made.stdout, /\norders +alice +UTF8/);
  ok(!made.stdout.includes("9"));
});

test("in a pipe the first error ends it, with its SQLSTATE and exit code 1", async () => {
  const done = await shell("begin;\ninsert into things values (1);\nselect nothing;\nselect 5;\n");
  strictEqual(done.code, 1);
  match(done.stderr, /ERROR: {2}column "nothing" does not exist \(42703\)\nAT: {2}character 8\n/);
  ok(!done.stdout.includes("5"));
  strictEqual((await shell("select count(*) from things")).stdout, "count\n0\n(1 row)\n");
});

test("large answers, notices and COPY come through whole", async () => {
  const many = await shell("select g, repeat('x', 300) from generate_series(1, 5000) g;");
  match(many.stdout, /\n5000 +x{300}\n\(5000 rows\)\n$/);
  const rest = await shell(
    "do $$ begin raise notice 'said; so'; end $$; copy (select 7) to stdout;",
  );
  match(rest.stderr, /NOTICE: {2}said; so/);
  match(rest.stdout, /^DO\n7\nCOPY 1\n$/);
  const copied = await shell("copy things from stdin;");
  match(copied.stderr, /57014/);
});

test("Ctrl-C cancels what runs and leaves the session", async (site) => {
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  const [program = "", ...args] = programs().tsh;
  const child = new Deno.Command(program, {
    args: [...args, "db", "shell", "orders"],
    env: { ...alice.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode("select pg_sleep(30);\n"));
  await input.close();
  await untilSleeping(await site.through(alice, "orders"));
  child.kill("SIGINT");
  const started = performance.now();
  const { code, stderr } = await child.output();
  ok(performance.now() - started < 10_000, "the statement went on");
  match(new TextDecoder().decode(stderr), /canceling statement due to user request \(57014\)/);
  strictEqual(code, 1);
});

test("on a terminal an error is not the end, and prompts tell a transaction", async () => {
  if (!(await have("script", "the built-in shell on a terminal"))) return;
  const [program = "", ...args] = programs().tsh;
  const line = [program, ...args, "db", "shell", "orders"].map((word) => `'${word}'`).join(" ");
  const typed = "begin;\nselect\n1/0;\nrollback;\nselect 41 + 1 as sum;\n\\q\n";
  const done = await alice.run("script", ["-qec", line, "/dev/null"], typed);
  strictEqual(done.code, 0, done.stdout);
  match(done.stdout, /orders=\*> [\s\S]*orders-\*> [\s\S]*22012[\s\S]*orders=!> [\s\S]*\n42\r?\n/);
});

test("db connect falls back to the shell where there is no psql", async () => {
  const tsh = [...programs().tsh, "db", "connect", "orders"];
  const env = ["PATH=/nonexistent", ...tsh];
  const done = await alice.run("/usr/bin/env", env, "select 'here' as where_;\n");
  strictEqual(done.code, 0, done.stderr);
  match(done.stderr, /psql is not here/);
  match(done.stdout, /^where_\nhere\n/);
  const refused = await alice.run("/usr/bin/env", [...env, "--", "-c", "select 1"]);
  strictEqual(refused.code, 1);
});

test("db exec runs on those that labels choose, side by side", async () => {
  const sql = "select current_user as who; select 2";
  const chosen = ["db", "exec", sql, "--labels=env=test", "--parallel=2", "--format=json"];
  const unasked = await alice.tsh(chosen);
  strictEqual(unasked.code, 2);
  match(unasked.stderr, /--no-confirm/);
  const all: { database: string; ok: boolean; results: { rows: string[][] }[] }[] = JSON.parse(
    await alice.mustTsh([...chosen, "--no-confirm"]),
  );
  deepStrictEqual(all.map(({ database }) => database), ["orders", "billing"].sort());
  for (const one of all) {
    deepStrictEqual(one.results.map(({ rows }) => rows), [[["alice"]], [["2"]]]);
  }
});

test("db exec writes a file each, and fails when one fails", async (site) => {
  await site.remoteler(["lock", "--service=billing", "--message=closed"]);
  const dir = join(alice.home, "out");
  const done = await alice.tsh([
    ...["db", "exec", "select 'x' as y", "orders", "--dbs=billing"],
    `--output-dir=${dir}`,
  ]);
  strictEqual(done.code, 1);
  match(done.stderr, /tsh: error: billing: .*closed/);
  strictEqual(await Deno.readTextFile(join(dir, "orders.txt")), "y\nx\n(1 row)\n");
  match(await Deno.readTextFile(join(dir, "billing.txt")), /closed/);
  notStrictEqual((await alice.tsh(["db", "exec", "select 1", "nowhere"])).code, 0);
});
