import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import type { AuthClient, CallInput, CallOutput } from "../api/contract.ts";
import type { TrialOrder, TrialStep } from "../api/trials.ts";
import { parseCertificate } from "../ca/mod.ts";
import {
  addAgent,
  addUser,
  csr,
  database,
  endOf,
  heartbeat,
  type Host,
  logIn,
  openSite,
  role,
  type Site,
} from "./auth_fake.ts";

type Item = CallOutput<"databases.test">;
type Wish = Partial<CallInput<"databases.test">>;

const well: TrialStep = { step: "tcp", state: "ok", found: "it answers", hint: null };
const ill: TrialStep = { step: "tls", state: "failed", found: "no", hint: "do" };

/** What somebody who asks for a test hears, as it comes. */
function asking(client: AuthClient, wish: Wish = {}) {
  const stop = new AbortController();
  const heard: Item[] = [];
  let fault: unknown = null;
  const done = (async () => {
    try {
      const input = { database: "prod", ...wish };
      for await (const item of client.stream("databases.test", input, stop.signal)) {
        heard.push(item);
        if (item.type === "end") return;
      }
    } catch (thrown) {
      if (!stop.signal.aborted) fault = thrown;
    }
  })();
  return {
    heard,
    get fault() {
      return fault;
    },
    async leave() {
      stop.abort();
      await done;
    },
    done,
  };
}

/** The orders of an agent, as they come. */
function listening({ client }: Host) {
  const stop = new AbortController();
  const orders: TrialOrder[] = [];
  const done = (async () => {
    try {
      for await (const order of client.stream("trials.watch", {}, stop.signal)) orders.push(order);
    } catch (thrown) {
      if (!stop.signal.aborted) throw thrown;
    }
  })();
  const leave = async (): Promise<void> => {
    stop.abort();
    await done;
  };
  return { orders, leave };
}

interface Scene {
  readonly site: Site;
  readonly agent: Host;
  readonly listener: ReturnType<typeof listening>;
  /** The only order so far. */
  order(): TrialOrder;
  close(): Promise<void>;
}

async function scene(): Promise<Scene> {
  const site = await openSite();
  const agent = await addAgent(site, database("prod"));
  const listener = listening(agent);
  await settled();
  site.audit.take();
  const order = (): TrialOrder => {
    const [first] = listener.orders;
    ok(first !== undefined, "no order came");
    return first;
  };
  const close = async (): Promise<void> => {
    await listener.leave();
    await site.close();
  };
  return { site, agent, listener, order, close };
}

function certificate({ client }: Host, id: string): Promise<CallOutput<"certificates.trial">> {
  return client.call("certificates.trial", { csr, id });
}

Deno.test("an order goes to each agent that serves it, and answers come back", async () => {
  const here = await scene();
  const { site, agent, listener } = here;
  const second = await addAgent(site, database("prod"), database("other"));
  const also = listening(second);
  await settled();
  site.audit.take();
  const asked = asking(site.admin, { db_user: "app", db_name: "orders" });
  await settled();
  deepEqual(listener.orders, also.orders);
  const { id, ...order } = here.order();
  deepEqual(order, { database: "prod", db_user: "app", db_name: "orders" });
  await second.client.call("trials.report", { id, steps: [well, ill] });
  await settled();
  await agent.client.call("trials.report", { id, steps: [well] });
  await asked.done;
  const [agents, ...rest] = asked.heard;
  ok(agents?.type === "agents");
  deepEqual(agents.agents.map(({ online, asked }) => [online, asked]), [[true, true], [
    true,
    true,
  ]]);
  deepEqual(rest, [
    { type: "result", host: second.joined.host, steps: [well, ill] },
    { type: "result", host: agent.joined.host, steps: [well] },
    { type: "end" },
  ]);
  const last = site.audit.events.at(-1);
  equal(last?.name, "db.test.end");
  equal(last?.fields["message"], `${second.joined.host}: tls`);
  deepEqual(site.audit.take(), ["db.test.start", "db.test.end failed"]);
  await also.leave();
  await here.close();
});

Deno.test("only the agent that is named is asked, and one that is away can't be", async () => {
  const here = await scene();
  const { site, agent } = here;
  const second = await addAgent(site, database("prod"));
  const one = asking(site.admin, { agent: second.joined.host });
  await settled();
  deepEqual(here.listener.orders, []);
  await one.leave();
  await site.clock.step(3_600_000);
  const away = asking(site.admin);
  await away.done;
  const [agents, end] = away.heard;
  ok(agents?.type === "agents");
  deepEqual(agents.agents.map(({ online, asked }) => [online, asked]), [
    ...[[false, false], [false, false]],
  ]);
  equal(end?.type, "end");
  await heartbeat(agent, database("prod"));
  const unknown = asking(site.admin, { database: "none" });
  await unknown.done;
  deepEqual(unknown.heard, [{ type: "agents", agents: [] }, { type: "end" }]);
  await here.close();
});

Deno.test("an agent that takes no order is given up soon, one that is at work later", async () => {
  const here = await scene();
  const { site, agent } = here;
  const deaf = await addAgent(site, database("prod"));
  const asked = asking(site.admin);
  await settled();
  await site.clock.step(7_000);
  deepEqual(asked.heard.slice(1), [{ type: "result", host: deaf.joined.host, steps: null }]);
  await site.clock.step(70_000);
  await asked.done;
  deepEqual(asked.heard.slice(2), [
    { type: "result", host: agent.joined.host, steps: null },
    { type: "end" },
  ]);
  await rejects(agent.client.call("trials.report", { id: here.order().id, steps: [well] }), {
    code: "auth.no-trial",
  });
  await here.close();
});

Deno.test("an agent hears of its own orders only, and answers no others", async () => {
  const here = await scene();
  const { site } = here;
  const other = await addAgent(site, database("other"));
  const also = listening(other);
  const asked = asking(site.admin, { db_user: "app" });
  await settled();
  const { id } = here.order();
  deepEqual(also.orders, []);
  await rejects(other.client.call("trials.report", { id, steps: [] }), { code: "auth.no-trial" });
  await rejects(certificate(other, id), { code: "auth.no-trial" });
  await asked.leave();
  await also.leave();
  await here.close();
});

Deno.test("an order's login gets one certificate, for its user, for minutes", async () => {
  const here = await scene();
  const { site, agent } = here;
  const asked = asking(site.admin, { db_user: "app" });
  await settled();
  const { id } = here.order();
  site.audit.take();
  const made = await certificate(agent, id);
  equal(endOf(made.chain), site.clock.now() + 300_000);
  const leaf = parseCertificate(Uint8Array.fromBase64(made.chain[0] ?? ""));
  ok(leaf.subject.attributes.some(({ value }) => value === "app"));
  const [event] = site.audit.events;
  deepEqual([event?.name, event?.fields["user"], event?.fields["test"], event?.fields["db_user"]], [
    ...["cert.create", "admin", id, "app"],
  ]);
  await rejects(certificate(agent, id), { code: "auth.no-trial" });
  await asked.leave();
  await here.close();
});

const uuid = "11111111-2222-4333-8444-555555555555";
const refusals: readonly [
  promise: string,
  wish: Wish,
  prepare: (here: Scene, id: string, leave: () => Promise<void>) => Promise<unknown>,
  ask: (id: string) => string,
][] = [
  ["an id of its own invention", { db_user: "app" }, () => Promise.resolve(), () => uuid],
  ["a test without a login", {}, () => Promise.resolve(), (id) => id],
  [
    "a test that it has answered",
    { db_user: "app" },
    ({ agent }, id) => agent.client.call("trials.report", { id, steps: [well] }),
    (id) => id,
  ],
  [
    "a test that nobody waits for any more",
    { db_user: "app" },
    (_, __, leave) => leave(),
    (id) => id,
  ],
  [
    "a database that it has stopped to serve",
    { db_user: "app" },
    ({ agent }) => heartbeat(agent, database("other")),
    (id) => id,
  ],
  [
    "a test of minutes ago",
    { db_user: "app" },
    async ({ site, agent }) => {
      await site.clock.step(40_000);
      await heartbeat(agent, database("prod"));
      await site.clock.step(51_000);
    },
    (id) => id,
  ],
];
for (const [promise, wish, prepare, ask] of refusals) {
  Deno.test(`an agent gets no certificate for ${promise}`, async () => {
    const here = await scene();
    const asked = asking(here.site.admin, wish);
    await settled();
    const { id } = here.order();
    await prepare(here, id, asked.leave);
    await settled();
    await rejects(certificate(here.agent, ask(id)), { code: "auth.no-trial" });
    await asked.leave();
    await here.close();
  });
}

/** A user whose roles allow tests, and the database user `app`. */
async function tester(site: Site, ...more: readonly string[]): Promise<AuthClient> {
  const rules = [{ resources: ["database_test"], verbs: ["create" as const] }];
  await site.admin.call("resources.put", { resource: role("tester", { allow: { rules } }) });
  const traits = { db_users: ["app"], db_names: ["orders"] };
  await addUser(site, "alice", ["access", "tester", ...more], traits);
  return site.as((await logIn(site, "alice")).chain);
}

Deno.test("a user needs a rule to test, and roles that allow the account", async () => {
  const here = await scene();
  const { site, agent } = here;
  await addUser(site, "bob", ["access"], { db_users: ["app"], db_names: ["orders"] });
  const bob = asking(site.as((await logIn(site, "bob")).chain));
  await bob.done;
  equal(String(Reflect.get(Object(bob.fault), "code")), "api.not-allowed");
  const alice = await tester(site);
  site.audit.take();
  const other = asking(alice, { db_user: "postgres", db_name: "orders" });
  await other.done;
  equal(String(Reflect.get(Object(other.fault), "code")), "access.no-user");
  deepEqual(site.audit.take(), ["session.rejected"]);
  deepEqual(here.listener.orders, []);
  const asked = asking(alice, { db_user: "app", db_name: "orders" });
  await settled();
  const { id } = here.order();
  await certificate(agent, id);
  const made = site.audit.events.find(({ name }) => name === "cert.create");
  deepEqual([made?.fields["user"], made?.fields["db_name"]], ["alice", "orders"]);
  await asked.leave();
  await here.close();
});

const changes: readonly [what: string, change: (site: Site) => Promise<unknown>][] = [
  ["is locked", (site) =>
    site.admin.call("resources.put", {
      resource: {
        kind: "lock",
        version: "v1",
        metadata: { name: "l" },
        spec: { target: { user: "alice" }, message: "stop" },
      },
    })],
  ["has other roles", async (site) => {
    const { resource } = await site.admin.call("resources.get", { kind: "user", name: "alice" });
    ok(resource.kind === "user");
    const changed = { ...resource, spec: { ...resource.spec, roles: ["tester"] } };
    await site.admin.call("resources.put", { resource: changed, replace: true });
  }],
  ["is removed", (site) => site.admin.call("resources.remove", { kind: "user", name: "alice" })],
];
for (const [what, change] of changes) {
  Deno.test(`a login is not signed for a user who ${what} meanwhile`, async () => {
    const here = await scene();
    const alice = await tester(here.site);
    const asked = asking(alice, { db_user: "app", db_name: "orders" });
    await settled();
    const { id } = here.order();
    await change(here.site);
    await rejects(certificate(here.agent, id), { kind: "denied" });
    await asked.leave();
    await here.close();
  });
}

Deno.test("thirty tests may be begun within a minute", async () => {
  const here = await scene();
  const { site, agent } = here;
  for (let i = 0; i < 30; i++) await asking(site.admin).leave();
  const refused = asking(site.admin);
  await refused.done;
  equal(String(Reflect.get(Object(refused.fault), "code")), "auth.too-many-tests");
  await site.clock.step(40_000);
  await heartbeat(agent, database("prod"));
  await site.clock.step(21_000);
  const later = asking(site.admin);
  await settled();
  equal(later.fault, null);
  await later.leave();
  await here.close();
});

Deno.test("what an agent answers is bounded", async () => {
  const here = await scene();
  const asked = asking(here.site.admin);
  await settled();
  const { id } = here.order();
  const report = (steps: TrialStep[]) => here.agent.client.call("trials.report", { id, steps });
  await rejects(report(Array.from({ length: 9 }, () => well)), { code: "api.bad-input" });
  await rejects(report([{ ...well, found: "x".repeat(513) }]), { code: "api.bad-input" });
  await asked.leave();
  await here.close();
});
