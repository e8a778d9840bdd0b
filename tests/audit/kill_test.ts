/**
 * `kill -9` of any process at random moments under load: every statement that the server logged is
 * in the audit log exactly once, at worst marked unknown, and no session hangs.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { RawClient } from "../postgres/raw_client.ts";
import { loggedByPid } from "../postgres/server_log.ts";
import { logEverything, siteSuite } from "../site.ts";

const kills = Deno.env.get("REMOTELER_TEST_ALL") ? 50 : 10;
const hangMs = 10_000;
let alice: Person;

const test = siteSuite({ settings: logEverything }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
});

test(`${kills} kills under load lose no statement and hang no session`, async (site) => {
  const env = await site.through(alice, "orders");
  const stop = new AbortController();
  const seen = { statements: 0, errors: 0, hangs: [] as string[] };
  const workers = Array.from({ length: 4 }, (_, i) => load(env, i, stop.signal, seen));
  for (let i = 0; i < kills; i++) {
    await delay(300 + Math.random() * 700);
    await killOne(site, i);
  }
  await delay(1000);
  stop.abort();
  await Promise.all(workers);
  deepStrictEqual(seen.hangs, []);
  ok(seen.statements > kills, `only ${seen.statements} statements ran`);

  const logged = [...loggedByPid(await Deno.readTextFile(site.postgres.logFile)).values()].flat()
    .filter((text) => text.startsWith("select 'w"));
  ok(logged.length > 0, "the server logged nothing");
  const missing = await waitFor("all events have arrived", 30_000, async () => {
    const counts = await countEvents(site);
    const lost = logged.filter((text) => !counts.has(text));
    return lost.length === 0 ? { lost, counts } : null;
  }).catch(async () => {
    const counts = await countEvents(site);
    return { lost: logged.filter((text) => !counts.has(text)), counts };
  });
  deepStrictEqual(missing.lost, [], "logged by the server, not in the audit log");
  const twice = logged.filter((text) => (missing.counts.get(text) ?? 0) > 1);
  deepStrictEqual(twice, [], "more than one event for a statement");
  await site.verifyAudit();
});

async function countEvents(site: Site): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const event of await site.events(["--events=db.session.query"])) {
    const text = String(event["db_query"]);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

async function killOne(site: Site, index: number): Promise<void> {
  const victim = ["agent", "proxy", "auth"][(index + Math.floor(Math.random() * 2)) % 3];
  if (victim === "auth") return await site.restartAuth();
  const service = victim === "proxy" ? site.proxy : site.agents[0];
  await service?.kill();
  if (victim === "proxy") await site.startProxy();
  else await site.startAgent(0);
}

/** Unique statements, one after another, on connections made anew after each error. */
async function load(
  env: Readonly<Record<string, string>>,
  worker: number,
  signal: AbortSignal,
  seen: { statements: number; errors: number; hangs: string[] },
): Promise<void> {
  let client: RawClient | null = null;
  for (let n = 0; !signal.aborted; n++) {
    const text = `select 'w${worker}-${n}'`;
    try {
      client ??= await within(`connect for ${text}`, hangMs, RawClient.login(env));
      await within(text, hangMs, client.query(text));
      seen.statements++;
    } catch (e) {
      if (e instanceof Error && e.message.includes("not within")) seen.hangs.push(e.message);
      seen.errors++;
      client?.close();
      client = null;
      await delay(100);
    }
  }
  client?.close();
}
