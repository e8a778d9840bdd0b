/** The commands about databases: `db ls` and `db test`. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "./site_fake.ts";

const since = "2026-01-02T03:00:00.000Z";

function database(name: string) {
  const spec = { protocol: "postgres", uri: "db.internal:5432", description: "" };
  return { kind: "db", version: "v1", metadata: { name, labels: {} }, spec };
}

function agent(hostname: string, status: string | null, reason: string = "") {
  const health = status === null ? [] : [{ name: "orders", status, since, reason }];
  const databases = [database("orders")];
  const spec = { host: `id-of-${hostname}`, hostname, version: "", number: 1, databases, health };
  return { kind: "agent", version: "v1", metadata: { name: hostname, labels: {} }, spec };
}

function ls(agents: readonly unknown[], ...flags: readonly string[]) {
  const lists: Record<string, unknown> = { agent: agents, db: [database("orders")] };
  const list = ({ kind }: { readonly kind: string }) => ({ resources: lists[kind] });
  return run(["db", "ls", ...flags], { answers: { "resources.list": list } });
}

Deno.test("db ls shows the best of what agents find, and each agent's own words", async () => {
  const agents = [agent("a", "unhealthy", "connection\u001brefused"), agent("b", "healthy")];
  const { terminal } = await ls(agents);
  match(terminal.stdout(), /^NAME +PROTOCOL +URI +AGENTS +STATUS/);
  match(terminal.stdout(), /^orders +postgres +db.internal:5432 +a, b +healthy$/m);
  strictEqual(
    terminal.stderr(),
    `a finds orders unhealthy since ${since}: connection\ufffdrefused\n`,
  );
  const [row] = JSON.parse((await ls(agents, "--format=json")).terminal.stdout());
  deepStrictEqual(row.health, { status: "healthy", since, reason: "" });
  deepStrictEqual(row.found[0], {
    ...{ agent: "a", host: "id-of-a", status: "unhealthy", since },
    reason: "connection\u001brefused",
  });
});

Deno.test("db ls of a database whose agents say nothing, or are away", async () => {
  match((await ls([agent("a", null)])).terminal.stdout(), / +a +unknown$/m);
  match((await ls([])).terminal.stdout(), / +none +offline$/m);
});

const well = { step: "tcp", state: "ok", found: "it answers", hint: null };
const ill = { step: "tls", state: "failed", found: "no TLS", hint: "set ssl = on" };

function served(hostname: string, online: boolean, asked: boolean) {
  return { host: `id-of-${hostname}`, hostname, online, asked };
}

/** `db test orders` where Auth answers so. */
function test(
  agents: readonly unknown[],
  results: Readonly<Record<string, readonly unknown[] | null>>,
  ...flags: readonly string[]
) {
  const items = [
    { type: "agents", agents },
    ...Object.entries(results).map(([host, steps]) => ({ type: "result", host, steps })),
    { type: "end" },
    { type: "result", host: "never read", steps: null },
  ];
  const list = { resources: [database("order"), database("billing")] };
  const answers = { "databases.test": items, "resources.list": list };
  return run(["db", "test", "orders", ...flags], { answers });
}

Deno.test("db test is well where every agent's steps are, and asks as it was told", async () => {
  const agents = [served("b", true, true), served("a", true, true)];
  const flags = ["--db-user=alice", "--db-name=orders", "--format=json"];
  const { code, terminal, calls } = await test(
    agents,
    { "id-of-a": [well], "id-of-b": [well] },
    ...flags,
  );
  strictEqual(code, 0);
  deepStrictEqual(calls.map(({ input }) => input), [
    { database: "orders", db_user: "alice", db_name: "orders" },
  ]);
  const report = JSON.parse(terminal.stdout());
  deepStrictEqual(report.agents, [
    { agent: "a", host: "id-of-a", ok: true, steps: [well] },
    { agent: "b", host: "id-of-b", ok: true, steps: [well] },
  ]);
  deepStrictEqual([report.database, report.ok], ["orders", true]);
});

Deno.test("db test ends with 1 where a step failed or an agent was silent", async () => {
  const agents = [served("a", true, true), served("b", true, true)];
  const failed = await test(agents, { "id-of-a": [well, ill], "id-of-b": [well] });
  strictEqual(failed.code, 1);
  match(failed.terminal.stdout(), /^a +tls +failed +no TLS\n +-> set ssl = on\n/m);
  const silent = await test(agents, { "id-of-a": [well], "id-of-b": null });
  strictEqual(silent.code, 1);
  match(silent.terminal.stdout(), /^b +answer +failed +the agent gave no answer in time$/m);
});

const overAll: readonly [
  promise: string,
  agents: readonly unknown[],
  flags: readonly string[],
  code: number,
  said: RegExp,
][] = [
  ["a name nobody serves", [], [], 1, /name +failed .*\n +-> did you mean order\?\n/],
  [
    "agents that are away",
    [served("a", false, false)],
    [],
    1,
    /agents +failed +not connected: a$/m,
  ],
  [
    "one that is away beside one that isn't",
    [served("a", true, true), served("b", false, false)],
    [],
    0,
    /agents +ok +connected: a; not connected: b$/m,
  ],
  [
    "the agent that was named is away",
    [served("a", true, false), served("b", false, false)],
    ["--agent=b"],
    1,
    /agents +failed +not connected: b$/m,
  ],
  [
    "an agent that doesn't serve it",
    [served("a", true, false)],
    ["--agent=c"],
    1,
    /agents +failed +c does not serve it\n +-> those that do: a\n/,
  ],
  [
    "an agent named by its host's id",
    [served("a", true, true), served("b", true, false)],
    ["--agent=id-of-a"],
    0,
    /agents +ok +connected: a$/m,
  ],
];
for (const [promise, agents, flags, code, said] of overAll) {
  Deno.test(`db test tells of ${promise}`, async () => {
    const done = await test(agents, { "id-of-a": [well] }, ...flags);
    match(done.terminal.stdout(), said);
    strictEqual(done.code, code);
  });
}

Deno.test("db test without anybody to log in as takes no --db-name", async () => {
  const { code, calls, terminal } = await test([], {}, "--db-name=orders");
  deepStrictEqual([code, calls], [2, []]);
  match(terminal.stderr(), /hint: give --db-user too/);
});
