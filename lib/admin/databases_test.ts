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
