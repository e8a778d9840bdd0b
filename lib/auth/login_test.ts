import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { verifyIdentity } from "../ca/mod.ts";
import { Fault } from "../core/fault.ts";
import {
  addHost,
  addUser,
  cluster,
  csr,
  endOf,
  lock,
  logIn,
  openSite,
  password,
  role,
  type Site,
} from "./auth_fake.ts";

const hour = 3_600_000;
const client_address = "192.0.2.7:4711";

async function attempt(site: Site, user: string, word: string): Promise<Fault | null> {
  const { client } = await addHost(site, "proxy");
  try {
    await client.call("login.password", { user, password: word, csr, client_address });
    return null;
  } catch (thrown) {
    ok(thrown instanceof Fault);
    return thrown;
  }
}

Deno.test("an invited user logs in and gets a certificate of 12 h with its identity", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"], { db_users: ["app"] });
  site.audit.take();
  const login = await logIn(site, "alice");
  deepEqual(site.audit.take().slice(-2), ["cert.create", "user.login"]);
  const { identity, expires } = verifyIdentity(
    login.chain.map((der) => Uint8Array.fromBase64(der)),
    {
      expect: "user",
      cluster,
      now: site.clock.now(),
      authorities: site.authorities.trusted,
      standing: { generationOf: () => site.clock.now(), lockOf: () => null },
    },
  );
  deepEqual([identity.user, identity.roles, identity.traits, identity.loginIp, identity.issuer], [
    "alice",
    ["access"],
    { db_users: ["app"] },
    "192.0.2.7",
    "auth-1",
  ]);
  equal(expires, site.clock.now() + 12 * hour);
  const me = await site.as(login.chain).call("status", {});
  deepEqual(me, { cluster, user: "alice", roles: ["access"] });
  await site.close();
});

Deno.test("a certificate lives as short as roles and wish say, but a minute", async () => {
  const site = await openSite();
  const short = role("short", { options: { max_session_ttl: "2h" } });
  await site.admin.call("resources.put", { resource: short });
  await addUser(site, "alice", ["access", "short"]);
  const now = site.clock.now();
  equal(endOf((await logIn(site, "alice")).chain), now + 2 * hour);
  equal(endOf((await logIn(site, "alice", 600)).chain), now + 600_000);
  equal(endOf((await logIn(site, "alice", 86_400)).chain), now + 2 * hour);
  equal(endOf((await logIn(site, "alice", 0)).chain), now + 60_000);
  await site.close();
});

Deno.test("unknown, disabled, invited, mistyped: the same words after the same work", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"]);
  await addUser(site, "gone", ["access"]);
  await site.admin.call("users.create", { name: "invited", roles: ["access"] });
  const { resource } = await site.admin.call("resources.get", { kind: "user", name: "gone" });
  ok(resource.kind === "user");
  const disabled = { ...resource, spec: { ...resource.spec, disabled: true } };
  await site.admin.call("resources.put", { resource: disabled, replace: true });
  const rows = [["alice", "wrong wrong wrong"], ["nobody", password], ["gone", password], [
    "invited",
    password,
  ], ["../etc", password]] as const;
  for (const [user, word] of rows) {
    const before = site.argon2.derived;
    const fault = await attempt(site, user, word);
    deepEqual([fault?.kind, fault?.code, fault?.shown], [
      "unauthenticated",
      "auth.bad-login",
      "wrong user name or password",
    ], user);
    equal(site.argon2.derived, before + 1, user);
  }
  const failed = site.audit.take().filter((name) => name === "user.login failed");
  equal(failed.length, rows.length);
  await site.close();
});

Deno.test("five failures lock a name, known or not, and longer each time", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"]);
  for (const user of ["alice", "nobody"]) {
    for (let i = 0; i < 5; i++) equal((await attempt(site, user, "x"))?.code, "auth.bad-login");
    ok(site.audit.take().includes("user.locked_out"));
    const derived = site.argon2.derived;
    const locked = await attempt(site, user, password);
    deepEqual([locked?.kind, locked?.code], ["limit", "identity.locked-out"]);
    equal(site.argon2.derived, derived, "nothing is tried while it is locked");
    await site.clock.step(30_000);
    equal((await attempt(site, user, "x"))?.code, "auth.bad-login");
    await site.clock.step(59_000);
    equal((await attempt(site, user, password))?.code, "identity.locked-out");
    await site.clock.step(1_000);
  }
  equal(await attempt(site, "alice", password), null);
  equal((await attempt(site, "alice", "x"))?.code, "auth.bad-login");
  equal(await attempt(site, "alice", password), null, "a success forgets the failures");
  await site.close();
});

Deno.test("attempts side by side gain nothing", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"]);
  const { client } = await addHost(site, "proxy");
  const before = site.argon2.derived;
  const tries = Array.from(
    { length: 15 },
    (_, i) =>
      client.call("login.password", { user: "alice", password: `wrong ${i}`, csr, client_address })
        .catch(() => null),
  );
  await Promise.all(tries);
  ok(site.argon2.derived - before <= 5, `${site.argon2.derived - before} were tried`);
  await site.close();
});

Deno.test("missing, empty and null passwords are refused before anything is tried", async () => {
  const site = await openSite();
  const { joined } = await addHost(site, "proxy");
  const peerChain = joined.chain.map((der) => Uint8Array.fromBase64(der));
  for (const field of ["", '"password":"",', '"password":null,', '"password":["a"],']) {
    const body = `{${field}"user":"alice","csr":"${csr}","client_address":"x"}`;
    const { status } = await site.auth.serve({
      method: "POST",
      path: "/v1/login.password",
      remoteAddress: "",
      peerChain,
      signal: new AbortController().signal,
      readBody: () => Promise.resolve(new TextEncoder().encode(body)),
    });
    equal(status, 400, field);
  }
  equal(site.argon2.derived, 0);
  await site.close();
});

Deno.test("a locked user logs in no more, and its certificate is refused at once", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"]);
  const { chain } = await logIn(site, "alice");
  const resource = lock("l", { user: "alice" }, { message: "on leave" });
  await site.admin.call("resources.put", { resource });
  site.audit.take();
  const fault = await attempt(site, "alice", password);
  deepEqual([fault?.code, fault?.shown], ["auth.locked", "access is locked: on leave"]);
  deepEqual(site.audit.take().slice(-2), ["session.rejected", "user.login failed"]);
  await rejects(site.as(chain).call("status", {}), { code: "ca.locked" });
  deepEqual(site.audit.take(), ["auth"]);
  await site.admin.call("resources.remove", { kind: "lock", name: "l" });
  await site.as(chain).call("status", {});
  await site.close();
});

Deno.test("changed roles or traits end older certificates, other changes don't", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"]);
  const { chain } = await logIn(site, "alice");
  const { resource } = await site.admin.call("resources.get", { kind: "user", name: "alice" });
  ok(resource.kind === "user");
  const put = async (spec: Partial<typeof resource.spec>) => {
    const metadata = { name: "alice" };
    const changed = { ...resource, metadata, spec: { ...resource.spec, ...spec } };
    await site.admin.call("resources.put", { resource: changed, replace: true });
  };
  await put({ generation: 1 });
  await site.as(chain).call("status", {});
  await put({ roles: ["access", "auditor"] });
  await rejects(site.as(chain).call("status", {}), { code: "ca.generation" });
  await site.close();
});

Deno.test("a user made again under an old name does not revive old certificates", async () => {
  const site = await openSite();
  await addUser(site, "alice", ["access"]);
  const { chain } = await logIn(site, "alice");
  await site.admin.call("resources.remove", { kind: "user", name: "alice" });
  await rejects(site.as(chain).call("status", {}), { code: "ca.generation" });
  await site.clock.step(1);
  await site.admin.call("users.create", { name: "alice", roles: ["access"] });
  await rejects(site.as(chain).call("status", {}), { code: "ca.generation" });
  equal((await attempt(site, "alice", password))?.code, "auth.bad-login");
  await site.close();
});

Deno.test("links: readable once made, good once, only the last one, for an hour", async () => {
  const site = await openSite();
  const { client } = await addHost(site, "proxy");
  const made = await site.admin.call("users.create", { name: "alice", roles: ["access"] });
  const accept = (token: string, word = password) =>
    client.call("invites.accept", { token, password: word, client_address });
  const read = await client.call("invites.read", { token: made.invite_token });
  deepEqual(read, { user: "alice", expires: made.expires });
  await rejects(accept(made.invite_token, "short"), { code: "identity.weak-password" });
  await rejects(accept(made.invite_token, "alicealicealice"), { code: "identity.weak-password" });
  await accept(made.invite_token);
  await rejects(accept(made.invite_token), { code: "auth.bad-link" });
  equal(await attempt(site, "alice", password), null);
  const first = await site.admin.call("users.reset", { name: "alice" });
  equal((await attempt(site, "alice", password))?.code, "auth.bad-login");
  const second = await site.admin.call("users.reset", { name: "alice" });
  notEqual(first.invite_token, second.invite_token);
  await rejects(accept(first.invite_token), { code: "auth.bad-link" });
  await site.clock.step(hour);
  await rejects(accept(second.invite_token), { code: "auth.bad-link" });
  await rejects(client.call("invites.read", { token: "0".repeat(32) }), { code: "auth.bad-link" });
  await rejects(site.admin.call("users.reset", { name: "bob" }), { code: "auth.not-found" });
  await site.close();
});

Deno.test("no secret is in the store, in an event or in the log", async () => {
  const site = await openSite();
  const made = await site.admin.call("users.create", { name: "alice", roles: ["access"] });
  const token = await site.admin.call("tokens.create", { system_roles: ["proxy"] });
  await addUser(site, "bob", ["access"]);
  await attempt(site, "bob", "hunter2 hunter2");
  const entries = await site.backend.list([], { limit: 1000 });
  const text = entries.map(({ key, value }) => key.join("/") + new TextDecoder().decode(value))
    .join("\n") + JSON.stringify(site.audit.events) + site.log.lines.join("\n");
  for (
    const secret of [made.invite_token, token.token, token.token.slice(11), password, "hunter2"]
  ) {
    ok(!text.includes(secret));
  }
  await site.close();
});
