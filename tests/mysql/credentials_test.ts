/** How the Database Service itself logs in: each method by which these servers take a password. */
import { match, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import { databaseOf, type MysqlSite, mysqlSuite, realServers } from "./site.ts";

const servers = await realServers();
const password = "pass'word\"\\ 1";
const quoted = "'pass''word\"\\\\ 1'";

/** Accounts by the method their password is proved with. */
const methods = {
  MariaDB: {
    native: `identified via mysql_native_password using password(${quoted})`,
    ed25519: `identified via ed25519 using password(${quoted})`,
  },
  MySQL: {
    caching: `identified with caching_sha2_password by ${quoted}`,
    sha256: `identified with sha256_password by ${quoted}`,
  },
} as const;

let alice: Person;
const test = mysqlSuite(servers, {
  sql: (maker) =>
    Object.entries(methods[maker]).flatMap(([name, how]) => [
      `create user if not exists ${name}@'%' ${how} require ssl`,
      `grant select on shop.* to ${name}@'%'`,
    ]),
  more: async (at) => {
    const file = join(at.site.dir, "database-password");
    await Deno.writeTextFile(file, `${password}\n`);
    return Object.keys(methods[at.server.binaries.name]).map((user) => ({
      ...databaseOf(`${at.service}-${user}`, at.server),
      credentials: { type: "secret", user, password_file: file },
    }));
  },
}, async (site) => {
  const dbUsers = ["native", "ed25519", "caching", "sha256"];
  alice = await site.addUser("alice", { dbUsers, dbNames: ["shop"] });
  await site.login(alice, "alice");
});

test("a stored password is proved by every method that the server has", async (at) => {
  for (const user of Object.keys(methods[at.server.binaries.name])) {
    // The second time the server may know the password by heart.
    for (let round = 0; round < 2; round++) {
      strictEqual(await whoIs(at, user), `${user}@%\n`, user);
    }
  }
});

test("db test logs in with the stored password", async (at) => {
  const [user = ""] = Object.keys(methods[at.server.binaries.name]);
  const said = await at.site.remoteler([
    "db",
    "test",
    `${at.service}-${user}`,
    `--db-user=${user}`,
  ]);
  match(said, /statement +ok/);
});

test("db test tries an account that a certificate is for", async (at) => {
  const said = await at.site.remoteler(["db", "test", at.service, "--db-user=alice"]);
  match(said, /login +ok +alice is let in, version \d+/);
});

async function whoIs({ service }: MysqlSite, user: string): Promise<string> {
  return await alice.mustTsh([
    ...["db", "connect", `${service}-${user}`, `--db-user=${user}`, "--db-name=shop"],
    ...["--", "--batch", "-N", "-e", "select current_user()"],
  ]);
}
