import assert from "node:assert/strict";
import { type FakeComputer, fakeComputer, fakeShop } from "./client_fake.ts";

const file = "/home/alice/.my.cnf";
const own = "[client]\nuser=me";

async function shopping(native: Record<string, string>): Promise<FakeComputer> {
  const computer = await fakeComputer();
  computer.databases = [fakeShop];
  computer.native = native;
  const login = ["login", "--proxy=db.example.com", "--user=alice", "--password-stdin"];
  await computer.tsh([...login, "--insecure"], "a password\n");
  return computer;
}

Deno.test("db login writes groups, where the proxy has a port for such programs", async () => {
  const computer = await shopping({ mysql: "db.example.com:3036" });
  computer.files.set(file, own);
  const said = await computer.tsh(["db", "login", "shop"]);
  assert.equal(said.stdout, "mysql --defaults-group-suffix=_shop\n", said.stderr);
  const text = computer.files.get(file) ?? "";
  assert.ok(text.startsWith(`${own}\n# >>> tsh: shop`), text);
  const client = '[client_shop]\nhost="db.example.com"\nport="3036"\nprotocol="TCP"\nuser="app"\n';
  assert.ok(text.includes(client), text);
  // No program is here, so one of MySQL's own may come.
  assert.match(text, /^loose-ssl-mode="VERIFY_IDENTITY"$/m);
  assert.match(text, /^\[client-mariadb_shop\]\nssl-verify-server-cert\n/m);
  assert.match(text, /^\[mysql_shop\]\ndatabase="shop"\n/m);
  await computer.tsh(["db", "logout", "shop"]);
  assert.equal(computer.files.get(file), `${own}\n`);
});

Deno.test("MariaDB's programs get no line that they would warn of", async () => {
  const computer = await shopping({ mysql: "db.example.com:3036" });
  computer.programs.add("mariadb");
  await computer.tsh(["db", "login", "shop"]);
  assert.equal(computer.files.get(file)?.includes("ssl-mode"), false);
});

Deno.test("without such a port, programs are told of a local one", async () => {
  const computer = await shopping({});
  const said = await computer.tsh(["db", "login", "shop"]);
  assert.equal(said.stdout, "tsh db connect shop\n");
  assert.match(said.stderr, /no port for mysql.*\n.*tsh proxy db shop/);
  assert.equal(computer.files.has(file), false);
});

Deno.test("db connect runs the program that is here, on a local port", async () => {
  const computer = await shopping({});
  computer.programs.add("mariadb");
  const said = await computer.tsh(["db", "connect", "shop", "--", "-e", "select 1"]);
  assert.equal(said.code, 0, said.stderr);
  assert.equal(computer.launched[0]?.program, "mariadb");
  assert.deepEqual(computer.launched[0]?.args, [
    ...["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--port=45001", "--user=app"],
    ...["--skip-ssl", "--database=shop", "-e", "select 1"],
  ]);
  computer.programs.clear();
  const without = await computer.tsh(["db", "connect", "shop", "--", "-e", "select 1"]);
  assert.match(without.stderr, /mariadb or mysql is not installed/);
});

Deno.test("db env names the group, db config the port", async () => {
  const computer = await shopping({ mysql: "other.example.com:33060" });
  await computer.tsh(["db", "login", "shop"]);
  const env = JSON.parse((await computer.tsh(["db", "env", "shop", "--format=json"])).stdout);
  assert.deepEqual(env, {
    MYSQL_HOST: "other.example.com",
    MYSQL_TCP_PORT: "33060",
    MYSQL_GROUP_SUFFIX: "_shop",
  });
  const config = JSON.parse((await computer.tsh(["db", "config", "shop", "--format=json"])).stdout);
  assert.deepEqual([config.host, config.port], ["other.example.com", 33060]);
});
