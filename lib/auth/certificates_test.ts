import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { parseCertificate, verifyIdentity } from "../ca/mod.ts";
import type { AuthClient } from "../api/contract.ts";
import { databasesIn, type VisibleDatabase } from "../api/database_list.ts";
import type { Database } from "../api/resources.ts";
import {
  addAgent,
  addHost,
  addUser,
  cluster,
  csr,
  database,
  endOf,
  finding,
  heartbeat,
  type Host,
  lock,
  logIn,
  openSite,
  role,
  type Site,
} from "./auth_fake.ts";

const hour = 3_600_000;
const traits = { db_users: ["app"], db_names: ["orders", "test"] };

async function seenBy(client: AuthClient): Promise<readonly VisibleDatabase[]> {
  return databasesIn(await client.call("databases.list", {}));
}

interface Scene {
  readonly site: Site;
  readonly agent: Host;
  readonly login: readonly string[];
}

/** Alice, logged in, and an agent that serves `prod`. */
async function scene(...databases: readonly Database[]): Promise<Scene> {
  const site = await openSite();
  await addUser(site, "alice", ["access"], traits);
  const agent = await addAgent(site, ...(databases.length > 0 ? databases : [database("prod")]));
  const { chain } = await logIn(site, "alice");
  site.audit.take();
  return { site, agent, login: chain };
}

type RouteWish = {
  readonly service?: string;
  readonly db_user?: string;
  readonly db_name?: string;
};

function route({ site, login }: Scene, wish: RouteWish = {}) {
  return site.as(login).call("certificates.route", { csr, service: "prod", ...wish });
}

interface DatabaseWish {
  readonly user_chain: readonly string[];
  readonly service?: string;
  readonly db_user?: string;
  readonly db_name?: string;
}

function forDatabase({ client }: Host, { user_chain, ...wish }: DatabaseWish) {
  return client.call("certificates.database", {
    ...{ csr, service: "prod", db_user: "app", db_name: "orders", ...wish },
    user_chain: [...user_chain],
  });
}

Deno.test("a route certificate carries route and login, and ends with the login", async () => {
  const here = await scene();
  const { site, login } = here;
  await site.clock.step(11 * hour);
  await heartbeat(here.agent, database("prod"));
  const made = await route(here, { db_user: "app", db_name: "orders" });
  equal(made.protocol, "postgres");
  equal(endOf(made.chain), endOf(login));
  deepEqual(site.audit.take(), ["cert.create"]);
  const identityIn = (chain: readonly string[]) =>
    verifyIdentity(chain.map((der) => Uint8Array.fromBase64(der)), {
      expect: "user",
      cluster,
      now: site.clock.now(),
      authorities: site.authorities.trusted,
      standing: { generationOf: () => site.clock.now() - 11 * hour, lockOf: () => null },
    }).identity;
  const routed = identityIn(made.chain);
  deepEqual(routed.route, {
    service: "prod",
    protocol: "postgres",
    user: "app",
    database: "orders",
  });
  equal(routed.session, identityIn(login).session);
  await site.close();
});

Deno.test("what a route leaves open stays open in the certificate", async () => {
  const here = await scene();
  const made = await route(here);
  const der = Uint8Array.fromBase64(made.chain[0] ?? "");
  const text = new TextDecoder().decode(parseCertificate(der).der);
  ok(text.includes('"route":{"service":"prod","protocol":"postgres"}'));
  await here.site.close();
});

const refusals: readonly [promise: string, wish: RouteWish, code: string][] = [
  ["an unknown database", { service: "none" }, "access.no-database"],
  ["another database user", { db_user: "postgres" }, "access.no-user"],
  ["another database name", { db_user: "app", db_name: "salaries" }, "access.no-name"],
];
for (const [promise, wish, code] of refusals) {
  Deno.test(`a route to ${promise} is refused and audited`, async () => {
    const here = await scene();
    await rejects(route(here, wish), { kind: "denied", code });
    deepEqual(here.site.audit.take(), ["session.rejected"]);
    await here.site.close();
  });
}

Deno.test("a hidden database is refused in the words of one that isn't there", async () => {
  const here = await scene(database("prod", { env: "secret" }));
  const { site } = here;
  const closed = role("closed", { deny: { db_labels: { env: "secret" } } });
  await site.admin.call("resources.put", { resource: closed });
  await addUser(site, "bob", ["access", "closed"], traits);
  const bob = site.as((await logIn(site, "bob")).chain);
  const words = async (service: string) => {
    try {
      await bob.call("certificates.route", { csr, service });
      return null;
    } catch (thrown) {
      return String(thrown).replaceAll(service, "NAME");
    }
  };
  equal(await words("prod"), await words("none"));
  ok(await words("prod") !== null);
  deepEqual(await seenBy(bob), []);
  await site.close();
});

Deno.test("a route certificate makes no other call than who it is", async () => {
  const here = await scene();
  const { chain } = await route(here);
  const client = here.site.as(chain);
  await client.call("status", {});
  await rejects(client.call("certificates.route", { csr, service: "prod" }), {
    code: "auth.route-certificate",
  });
  await rejects(client.call("databases.list", {}), { code: "auth.route-certificate" });
  await here.site.close();
});

Deno.test("an agent gets an hour's certificate for the database user", async () => {
  const here = await scene();
  const { chain } = await route(here, { db_user: "app" });
  here.site.audit.take();
  const made = await forDatabase(here.agent, { user_chain: chain });
  equal(endOf(made.chain), here.site.clock.now() + hour);
  const der = Uint8Array.fromBase64(made.chain[0] ?? "");
  ok(parseCertificate(der).subject.attributes.some(({ value }) => value === "app"));
  deepEqual(here.site.audit.take(), ["cert.create"]);
  await here.site.clock.step(11.5 * hour);
  const late = await forDatabase(here.agent, { user_chain: chain });
  equal(endOf(late.chain), endOf(chain));
  await here.site.close();
});

const agentRefusals: readonly [
  promise: string,
  wish: Omit<DatabaseWish, "user_chain">,
  code: string,
][] = [
  ["another service than the route's", { service: "other" }, "auth.other-route"],
  ["another user than the route's", { db_user: "root" }, "auth.other-route"],
  ["a name that the roles don't allow", { db_name: "salaries" }, "access.no-name"],
];
for (const [promise, wish, code] of agentRefusals) {
  Deno.test(`an agent gets no certificate for ${promise}`, async () => {
    const here = await scene(database("prod"), database("other"));
    const { chain } = await route(here, { db_user: "app" });
    here.site.audit.take();
    await rejects(forDatabase(here.agent, { user_chain: chain, ...wish }), { code });
    deepEqual(here.site.audit.take(), ["session.rejected"]);
    await here.site.close();
  });
}

Deno.test("an agent gets nothing for a login certificate, its own or a stranger's", async () => {
  const here = await scene();
  const { site, agent, login } = here;
  await rejects(forDatabase(agent, { user_chain: login }), { code: "auth.other-route" });
  await rejects(forDatabase(agent, { user_chain: agent.joined.chain }), { code: "ca.wrong-type" });
  const other = await openSite();
  await addUser(other, "alice", ["access"], traits);
  const stranger = await logIn(other, "alice");
  await rejects(forDatabase(agent, { user_chain: stranger.chain }), { code: "ca.unknown-issuer" });
  await other.close();
  await site.close();
});

Deno.test("an agent that doesn't serve the database gets no certificate for it", async () => {
  const here = await scene();
  const other = await addAgent(here.site, database("elsewhere"));
  const silent = await addHost(here.site, "db");
  const { chain } = await route(here);
  for (const agent of [other, silent]) {
    await rejects(forDatabase(agent, { user_chain: chain }), { code: "auth.not-served" });
  }
  await here.site.close();
});

Deno.test("it is decided with labels as the asking agent tells them", async () => {
  const here = await scene(database("prod", { env: "dev" }));
  const { site, agent } = here;
  await site.admin.call("resources.put", {
    resource: role("dev", {
      allow: { db_labels: { env: "dev" }, db_users: ["app"], db_names: ["orders"] },
    }),
  });
  await addUser(site, "bob", ["dev"]);
  const bob = site.as((await logIn(site, "bob")).chain);
  const { chain } = await bob.call("certificates.route", { csr, service: "prod" });
  await forDatabase(agent, { user_chain: chain });
  await heartbeat(agent, database("prod", { env: "prod" }));
  await rejects(forDatabase(agent, { user_chain: chain }), { code: "access.no-database" });
  await site.close();
});

Deno.test("locks on the service or the agent stop new certificates at once", async () => {
  const here = await scene();
  const { site, agent } = here;
  const { chain } = await route(here);
  for (const target of [{ service: "prod" }, { user: "alice", service: "prod" }]) {
    const resource = lock("l", target, { message: "stop" });
    await site.admin.call("resources.put", { resource });
    await rejects(route(here), { kind: "denied", code: "auth.locked" });
    await rejects(forDatabase(agent, { user_chain: chain }), { kind: "denied" });
    await site.admin.call("resources.remove", { kind: "lock", name: "l" });
  }
  await forDatabase(agent, { user_chain: chain });
  await site.close();
});

Deno.test("a user sees what its roles allow, with the users and names, online or not", async () => {
  const here = await scene(database("prod"), database("test", { env: "test" }));
  const alice = here.site.as(here.login);
  const health = { status: "unknown", since: null, reason: "" };
  const row = { protocol: "postgres", description: "", db_users: ["app"], health };
  const more = { db_names: ["orders", "test"], require_end_to_end: false };
  deepEqual(await seenBy(alice), [
    { name: "prod", labels: {}, ...row, ...more, online: true },
    { name: "test", labels: { env: "test" }, ...row, ...more, online: true },
  ]);
  const strict = role("access", {
    allow: {
      db_labels: { "*": "*" },
      db_users: ["{{internal.db_users}}"],
      db_names: ["{{internal.db_names}}"],
    },
    options: { require_end_to_end: true },
  });
  await here.site.admin.call("resources.put", { resource: strict, replace: true });
  await here.site.clock.step(hour);
  const databases = await seenBy(alice);
  deepEqual(databases.map(({ online }) => online), [false, false]);
  deepEqual(databases.map((one) => one.require_end_to_end), [true, true]);
  deepEqual(databases.map(({ health: { status } }) => status), ["offline", "offline"]);
  await here.site.close();
});

Deno.test("a database is as healthy as the best connected agent that may be seen", async () => {
  const here = await scene(database("prod"));
  const { site, agent } = here;
  const hidden = role("hidden", { deny: { db_labels: { env: "secret" } } });
  await site.admin.call("resources.put", { resource: hidden });
  await addUser(site, "bob", ["access", "hidden"], traits);
  const bob = site.as((await logIn(site, "bob")).chain);
  const alice = site.as(here.login);
  const seen = async (client: AuthClient) => {
    const [row] = await seenBy(client);
    return row?.health.status;
  };
  const second = await addHost(site, "db");
  await finding(agent, { prod: "unhealthy" }, database("prod"));
  await finding(second, { prod: "healthy" }, database("prod", { env: "secret" }));
  deepEqual([await seen(alice), await seen(bob)], ["healthy", "unhealthy"]);
  await site.clock.step(40_000);
  await finding(agent, { prod: "unhealthy" }, database("prod"));
  await site.clock.step(20_000);
  deepEqual([await seen(alice), await seen(bob)], ["unhealthy", "unhealthy"]);
  await site.close();
});

Deno.test("a database's own certificate is by the db CA, audited, and for its names", async () => {
  const site = await openSite();
  site.audit.take();
  const order = { csr, names: ["db1.internal", "192.0.2.9"], ttl_s: 90 * 24 * 3600 };
  const made = await site.admin.call("certificates.database_server", order);
  equal(endOf(made.chain), site.clock.now() + 90 * 24 * hour);
  const leaf = parseCertificate(Uint8Array.fromBase64(made.chain[0] ?? ""));
  const [db] = site.authorities.trustedOf("db");
  ok(db !== undefined && leaf.issuer.raw.toHex() === parseCertificate(db).subject.raw.toHex());
  deepEqual(made.client_cas, site.authorities.trustedOf("db_client").map((der) => der.toBase64()));
  deepEqual(site.audit.events.map(({ name, fields }) => [name, fields.cert_type, fields.names]), [
    ["cert.create", "db", order.names],
  ]);
  await addUser(site, "alice", ["access"], traits);
  const alice = site.as((await logIn(site, "alice")).chain);
  await rejects(alice.call("certificates.database_server", order), { code: "api.not-allowed" });
  await site.close();
});
