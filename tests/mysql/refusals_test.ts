/** Who is turned away hears why, as an error that the programs of both makers show. */
import { match, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { Forge } from "../postgres/forge.ts";
import {
  addAlice,
  cli,
  type MysqlSite,
  mysqlSuite,
  native,
  realServers,
  type Way,
} from "./site.ts";

const servers = await realServers();
let alice: Person;
let forge: Forge;
const test = mysqlSuite(servers, {}, async (site) => {
  alice = await addAlice(site, servers, { dbUsers: ["alice", "ghost"] });
  forge = await Forge.open(site);
});

/** What the program says, which ends with an error. */
async function refusal(at: MysqlSite, change: Partial<Way>): Promise<string> {
  const way = { ...await native(alice, at.service), ...change };
  const { code, stdout, stderr } = await cli(at.server.binaries, way, ["-e", "select 1"]);
  strictEqual(stdout, "");
  strictEqual(code, 1);
  return stderr;
}

/** Files of a certificate made by the cluster's own CA, but not as Auth would. */
async function forged(
  { service }: MysqlSite,
  change: Parameters<Forge["user"]>[1],
): Promise<Partial<Way>> {
  const { ca, cert, key, user, database } = await native(alice, service);
  const made = await forge.user({
    ...{ PGSSLROOTCERT: ca, PGSSLCERT: cert, PGSSLKEY: key, PGUSER: user, PGDATABASE: database },
  }, {
    ...change,
    route: change.route === null ? null : { service, protocol: "mysql", ...change.route },
  });
  return { cert: made["PGSSLCERT"] ?? "", key: made["PGSSLKEY"] ?? "" };
}

test("no certificate: 1045, and what to do", async (at) => {
  match(await refusal(at, { cert: "" }), /^ERROR 1045 \(28000\).*certificate.*tsh db login/);
});

test("a certificate that is over, or overtaken: 1045", async (at) => {
  const over = await forged(at, { expires: Date.now() - 1000 });
  match(await refusal(at, over), /^ERROR 1045 \(28000\).*expired.*tsh/);
  match(await refusal(at, await forged(at, { generation: 0 })), /^ERROR 1045 \(28000\).*tsh/);
});

test("a certificate for no database, or one of another protocol", async (at) => {
  const none = await forged(at, { route: null });
  match(await refusal(at, none), /^ERROR 1045 \(28000\).*not for a database.*tsh db login/);
  const other = await forged(at, { route: { service: "orders", protocol: "postgres" } });
  match(await refusal(at, other), /^ERROR 1210 \(HY000\).*"orders", which speaks postgres/);
});

test("a database that nobody serves: 1053", async (at) => {
  const nowhere = await forged(at, { route: { service: "nowhere" } });
  match(await refusal(at, nowhere), /^ERROR 1053 \(08S01\).*nowhere.*tsh db ls/);
});

test("another user than that of the certificate: 1045, naming both", async (at) => {
  match(await refusal(at, { user: "bob" }), /^ERROR 1045 \(28000\).*"alice".*"bob"/);
});

test("an account that no role allows: 1142", async (at) => {
  const bob = await forged(at, { route: { user: "bob" } });
  match(await refusal(at, { user: "bob", ...bob }), /^ERROR 1142 \(42000\).*"bob"/);
});

test("what the database itself refuses is told in its words, by every way", async (at) => {
  const names = ["--db-user=ghost", "--db-name=shop"];
  await alice.mustTsh(["db", "login", at.service, ...names]);
  const said = await refusal(at, { user: "ghost" });
  match(said, /^ERROR 1429 \(HY000\).*the database refused the session: Access denied.*'ghost'/);
  for (const more of [[], ["--end-to-end"]]) {
    const { stderr } = await alice.tsh([
      ...["db", "connect", at.service, ...names, ...more, "--", "-e", "select 1"],
    ]);
    match(stderr, /^ERROR 1429 \(HY000\).*the database refused the session: Access denied/);
  }
  await alice.mustTsh(["db", "login", at.service, "--db-user=alice", "--db-name=shop"]);
});

test("a session in the clear: 1045", async (at) => {
  const { binaries } = at.server;
  const off = binaries.name === "MariaDB" ? "--skip-ssl" : "--ssl-mode=DISABLED";
  const [program = "", ...first] = binaries.client;
  const { stderr } = await alice.run(program, [
    ...[...first, "--no-defaults", "--protocol=tcp", "--host=localhost", "--user=alice", off],
    ...[`--port=${at.nativePort}`, "-e", "select 1"],
  ]);
  match(stderr, /^ERROR 1045 \(28000\).*TLS/);
});

test("a locked user: 1142, by the proxy's port, a local one and end to end", async (at) => {
  const target = ["--user=alice", "--message=enough"];
  await at.site.remoteler(["lock", ...target]);
  const lock = await waitFor("the lock counts", 5000, async () => {
    const said = await refusal(at, {}).catch(() => "");
    return /enough/.test(said) ? said : null;
  });
  match(lock, /^ERROR 1142 \(42000\).*enough/);
  for (const more of [[], ["--end-to-end"]]) {
    const said = await alice.tsh(["db", "connect", at.service, ...more, "--", "-e", "select 1"]);
    match(said.stderr, /^ERROR 1142 \(.*enough/m);
  }
  const locks = JSON.parse(await at.site.remoteler(["get", "lock", "--format=json"]));
  for (const { metadata } of locks) await at.site.remoteler(["rm", `lock/${metadata.name}`]);
  await waitFor("she is let in again", 5000, async () => {
    const way = await native(alice, at.service);
    return (await cli(at.server.binaries, way, ["-e", "select 1"])).code === 0;
  });
});
