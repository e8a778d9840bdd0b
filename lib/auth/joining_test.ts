import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { parseCertificate } from "../ca/mod.ts";
import {
  addHost,
  csr,
  database,
  endOf,
  heartbeat,
  lock,
  openSite,
  type Site,
} from "./auth_fake.ts";

const day = 24 * 3_600_000;

function join(site: Site, token: string, roles: ("proxy" | "db")[] = ["db"]) {
  return site.nobody.call("join", { token, csr, hostname: "h", system_roles: roles });
}

Deno.test("a token of one use makes one host that may serve what the token says", async () => {
  const site = await openSite();
  const made = await site.admin.call("tokens.create", {
    system_roles: ["db"],
    services: ["orders", "label:env=dev"],
  });
  equal(made.ca_pin, site.authorities.caPin());
  site.audit.take();
  const joined = await join(site, made.token);
  deepEqual(site.audit.take(), ["instance.join"]);
  ok(joined.number >= 1 && joined.number <= 32767);
  equal(endOf(joined.chain), site.clock.now() + 7 * day);
  await rejects(join(site, made.token), { kind: "unauthenticated", code: "auth.bad-token" });
  deepEqual(site.audit.take(), ["instance.join failed"]);
  const agent = { joined, client: site.as(joined.chain) };
  await heartbeat(agent, database("orders"), database("x", { env: "dev" }));
  await site.close();
});

Deno.test("wrong, expired and foreign tokens are refused in the same words", async () => {
  const site = await openSite();
  const { token, name } = await site.admin.call("tokens.create", {
    system_roles: ["db"],
    services: ["*"],
    ttl_s: 60,
  });
  const wrong = [
    "",
    "x",
    name,
    `${name}.`,
    `${name}.${"0".repeat(32)}`,
    `0123456789.${token.split(".")[1]}`,
    `${token} `,
    token.toUpperCase(),
  ];
  for (const text of wrong) {
    await rejects(join(site, text), { code: "auth.bad-token" }, text);
  }
  await rejects(join(site, token, ["proxy"]), { code: "auth.token-role" });
  await rejects(join(site, token, ["db", "proxy"]), { code: "auth.token-role" });
  await site.clock.step(60_000);
  await rejects(join(site, token), { code: "auth.bad-token" });
  await site.close();
});

Deno.test("three uses make three hosts with numbers of their own, however many ask", async () => {
  const site = await openSite();
  const { token, name } = await site.admin.call("tokens.create", {
    system_roles: ["db"],
    services: ["*"],
    uses: 3,
  });
  const tries = Array.from({ length: 10 }, () => join(site, token).catch(() => null));
  const joined = (await Promise.all(tries)).filter((one) => one !== null);
  equal(joined.length, 3);
  equal(new Set(joined.map(({ number }) => number)).size, 3);
  equal(new Set(joined.map(({ host }) => host)).size, 3);
  await rejects(site.admin.call("resources.get", { kind: "token", name }), {
    code: "auth.not-found",
  });
  await site.close();
});

Deno.test("a removed token joins nobody, and lists never show its secret", async () => {
  const site = await openSite();
  const { token, name } = await site.admin.call("tokens.create", { system_roles: ["proxy"] });
  const { resources } = await site.admin.call("resources.list", { kind: "token" });
  equal(resources.length, 1);
  ok(!JSON.stringify(resources).includes(token.slice(11)));
  await site.admin.call("resources.remove", { kind: "token", name });
  await rejects(join(site, token, ["proxy"]), { code: "auth.bad-token" });
  await site.close();
});

Deno.test("a bad request for a certificate spends no use", async () => {
  const site = await openSite();
  const { token } = await site.admin.call("tokens.create", { system_roles: ["proxy"] });
  const bad = { token, hostname: "h", system_roles: ["proxy"] as ("proxy" | "db")[] };
  await rejects(site.nobody.call("join", { ...bad, csr: "AAAA" }), { code: "ca.bad-der" });
  const nonames = { ...bad, csr, principals: ["not a name"] };
  await rejects(site.nobody.call("join", nonames), { kind: "invalid" });
  await join(site, token, ["proxy"]);
  await site.close();
});

const tokens: readonly [promise: string, input: Record<string, unknown>, code: string][] = [
  ["without services", { services: [] }, "auth.token-without-services"],
  ["for an empty service", { services: [""] }, "auth.bad-token-services"],
  ["for a regular expression", { services: ["^a$"] }, "auth.bad-token-services"],
  ["for a label without value", { services: ["label:env"] }, "auth.bad-token-services"],
  ["without uses", { uses: 0 }, "auth.bad-token-uses"],
  ["without life", { ttl_s: 0 }, "auth.bad-token-ttl"],
  ["for years", { ttl_s: 1e9 }, "auth.bad-token-ttl"],
];
for (const [promise, input, code] of tokens) {
  Deno.test(`a token ${promise} is not made`, async () => {
    const site = await openSite();
    const whole = { system_roles: ["db"] as ("proxy" | "db")[], services: ["*"], ...input };
    await rejects(site.admin.call("tokens.create", whole), { kind: "invalid", code });
    await site.close();
  });
}

Deno.test("a host renews with the same identity; only a proxy has names", async () => {
  const site = await openSite();
  const proxy = await addHost(site, "proxy");
  await site.clock.step(3 * day);
  const renewed = await proxy.client.call("renew", { csr, principals: ["db.example.test"] });
  equal(endOf(renewed.chain), site.clock.now() + 7 * day);
  const der = Uint8Array.fromBase64(renewed.chain[0] ?? "");
  const names = parseCertificate(der).altNames.map(({ value }) => value);
  ok(names.includes("db.example.test") && names.includes(proxy.joined.host));
  const agent = await addHost(site, "db");
  await rejects(agent.client.call("renew", { csr, principals: ["x.test"] }), {
    code: "auth.no-principals",
  });
  await site.close();
});

Deno.test("a removed agent neither renews nor heartbeats, and what it served is gone", async () => {
  const site = await openSite();
  const agent = await addHost(site, "db");
  await heartbeat(agent, database("orders"));
  await site.admin.call("resources.remove", { kind: "agent", name: agent.joined.host });
  await rejects(agent.client.call("renew", { csr }), { code: "auth.host-removed" });
  await rejects(heartbeat(agent, database("orders")), { code: "auth.host-removed" });
  deepEqual(await site.admin.call("resources.list", { kind: "db" }), { resources: [] });
  await site.close();
});

Deno.test("an agent that is removed while its renewal is signed stays removed", async () => {
  const site = await openSite();
  const agent = await addHost(site, "db");
  await heartbeat(agent, database("orders"));
  const { authorities } = site;
  const signHost = authorities.signHost.bind(authorities);
  authorities.signHost = async (request, order) => {
    const signed = await signHost(request, order);
    await site.admin.call("resources.remove", { kind: "agent", name: agent.joined.host });
    return signed;
  };
  await rejects(agent.client.call("renew", { csr }), { code: "auth.host-removed" });
  authorities.signHost = signHost;
  await rejects(heartbeat(agent, database("orders")), { code: "auth.host-removed" });
  await site.close();
});

Deno.test("a locked host calls nothing", async () => {
  const site = await openSite();
  const agent = await addHost(site, "db");
  const target = { host: agent.joined.host };
  const resource = lock("l", target);
  await site.admin.call("resources.put", { resource });
  await rejects(heartbeat(agent, database("orders")), { kind: "denied", code: "ca.locked" });
  await site.close();
});

Deno.test("a heartbeat with one service too many is refused whole and audited", async () => {
  const site = await openSite();
  const agent = await addHost(site, "db", ["orders"]);
  site.audit.take();
  await rejects(heartbeat(agent, database("orders"), database("salaries")), {
    code: "auth.may-not-serve",
  });
  deepEqual(site.audit.take(), ["agent.heartbeat.rejected"]);
  deepEqual((await site.admin.call("resources.list", { kind: "agent" })).resources, []);
  await rejects(heartbeat(agent, database("orders"), database("orders")), {
    code: "auth.database-twice",
  });
  await site.close();
});

Deno.test("an agent hears of all proxies; leases end when heartbeats do", async () => {
  const site = await openSite();
  const proxy = await addHost(site, "proxy");
  const beat = { hostname: "p", version: "1", public_addr: "db.example.test:443" };
  await proxy.client.call("proxies.heartbeat", beat);
  const agent = await addHost(site, "db");
  const answer = await heartbeat(agent, database("orders"));
  deepEqual(answer.proxies, [{ host: proxy.joined.host, public_addr: "db.example.test:443" }]);
  const counts = async () => {
    const { agents, proxies, databases } = await site.admin.call("cluster.status", {});
    return [agents, proxies, databases];
  };
  deepEqual(await counts(), [1, 1, 1]);
  await site.clock.step(45_000);
  await heartbeat(agent, database("orders"));
  await site.clock.step(10_000);
  deepEqual(await counts(), [1, 0, 1]);
  await site.clock.step(45_000);
  deepEqual(await counts(), [0, 0, 0]);
  await site.close();
});

Deno.test("two hosts of one token are different hosts", async () => {
  const site = await openSite();
  const [a, b] = [await addHost(site, "db"), await addHost(site, "db")];
  notEqual(a.joined.host, b.joined.host);
  await site.close();
});
