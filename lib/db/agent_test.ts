import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { query } from "../../tests/fakes/postgres_messages.ts";
import { pipe, Recorder } from "../../tests/fakes/pipe.ts";
import type { AuthClient, CallInput, CallOutput } from "../api/contract.ts";
import type { TrialOrder } from "../api/trials.ts";
import { generateKey } from "../ca/mod.ts";
import { fakeAuthority, fakeCluster, fakeHost, fakeHostCertificate } from "../ca/ca_fake.ts";
import { Fault } from "../core/fault.ts";
import type { SystemRole } from "../core/identity.ts";
import {
  type AgentHello,
  encodeOpenHeader,
  serveTunnel,
  type Tunnel,
  type TunnelStream,
} from "../tunnel/mod.ts";
import { startTlsServer, TlsContext } from "../sys/tls.ts";
import { postgres } from "../wire/postgres/mod.ts";
import { type Agent, startAgent } from "./agent.ts";
import { agentHost, fakeLock, fakeRole, type FakeSite, fakeSite } from "./visit_fake.ts";
import { startup } from "./postgres_fake.ts";

interface Running {
  readonly site: FakeSite;
  readonly agent: Agent;
  readonly tunnels: Tunnel<AgentHello>[];
  readonly dialled: string[];
  readonly heartbeats: CallInput<"agents.heartbeat">[];
  /** What heartbeats fail with. */
  readonly auth: { down: Fault | null };
  /** Calls beside heartbeats. */
  readonly calls: { readonly name: string; readonly input: unknown }[];
  /** Auth orders a test of a database. */
  order(order: TrialOrder): void;
}

async function soon(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
}

/** An agent whose proxies are played by the test; `role` is what their certificates say. */
async function run(role: SystemRole = "proxy"): Promise<Running> {
  const site = await fakeSite();
  const hosts = await fakeAuthority("host");
  const key = await generateKey();
  const identity = fakeHost({ host: "proxy-1", systemRoles: [role], services: [] });
  const { der } = await fakeHostCertificate(hosts, key, identity);
  const tunnels: Tunnel<AgentHello>[] = [];
  const dialled: string[] = [];
  const heartbeats: CallInput<"agents.heartbeat">[] = [];
  const auth: Running["auth"] = { down: null };
  const calls: { name: string; input: unknown }[] = [];
  const orders: TrialOrder[] = [];
  let wake = () => {};
  const order = (one: TrialOrder): void => {
    orders.push(one);
    wake();
  };
  const client: Pick<AuthClient, "call" | "stream"> = {
    stream: async function* (name, _, signal) {
      assert.equal(name, "trials.watch");
      signal.addEventListener("abort", () => wake());
      while (!signal.aborted) {
        const next: unknown = orders.shift();
        if (next !== undefined) yield next as CallOutput<typeof name>;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    call: (name, input, signal) => {
      if (name !== "agents.heartbeat") {
        calls.push({ name, input });
        const done: unknown = {};
        if (name === "trials.report") return Promise.resolve(done as CallOutput<typeof name>);
        return site.call(name, input, signal);
      }
      heartbeats.push(input as CallInput<"agents.heartbeat">);
      if (auth.down !== null) return Promise.reject(auth.down);
      const proxies = [{ host: "proxy-2", public_addr: "second.example:443" }];
      const answer: unknown = { proxies, period_s: 10 };
      return Promise.resolve(answer as CallOutput<typeof name>);
    },
  };
  const agent = startAgent({
    ...site.powers,
    auth: client,
    resolve: (host) => Promise.resolve([host === "db.internal" ? "192.0.2.51" : host]),
    protocols: [postgres],
    config: {
      hostname: "agent",
      version: "0.1.0",
      proxyServer: "first.example:443",
      databases: [{ name: "shop", protocol: "postgres", uri: "db.internal:5432" }],
    },
    identity: () => ({
      cluster: fakeCluster,
      host: agentHost,
      number: 513,
      keyPair: { chain: "", key: "" },
      hostAuthorities: [hosts.der],
    }),
    tlsContext: (keyPair) => new TlsContext(keyPair),
    startTlsServer,
    connectTls: async (to, options) => {
      dialled.push(`${to.host}:${to.port}`);
      assert.deepEqual(options.alpn, ["remoteler-tunnel"]);
      assert.ok(typeof options.verify === "function");
      const fault = options.verify([der]);
      if (fault !== null) throw fault;
      const [near, far] = pipe();
      void serveTunnel(far, {
        clock: site.clock,
        sha1: async (bytes) =>
          new Uint8Array(await crypto.subtle.digest("SHA-1", new Uint8Array(bytes))),
        hello: { v: 1, host: `host-of-${to.host}`, cluster: fakeCluster, version: "0.1.0" },
        onOpen: () => {},
      }).then((tunnel) => tunnels.push(tunnel));
      await Promise.resolve();
      return near;
    },
  });
  await soon();
  return { site, agent, tunnels, dialled, heartbeats, auth, calls, order };
}

async function open(
  { site, tunnels }: Running,
): Promise<{ readonly stream: TunnelStream; readonly received: Recorder }> {
  const { header } = await site.arrive();
  const stream = tunnels[0]!.session.open(encodeOpenHeader(header));
  const received = new Recorder();
  stream.attach(received);
  stream.write(startup({ user: "app", database: "shop" }));
  await soon();
  return { stream, received };
}

Deno.test("an agent keeps tunnels to its proxy and to those heartbeats tell of", async () => {
  const running = await run();
  assert.deepEqual(running.dialled.toSorted(), ["first.example:443", "second.example:443"]);
  assert.equal(running.agent.health.tunnels, 2);
  assert.ok(running.agent.health.heard);
  const hello = running.tunnels[0]?.hello;
  assert.equal(hello?.number, 513);
  assert.deepEqual(hello?.services.map(({ name }) => name), ["shop"]);
  await running.site.clock.step(10_100);
  assert.equal(running.heartbeats.length, 2);
  await running.agent.stop();
});

/** How the agent found its only database, in each heartbeat. */
function statuses({ heartbeats }: Running): readonly string[] {
  return heartbeats.map(({ health }) => (health ?? []).map(({ status }) => status).join());
}

Deno.test("a change of health is told within a second, and then no more than is due", async () => {
  const running = await run();
  const { site, agent } = running;
  assert.deepEqual(statuses(running), ["unknown"]);
  await site.clock.step(1_000);
  assert.deepEqual(statuses(running), ["unknown", "healthy"]);
  await site.clock.step(10_000);
  assert.deepEqual(statuses(running), ["unknown", "healthy", "healthy"]);
  site.database.down = new Fault({ kind: "network", code: "test.down", message: "down" });
  for (let i = 0; i < 5; i++) await open(running);
  await site.clock.step(3_000);
  assert.deepEqual(statuses(running).slice(3), ["unhealthy"]);
  const [shop] = running.heartbeats.at(-1)?.health ?? [];
  assert.match(shop?.reason ?? "", /^the database shop can't be reached/);
  await agent.stop();
});

Deno.test("news is no reason to ask an Auth Service that is away more often", async () => {
  const running = await run();
  const { site } = running;
  await site.clock.step(1_000);
  running.auth.down = new Fault({ kind: "unavailable", code: "test.away", message: "away" });
  await site.clock.step(10_000);
  const before = running.heartbeats.length;
  for (let i = 0; i < 30; i++) {
    site.database.down = i % 2 === 1
      ? null
      : new Fault({ kind: "network", code: "test.down", message: "down" });
    await site.clock.step(1_000);
  }
  const tries = running.heartbeats.length - before;
  // 3 s at most between two, 1.5 s at least once it has waited a few times.
  assert.ok(tries >= 9 && tries <= 22, `${tries}`);
  running.auth.down = null;
  await site.clock.step(4_000);
  assert.ok(running.agent.health.heard);
  await running.agent.stop();
});

Deno.test("an agent takes no streams from a host that is no proxy", async () => {
  const running = await run("db");
  assert.equal(running.agent.health.tunnels, 0);
  assert.deepEqual(running.tunnels, []);
  await running.agent.stop();
});

Deno.test("a lock ends a live session within a second, with words and an event", async () => {
  const running = await run();
  const { site } = running;
  const { received } = await open(running);
  assert.equal(running.agent.health.sessions, 1);
  site.cache.put(fakeLock({ user: "bob" }));
  await site.clock.step(500);
  assert.equal(running.agent.health.sessions, 1);
  site.cache.put(fakeLock({ user: "alice" }));
  await site.clock.step(500);
  await soon();
  assert.match(received.text, /C57P01\0Mterminating connection: access is locked: on leave/);
  await site.clock.step(5_000);
  assert.equal(running.agent.health.sessions, 0);
  assert.equal(site.spool.lines.at(-1), "event db.session.end false");
  await running.agent.stop();
});

Deno.test("a role that comes to want end to end ends what a proxy could read", async () => {
  const running = await run();
  const { site } = running;
  const { received } = await open(running);
  const options = { require_end_to_end: true };
  site.cache.put({ ...fakeRole, spec: { ...fakeRole.spec, options } });
  await site.clock.step(500);
  await soon();
  assert.match(received.text, /C57P01\0Mterminating connection: your roles want end to end/);
  await site.clock.step(5_000);
  await running.agent.stop();
});

Deno.test("TLS for a service that is not served here is for another agent", async () => {
  const running = await run();
  const { header } = await running.site.arrive();
  const tls = { ...header, kind: "tls", service: "billing", chain: [] } as const;
  const stream = running.tunnels[0]!.session.open(encodeOpenHeader(tls));
  const received = new Recorder();
  stream.attach(received);
  await soon();
  assert.equal(received.outcome?.fields["reset"], "retry");
  await running.agent.stop();
});

Deno.test("a drain lets sessions finish and takes no new ones", async () => {
  const running = await run();
  const { site, tunnels } = running;
  const { received, stream } = await open(running);
  const draining = running.agent.drain(60_000);
  await soon();
  assert.throws(() => tunnels[0]!.session.open(new Uint8Array(1)), /drain/i);
  stream.write(query("SELECT 1"));
  await soon();
  assert.deepEqual(site.servers.at(-1)?.queries, ["SELECT 1"]);
  await site.clock.step(60_000);
  await soon();
  assert.match(received.text, /C57P01\0M.*shutting down/);
  await site.clock.step(10_000);
  await soon();
  await site.clock.step(10_000);
  await draining;
});

Deno.test("an order of Auth's is answered once, also of a database that isn't served", async () => {
  const running = await run();
  const id = "11111111-2222-4333-8444-555555555555";
  const order = { id, database: "shop", db_user: null, db_name: null };
  running.order(order);
  running.order(order);
  await soon();
  running.order({ ...order, id: id.replace("1", "2"), database: "other" });
  await soon();
  const reports = running.calls.map(({ name, input }) => [name, input]) as [
    string,
    CallInput<"trials.report">,
  ][];
  assert.deepEqual(reports.map(([name]) => name), ["trials.report", "trials.report"]);
  const [first, second] = reports.map(([, input]) => input);
  assert.equal(first?.id, id);
  assert.deepEqual(first?.steps.filter(({ state }) => state === "failed"), []);
  assert.equal(first?.steps[0]?.found, "2 up");
  assert.match(second?.steps[0]?.found ?? "", /does not serve it/);
  await running.agent.stop();
});
