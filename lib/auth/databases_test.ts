import { deepEqual, rejects } from "node:assert/strict";
import { allowedNames, allowedUsers, visibleDatabases } from "../access/mod.ts";
import type { AuthClient } from "../api/contract.ts";
import { databasesIn, type VisibleDatabase } from "../api/database_list.ts";
import type { Database, Role } from "../api/resources.ts";
import type { UserIdentity } from "../core/identity.ts";
import {
  addAgent,
  addHost,
  addUser,
  database,
  finding,
  heartbeat,
  lock,
  logIn,
  openSite,
  role,
  type Site,
} from "./auth_fake.ts";

const traits = { db_users: ["alice"], db_names: ["orders"] };

async function seenBy(client: AuthClient): Promise<readonly VisibleDatabase[]> {
  return databasesIn(await client.call("databases.list", {}));
}

async function put(site: Site, ...roles: readonly Role[]): Promise<void> {
  for (const resource of roles) {
    await site.admin.call("resources.put", { resource, replace: true });
  }
}

async function alice(site: Site, ...roles: readonly Role[]): Promise<AuthClient> {
  await put(site, ...roles);
  await addUser(site, "alice", roles.map(({ metadata: { name } }) => name), traits);
  return site.as((await logIn(site, "alice")).chain);
}

const open = role("open", { allow: { db_labels: { "*": "*" }, db_users: ["reader"] } });

Deno.test("what is decided once for many is what would be decided for each", async () => {
  const site = await openSite();
  const roles = [
    role("dev", {
      allow: {
        db_labels: { env: ["dev", "test"] },
        db_users: ["{{internal.db_users}}", "root", "^dev_[a-z]+$"],
        db_names: ["{{internal.db_names}}", "shared"],
      },
      deny: { db_users: ["root"] },
    }),
    role("team", {
      allow: { db_labels: { team: "a*" }, db_users: ["team", "*"], db_names: ["*"] },
      deny: { db_labels: { sealed: "yes" }, db_names: ["secret"] },
    }),
  ];
  const labels: readonly Record<string, string>[] = [
    ...[{}, { env: "dev" }, { env: "prod" }, { env: "dev", sealed: "yes" }, { team: "a1" }],
    ...[{ team: "b", env: "test" }, { env: "test", team: "b" }, { team: "a1", env: "dev" }],
    ...[{ env: 'dev"]' }, { "env": "dev", "a": 'b","c' }],
  ];
  const all: Database[] = Array.from({ length: 60 }, (_, at) => {
    const one = database(`db-${(at * 7) % 60 + 100}`, labels[at % labels.length]);
    const protocol = at % 3 === 0 ? "mysql" : "postgres";
    return { ...one, spec: { ...one.spec, protocol, description: `the ${at}th` } };
  });
  const client = await alice(site, ...roles);
  for (let from = 0; from < all.length; from += 20) {
    await addAgent(site, ...all.slice(from, from + 20));
  }
  const identity: UserIdentity = {
    v: 1,
    ...{ kind: "human", user: "alice", roles: ["dev", "team"], traits, generation: 1 },
    ...{ cluster: "c", session: "s", issuer: "i", loginIp: "192.0.2.1" },
  };
  const asker = { identity, roles };
  const names = all.toSorted((a, b) => a.metadata.name < b.metadata.name ? -1 : 1);
  const expected = visibleDatabases(asker, names).map((one) => ({
    name: one.metadata.name,
    protocol: one.spec.protocol,
    description: one.spec.description,
    labels: one.metadata.labels,
    db_users: [...allowedUsers({ ...asker, database: one })],
    db_names: [...allowedNames({ ...asker, database: one })],
    online: true,
    require_end_to_end: false,
    health: { status: "unknown", since: null, reason: "" },
  }));
  const seen = await seenBy(client);
  deepEqual(seen, expected);
  deepEqual(
    seen.map(({ labels }) => JSON.stringify(labels)),
    expected.map(({ labels }) => JSON.stringify(labels)),
  );
  await site.close();
});

Deno.test("each call sees roles, labels and agents as they are then", async () => {
  const site = await openSite();
  const client = await alice(site, open);
  const agent = await addAgent(site, database("b", { env: "prod" }), database("d"));
  const rows = async () => (await seenBy(client)).map(({ name, db_users }) => [name, ...db_users]);
  deepEqual(await rows(), [["b", "reader"], ["d", "reader"]]);
  deepEqual(await rows(), [["b", "reader"], ["d", "reader"]]);
  await addAgent(site, database("c"), database("a"));
  deepEqual(await rows(), [["a", "reader"], ["b", "reader"], ["c", "reader"], ["d", "reader"]]);
  const narrow = { allow: { db_labels: { env: "prod" }, db_users: ["writer"] } };
  await put(site, role("open", narrow));
  deepEqual(await rows(), [["b", "writer"]]);
  await heartbeat(agent, database("b"), database("d", { env: "prod" }));
  deepEqual(await rows(), [["d", "writer"]]);
  await put(site, open);
  await heartbeat(agent, database("d", { env: "prod" }));
  deepEqual(await rows(), [["a", "reader"], ["c", "reader"], ["d", "reader"]]);
  const resource = lock("l", { user: "alice" }, { message: "stop" });
  await site.admin.call("resources.put", { resource });
  await rejects(rows(), { kind: "denied", code: "ca.locked" });
  await site.admin.call("resources.remove", { kind: "lock", name: "l" });
  deepEqual((await rows()).length, 3);
  await site.close();
});

Deno.test("of several agents the first that is connected says what a database is", async () => {
  const site = await openSite();
  const client = await alice(site, open);
  const away = await addHost(site, "db");
  await finding(away, { one: "unhealthy" }, database("one", { at: "away" }), database("two"));
  await site.clock.step(60_000);
  const row = async () => {
    const [one] = await seenBy(client);
    return [one?.labels, one?.online, one?.health.status];
  };
  deepEqual(await row(), [{ at: "away" }, false, "offline"]);
  const near = await addHost(site, "db");
  await finding(near, { one: "healthy" }, database("one", { at: "near" }));
  deepEqual(await row(), [{ at: "near" }, true, "healthy"]);
  deepEqual((await seenBy(client)).map(({ name, online }) => [name, online]), [
    ["one", true],
    ["two", false],
  ]);
  await site.clock.step(60_000);
  deepEqual((await row())[1], false);
  await site.close();
});
