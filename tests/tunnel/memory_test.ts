/** Backpressure from end to end: a peer that doesn't read costs neither proxy nor agent memory. */
import { ok } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { delay, residentMiB } from "../../scripts/lab/tools.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { message, RawClient } from "../postgres/raw_client.ts";
import { siteSuite } from "../site.ts";

const limitMiB = 32;
let alice: Person;

const test = siteSuite({}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
});

test("a client that doesn't read a 1 GiB result", async (site) => {
  const env = await site.through(alice, "orders");
  await warm(env);
  const before = memory(site);
  const client = await RawClient.login(env);
  await client.send(
    message("Q", "select repeat('x', 1048576) from generate_series(1, 1024)", "\0"),
  );
  await delay(8000);
  grewLittle(site, before);
  client.close();
  const other = await RawClient.login(env);
  await other.query("select 1");
  other.close();
});

test("an upload to a database that stopped reading", async (site) => {
  const env = await site.through(alice, "orders");
  await warm(env);
  const before = memory(site);
  const client = await RawClient.login(env);
  const [[pid] = []] = await client.query("select pg_backend_pid()");
  await client.query("create temporary table upload (t text)");
  await client.send(message("Q", "copy upload from stdin", "\0"));
  await client.until("G");
  Deno.kill(Number(pid), "SIGSTOP");
  let sent = 0;
  const chunk = message("d", "x".repeat(1_048_575) + "\n");
  const sending = (async () => {
    for (; sent < 1024; sent++) await client.send(chunk);
  })().catch(() => {});
  await delay(8000);
  Deno.kill(Number(pid), "SIGCONT");
  ok(sent < 200, `${sent} MiB were taken while nobody read them`);
  grewLittle(site, before);
  client.close();
  await sending;
});

/** Lets both processes reach their working size first. */
async function warm(env: Readonly<Record<string, string>>): Promise<void> {
  const client = await RawClient.login(env);
  await client.query("select repeat('x', 1048576) from generate_series(1, 64)");
  client.close();
}

function memory(site: Site): Record<string, number> {
  return { proxy: residentMiB(site.proxy.pid), agent: residentMiB(site.agents[0]?.pid ?? 0) };
}

function grewLittle(site: Site, before: Readonly<Record<string, number>>): void {
  for (const [name, now] of Object.entries(memory(site))) {
    const grown = now - (before[name] ?? 0);
    ok(grown < limitMiB, `${name} grew by ${grown.toFixed(1)} MiB`);
  }
}
