import assert from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { type FakeComputer, fakeComputer } from "./client_fake.ts";

const root = "/home/alice/.tsh/remoteler/proxies/db.example.com_443";
const login = ["login", "--proxy=db.example.com", "--user=alice", "--password-stdin"];

async function loggedIn(): Promise<FakeComputer> {
  const computer = await fakeComputer();
  const { code, stderr } = await computer.tsh(login, "a password\n");
  assert.equal(code, 0, stderr);
  return computer;
}

Deno.test("login sends the password once and keeps key and certificate", async () => {
  const computer = await loggedIn();
  const [request] = computer.asked;
  assert.equal(request?.path, "/v1/login");
  assert.equal(request?.body["password"], "a password");
  assert.deepEqual(Object.keys(request?.body ?? {}).sort(), ["csr", "password", "user"]);
  const saved = JSON.parse(computer.files.get(`${root}/login.json`) ?? "{}");
  assert.equal(saved.user, "alice");
  assert.match(saved.key, /BEGIN PRIVATE KEY/);
  assert.match(computer.files.get(`${root}/host_ca.pem`) ?? "", /BEGIN CERTIFICATE/);
  assert.ok(![...computer.files.values()].some((text) => text.includes("a password")));
});

Deno.test("login asks nobody for a password where there is no terminal", async () => {
  const computer = await fakeComputer();
  const said = await computer.tsh(login.slice(0, 3));
  assert.equal(said.code, 2);
  assert.match(said.stderr, /--password-stdin/);
  assert.deepEqual(computer.asked, []);
});

Deno.test("a wrong CA pin ends the login before the password is sent", async () => {
  const computer = await fakeComputer();
  const said = await computer.tsh([...login, `--ca-pin=sha256:${"00".repeat(32)}`], "secret\n");
  assert.equal(said.code, 4);
  assert.match(said.stderr, /pinned CA/);
  assert.deepEqual(computer.asked, []);
});

Deno.test("a wrong password is exit code 4 with the cluster's words", async () => {
  const computer = await fakeComputer();
  computer.fault = new Fault({
    kind: "unauthenticated",
    code: "auth.bad-login",
    message: "internal words",
    shown: "user or password is wrong",
  });
  const said = await computer.tsh(login, "guess\n");
  assert.equal(said.code, 4);
  assert.match(said.stderr, /^tsh: error: user or password is wrong\n/);
});

Deno.test("an expired login says how to log in again", async () => {
  const computer = await loggedIn();
  await computer.clock.step(2 * 3_600_000);
  const said = await computer.tsh(["db", "ls"]);
  assert.equal(said.code, 4);
  assert.match(said.stderr, /expired/);
  assert.match(said.stderr, /tsh login --proxy=db\.example\.com:443 --user=alice/);
});

Deno.test("db ls is a list for machines and a table for people", async () => {
  const computer = await loggedIn();
  const listed = JSON.parse((await computer.tsh(["db", "ls", "--format=json"])).stdout);
  assert.deepEqual(listed.map((one: { name: string }) => one.name), ["orders", "billing"]);
  assert.match((await computer.tsh(["db", "ls"])).stdout, /^NAME +PROTOCOL +STATUS/);
});

Deno.test("db ls says how each database is, and on stderr why one isn't well", async () => {
  const computer = await loggedIn();
  const [orders, billing] = computer.databases;
  assert.ok(orders !== undefined && billing !== undefined);
  const since = "2026-01-02T03:04:05.000Z";
  const health = { status: "unhealthy", since, reason: "connection\nrefused" } as const;
  computer.databases = [{ ...orders, health }, billing];
  const said = await computer.tsh(["db", "ls"]);
  assert.match(said.stdout, /^orders +postgres +unhealthy +app/m);
  assert.match(said.stdout, /^billing +postgres +offline +alice, app/m);
  assert.equal(said.stderr, `orders is unhealthy since ${since}: connection\ufffdrefused\n`);
  const machine = await computer.tsh(["db", "ls", "--format=yaml"]);
  assert.match(machine.stdout, /status: unhealthy\n +since: 2026/);
  assert.equal(machine.stderr, "");
});

Deno.test("db login sets up psql, and leaves the user's own services alone", async () => {
  const computer = await loggedIn();
  const file = "/home/alice/.pg_service.conf";
  const own = "[mine]\nhost=elsewhere";
  computer.files.set(file, own);
  const said = await computer.tsh(["db", "login", "orders", "--db-name=shop"]);
  assert.equal(said.stdout, "psql service=orders\n");
  const text = computer.files.get(file) ?? "";
  assert.ok(text.startsWith(`${own}\n# >>> tsh: orders`), text);
  assert.match(text, /^\[orders\]\nhost=db\.example\.com\nport=443\nuser=app\ndbname=shop\n/m);
  assert.match(text, new RegExp(`sslkey=${root}/db/orders/key.pem`));
  await computer.tsh(["db", "login", "orders", "--db-name=other"]);
  assert.equal(computer.files.get(file)?.split("[orders]").length, 2);
  await computer.tsh(["db", "logout", "orders"]);
  assert.equal(computer.files.get(file), `${own}\n`);
});

Deno.test("db login refuses to write over a service of the user's own", async () => {
  const computer = await loggedIn();
  computer.files.set("/home/alice/.pg_service.conf", "[orders]\nhost=elsewhere\n");
  const said = await computer.tsh(["db", "login", "orders"]);
  assert.equal(said.code, 1);
  assert.match(said.stderr, /section \[orders\] of your own/);
});

Deno.test("db login takes the only account, the own one, or leaves it open", async () => {
  const computer = await loggedIn();
  await computer.tsh(["db", "login", "orders"]);
  assert.deepEqual(
    [computer.asked.at(-1)?.body["db_user"], computer.asked.at(-1)?.body["db_name"]],
    ["app", undefined],
  );
  await computer.tsh(["db", "login", "billing"]);
  assert.deepEqual(
    [computer.asked.at(-1)?.body["db_user"], computer.asked.at(-1)?.body["db_name"]],
    ["alice", "bills"],
  );
});

Deno.test("an unknown database names the one that was meant", async () => {
  const computer = await loggedIn();
  const said = await computer.tsh(["db", "login", "ordres"]);
  assert.equal(said.code, 1);
  assert.match(said.stderr, /tsh: hint: did you mean orders\?/);
});

Deno.test("db env is for a shell to read, db config for anything", async () => {
  const computer = await loggedIn();
  await computer.tsh(["db", "login", "orders"]);
  const env = (await computer.tsh(["db", "env", "orders"])).stdout;
  assert.match(env, /^export PGHOST=db\.example\.com\n/);
  const config = JSON.parse(
    (await computer.tsh(["db", "config", "orders", "--format=json"])).stdout,
  );
  assert.equal(config.port, 443);
  assert.equal(config.user, "app");
  const cmd = await computer.tsh(["db", "config", "orders", "--format=cmd"]);
  assert.equal(cmd.stdout, "psql service=orders\n");
});

Deno.test("db connect gets a certificate and runs psql with the user's arguments", async () => {
  const computer = await loggedIn();
  const said = await computer.tsh(["db", "connect", "orders", "--", "-c", "select 1"]);
  assert.equal(said.code, 0, said.stderr);
  assert.deepEqual(computer.launched[0]?.args, ["service=orders", "-c", "select 1"]);
  computer.programs.clear();
  const without = await computer.tsh(["db", "connect", "orders", "--", "-c", "select 1"]);
  assert.equal(without.code, 1);
  assert.match(without.stderr, /psql is not installed.*\n.*postgresql-client.*db shell orders/);
});

Deno.test("a new login renews certificates, another user's are removed", async () => {
  const computer = await loggedIn();
  await computer.tsh(["db", "login", "orders"]);
  await computer.tsh(login, "a password\n");
  assert.equal(computer.asked.filter(({ path }) => path.endsWith(".route")).length, 2);
  await computer.tsh(["login", "--user=bob", "--password-stdin"], "x\n");
  assert.equal(computer.files.has(`${root}/db/orders/key.pem`), false);
});

Deno.test("logout removes every key; ports stay as they are", async () => {
  const computer = await loggedIn();
  await computer.tsh(["db", "login", "orders"]);
  computer.files.set(`${root}/ports.json`, '{"orders":45001}');
  assert.equal((await computer.tsh(["logout"])).code, 0);
  assert.deepEqual([...computer.files.keys()], [`${root}/ports.json`]);
  const said = await computer.tsh(["status"]);
  assert.equal(said.code, 4);
  assert.match(said.stderr, /tsh login/);
});

Deno.test("status tells user, cluster and databases", async () => {
  const computer = await loggedIn();
  await computer.tsh(["db", "login", "orders"]);
  const text = (await computer.tsh(["status"])).stdout;
  assert.match(text, /alice/);
  assert.match(text, /orders as app in any database/);
  const [status] = JSON.parse((await computer.tsh(["status", "--format=json"])).stdout);
  assert.equal(status.current, true);
  assert.equal(status.expired, false);
});
