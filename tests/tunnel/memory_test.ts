/** Backpressure from end to end: a peer that doesn't read costs neither proxy nor agent memory. */
import { ok } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { delay, residentMiB } from "../../scripts/lab/tools.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { message, RawClient } from "../postgres/raw_client.ts";
import { siteSuite } from "../site.ts";

const limitMiB = 32;
/** At full speed the collector lets so much lie about, now more, now less. */
const slackMiB = 64;
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

test("a statement of 300 MiB takes no more memory than one of 100 MiB", async (site) => {
  const env = await site.through(alice, "orders");
  const client = await RawClient.login(env);
  const before = await peaks(site, sendStatement(client, 100));
  const after = await peaks(site, sendStatement(client, 300));
  client.close();
  for (const [name, now] of Object.entries(after)) {
    const grown = now - (before[name] ?? 0);
    ok(grown < slackMiB, `${name} grew by ${grown.toFixed(1)} MiB`);
  }
});

/** One Query message of so many MiB; most of it is a comment, which costs the server little. */
async function sendStatement(client: RawClient, mebibytes: number): Promise<void> {
  const encoder = new TextEncoder();
  const piece = encoder.encode(
    "insert into t values (1, 'two'); ".repeat(31_776).slice(0, 1048576),
  );
  const [head, tail] = [encoder.encode("/* "), encoder.encode(" */ select 'all'\0")];
  const header = Uint8Array.of(0x51, 0, 0, 0, 0);
  const length = 4 + head.length + mebibytes * piece.length + tail.length;
  new DataView(header.buffer).setInt32(1, length);
  await client.send(header, head);
  for (let sent = 0; sent < mebibytes; sent++) await client.send(piece);
  await client.send(tail);
  const answer = await client.until("Z");
  ok(
    answer.some(({ type, body }) => type === "D" && new TextDecoder().decode(body).includes("all")),
  );
}

/** The most memory that each process takes while `work` goes on. */
async function peaks(site: Site, work: Promise<void>): Promise<Record<string, number>> {
  const most: Record<string, number> = {};
  let isOver = false;
  const done = work.finally(() => isOver = true);
  while (!isOver) {
    for (const [name, now] of Object.entries(memory(site))) {
      most[name] = Math.max(most[name] ?? 0, now);
    }
    await delay(50);
  }
  await done;
  return most;
}

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
