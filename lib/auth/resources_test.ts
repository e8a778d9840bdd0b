import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import type { AuthClient, WatchChange } from "../api/contract.ts";
import type { Lock, Resource, User } from "../api/resources.ts";
import {
  addAgent,
  addHost,
  addUser,
  csr,
  database,
  finding,
  heartbeat,
  lock,
  logIn,
  openSite,
  role,
  type Site,
} from "./auth_fake.ts";

async function user(site: Site, name: string): Promise<User> {
  const { resource } = await site.admin.call("resources.get", { kind: "user", name });
  ok(resource.kind === "user");
  return resource;
}

Deno.test("presets are there at the first start, and once removed they stay away", async () => {
  const site = await openSite();
  const names = async () =>
    (await site.admin.call("resources.list", { kind: "role" })).resources
      .map(({ metadata: { name } }) => name);
  deepEqual(await names(), ["access", "auditor", "editor"]);
  await site.admin.call("resources.remove", { kind: "role", name: "auditor" });
  const { createAuth } = await import("./auth.ts");
  const powers = { ...site, ...{ cluster: "example.test", host: "auth-1", version: "0" } };
  const random = { bytes: (n: number) => new Uint8Array(n), uuid: () => "" };
  const events = {
    search: () => Promise.resolve({ events: [], cursor: null }),
    async *tail() {},
  };
  const passwords = { hash: () => Promise.resolve(""), verify: () => Promise.resolve(false) };
  await createAuth({ ...powers, random, events, passwords });
  deepEqual(await names(), ["access", "editor"]);
  await site.close();
});

Deno.test("creating what is there is a conflict; a given revision must be in force", async () => {
  const site = await openSite();
  const first = role("r", { allow: { db_users: ["a"] } });
  const made = await site.admin.call("resources.put", { resource: first });
  const put = (resource: Resource, replace: boolean) =>
    site.admin.call("resources.put", { resource, replace });
  await rejects(put(first, false), { kind: "conflict", code: "auth.exists" });
  const changed = await put(made.resource, true);
  await rejects(put(made.resource, true), { kind: "conflict", code: "auth.changed" });
  await put(changed.resource, true);
  await put(first, true);
  const fresh = role("fresh", {});
  await put(fresh, true);
  const gone = { ...fresh, metadata: { name: "gone", labels: {}, revision: "1" } };
  await rejects(put(gone, true), { code: "auth.changed" });
  await site.close();
});

Deno.test("a role that can't be decided with is not kept", async () => {
  const site = await openSite();
  const bad = role("bad", { allow: { db_users: ["^(?:a)$"] } });
  await rejects(site.admin.call("resources.put", { resource: bad }), {
    code: "access.bad-pattern",
  });
  await rejects(site.admin.call("resources.get", { kind: "role", name: "bad" }), {
    code: "auth.not-found",
  });
  await site.close();
});

Deno.test("users need roles that exist, and roles that are held stay", async () => {
  const site = await openSite();
  const create = (name: string, roles: string[]) =>
    site.admin.call("users.create", { name, roles });
  await rejects(create("alice", ["none"]), { kind: "invalid", code: "auth.unknown-role" });
  await create("alice", ["access"]);
  await rejects(create("alice", ["access"]), { kind: "conflict", code: "auth.exists" });
  await rejects(site.admin.call("resources.remove", { kind: "role", name: "access" }), {
    code: "auth.role-in-use",
  });
  const alice = await user(site, "alice");
  const changed = { ...alice, spec: { ...alice.spec, roles: ["none"] } };
  await rejects(site.admin.call("resources.put", { resource: changed, replace: true }), {
    code: "auth.unknown-role",
  });
  await site.close();
});

Deno.test("a user's generation is Auth's to say; roles and traits alone raise it", async () => {
  const site = await openSite();
  await site.admin.call("users.create", { name: "alice", roles: ["access"] });
  const put = async (spec: Partial<User["spec"]>) => {
    const old = await user(site, "alice");
    const resource = { ...old, spec: { ...old.spec, ...spec } };
    await site.admin.call("resources.put", { resource, replace: true });
    return (await user(site, "alice")).spec.generation;
  };
  const first = (await user(site, "alice")).spec.generation;
  equal(await put({ generation: 7 }), first);
  equal(await put({ disabled: true }), first);
  const second = await put({ traits: { db_users: ["app"] } });
  ok(second > first);
  const third = await put({ roles: ["access", "auditor"] });
  ok(third > second);
  equal(await put({ roles: ["auditor", "access"] }), third);
  await site.close();
});

Deno.test("a lock says what it locks, who made it, and ends when it expires", async () => {
  const site = await openSite();
  const put = (resource: Lock) => site.admin.call("resources.put", { resource });
  await rejects(put(lock("a", {})), { code: "auth.lock-without-target" });
  await rejects(put(lock("a", { user: "" })), { code: "auth.lock-without-target" });
  const now = site.clock.now();
  await rejects(put(lock("a", { user: "x" }, { expires: new Date(now).toISOString() })), {
    code: "auth.expired",
  });
  const expires = new Date(now + 60_000).toISOString();
  const { resource } = await put(lock("a", { user: "x" }, { expires }));
  ok(resource.kind === "lock");
  deepEqual([resource.spec.created_by, resource.metadata.expires], ["admin", expires]);
  deepEqual(site.audit.take(), ["lock.created"]);
  await site.clock.step(60_000);
  deepEqual((await site.admin.call("resources.list", { kind: "lock" })).resources, []);
  await site.close();
});

const byHand: readonly Resource[] = [
  database("prod"),
  {
    kind: "token",
    version: "v1",
    metadata: { name: "t", labels: {} },
    spec: { system_roles: ["db"], services: [], uses_left: 1 },
  },
  {
    kind: "cert_authority",
    version: "v1",
    metadata: { name: "host", labels: {} },
    spec: { type: "host", trusted: [] },
  },
];
for (const resource of byHand) {
  Deno.test(`a ${resource.kind} is not written by hand`, async () => {
    const site = await openSite();
    await rejects(site.admin.call("resources.put", { resource }), { code: "auth.not-by-hand" });
    await site.close();
  });
}

Deno.test("roles rule who may read and change resources", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"]);
  await addUser(site, "ed", ["editor"]);
  await addUser(site, "eve", ["auditor"]);
  const as = async (name: string) => site.as((await logIn(site, name)).chain);
  const [alice, ed, eve] = [await as("alice"), await as("ed"), await as("eve")];
  const list = (client: AuthClient) => client.call("resources.list", { kind: "user" });
  await rejects(list(alice), { kind: "denied", code: "api.not-allowed" });
  equal((await list(ed)).resources.length, 3);
  equal((await list(eve)).resources.length, 3);
  const create = { name: "new", roles: ["access"] };
  await rejects(eve.call("users.create", create), { code: "api.not-allowed" });
  site.audit.take();
  await ed.call("users.create", create);
  equal(site.audit.events[0]?.fields.user, "ed");
  await rejects(ed.call("audit.search", {}), { code: "api.not-allowed" });
  deepEqual(await eve.call("audit.search", {}), { events: [], cursor: null });
  deepEqual(await eve.call("audit.head", {}), { heads: ["head"] });
  await rejects(alice.call("cluster.status", {}), { code: "api.not-allowed" });
  equal((await eve.call("cluster.status", {})).users, 4);
  await site.close();
});

Deno.test("events are taken in under the sender's own certificate", async () => {
  const site = await openSite();
  const agent = await addHost(site, "db");
  const events = ['{"event":"x","server_id":"somebody else"}'];
  deepEqual(await agent.client.call("audit.append", { spool: "s", first: 5, events }), { high: 5 });
  const sender = { host: agent.joined.host, origins: ["db"] };
  deepEqual(site.audit.appended, [
    { sender, spool: "s", first: 5, events, contexts: [], context_of: [] },
  ]);
  await site.close();
});

/** Reads a watch in the background. */
function reading(client: AuthClient, kinds: Resource["kind"][]) {
  const stop = new AbortController();
  const seen: string[] = [];
  const all: WatchChange[] = [];
  const done = (async () => {
    try {
      for await (const change of client.stream("watch", { kinds }, stop.signal)) {
        all.push(change);
        if (change.type === "ready") seen.push("ready");
        else if (change.type === "delete") seen.push(`-${change.kind}/${change.name}`);
        else seen.push(`+${change.resource.kind}/${change.resource.metadata.name}`);
      }
    } catch (thrown) {
      if (!stop.signal.aborted) throw thrown;
    }
  })();
  return {
    seen,
    all,
    async stop() {
      stop.abort();
      await done;
    },
  };
}

Deno.test("a watch gives all there is, ready, then each change, of these kinds only", async () => {
  const site = await openSite();
  const agent = await addAgent(site, database("prod"));
  await addUser(site, "alice", ["access"]);
  const watch = reading(agent.client, ["role", "lock", "user", "cert_authority"]);
  await site.clock.step(1);
  deepEqual(watch.seen.splice(0).sort(), [
    "+cert_authority/audit",
    "+cert_authority/db",
    "+cert_authority/db_client",
    "+cert_authority/host",
    "+cert_authority/jwt",
    "+cert_authority/user",
    "+role/access",
    "+role/auditor",
    "+role/editor",
    "+user/alice",
    "ready",
  ]);
  await site.admin.call("resources.put", { resource: lock("l", { user: "alice" }) });
  await site.admin.call("tokens.create", { system_roles: ["proxy"] });
  await site.admin.call("users.reset", { name: "alice" });
  await site.admin.call("resources.remove", { kind: "lock", name: "l" });
  await settled();
  deepEqual(watch.seen, ["+lock/l", "-lock/l"]);
  ok(!JSON.stringify(watch.all).includes("PRIVATE"));
  ok(!JSON.stringify(watch.all).includes("argon2"));
  await watch.stop();
  await site.close();
});

Deno.test("a renewed lease is no change; a changed one and its end are", async () => {
  const site = await openSite();
  const agent = await addAgent(site, database("prod"));
  const proxy = await addHost(site, "proxy");
  const watch = reading(proxy.client, ["agent"]);
  await site.clock.step(1000);
  const name = `agent/${agent.joined.host}`;
  deepEqual(watch.seen.splice(0), [`+${name}`, "ready"]);
  await heartbeat(agent, database("prod"));
  await site.clock.step(1000);
  deepEqual(watch.seen.splice(0), []);
  await heartbeat(agent, database("prod"), database("more"));
  await site.clock.step(1000);
  deepEqual(watch.seen.splice(0), [`+${name}`]);
  await site.clock.step(60_000);
  deepEqual(watch.seen.splice(0), [`-${name}`]);
  await watch.stop();
  await site.close();
});

Deno.test("a change of health is news to watchers, health that stays is not", async () => {
  const site = await openSite();
  const agent = await addAgent(site, database("prod"));
  const proxy = await addHost(site, "proxy");
  const watch = reading(proxy.client, ["agent"]);
  await site.clock.step(1000);
  const name = `agent/${agent.joined.host}`;
  deepEqual(watch.seen.splice(0), [`+${name}`, "ready"]);
  await finding(agent, { prod: "unhealthy", other: "healthy" }, database("prod"));
  await settled();
  deepEqual(watch.seen.splice(0), [`+${name}`]);
  const told = watch.all.at(-1);
  ok(told?.type === "put" && told.resource.kind === "agent");
  deepEqual(told.resource.spec.health.map((one) => [one.name, one.status]), [
    ["prod", "unhealthy"],
  ]);
  await finding(agent, { prod: "unhealthy" }, database("prod"));
  await site.clock.step(1000);
  deepEqual(watch.seen.splice(0), []);
  await finding(agent, { prod: "healthy" }, database("prod"));
  await settled();
  deepEqual(watch.seen.splice(0), [`+${name}`]);
  await watch.stop();
  await site.close();
});

Deno.test("tokens are nobody's to watch, and people watch nothing", async () => {
  const site = await openSite();
  const agent = await addHost(site, "db");
  await addUser(site, "ed", ["editor"]);
  const { signal } = new AbortController();
  const first = (client: AuthClient, kind: Resource["kind"]) =>
    client.stream("watch", { kinds: [kind] }, signal)[Symbol.asyncIterator]().next();
  await rejects(first(agent.client, "token"), { code: "auth.not-watchable" });
  const ed = site.as((await logIn(site, "ed")).chain);
  await rejects(first(ed, "lock"), { code: "api.wrong-caller" });
  await site.close();
});

Deno.test("a caller without a certificate may join and nothing else", async () => {
  const site = await openSite();
  await rejects(site.nobody.call("status", {}), { code: "api.no-certificate" });
  await rejects(site.nobody.call("renew", { csr }), { code: "api.no-certificate" });
  await rejects(site.nobody.call("resources.list", { kind: "user" }), {
    code: "api.no-certificate",
  });
  await site.close();
});

Deno.test("refused certificates are audited, but a flood doesn't fill the log", async () => {
  const site = await openSite();
  const other = await openSite();
  const stranger = await addHost(other, "db");
  for (let i = 0; i < 100; i++) {
    await rejects(site.as(stranger.joined.chain).call("renew", { csr }), {
      code: "ca.unknown-issuer",
    });
  }
  equal(site.audit.take().filter((name) => name === "auth").length, 60);
  await other.close();
  await site.close();
});
