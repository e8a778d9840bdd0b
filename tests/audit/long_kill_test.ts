/**
 * `kill -9` of the Database Service within statements too long to be held: whatever reached the
 * database is on record, and each such statement is there once, marked as truncated.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, waitFor } from "../../scripts/lab/tools.ts";
import { authenticated, type FakeServer, fakeServer, ready } from "../postgres/fake_server.ts";
import { concat, type Env, RawClient } from "../postgres/raw_client.ts";
import { siteSuite } from "../site.ts";

const kills = Deno.env.get("REMOTELER_TEST_ALL") ? 30 : 6;
const frameBytes = 256 * 1048576;
const fakes: FakeServer[] = [];
/** What the database got since its last login. */
let reached: Uint8Array[] = [];
let alice: Person;
let env: Env;

const test = siteSuite({
  moreDatabases: async ({ authority, dir }) => {
    const pair = await authority.server("localhost", "127.0.0.1");
    const greeting = concat([authenticated, ready]);
    const fake = await fakeServer(pair, greeting, {
      swallow: (chunk) => void reached.push(chunk.slice()),
    });
    fakes.push(fake);
    return [{
      name: "mute",
      protocol: "postgres",
      uri: `localhost:${fake.port}`,
      labels: {},
      tls: { ca_cert_file: `${dir}/server-ca.pem` },
    }];
  },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "mute", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "mute");
}, async () => {
  for (const fake of fakes) await fake.close();
});

test(`${kills} kills within long statements lose nothing of them`, async (site) => {
  const got: string[] = [];
  for (let round = 0; round < kills; round++) {
    // The service is started anew for each: the fake database moves with it.
    reached = [];
    const client = await waitFor("a session", 20_000, () => RawClient.login(env).catch(() => null));
    const sending = sendWithoutEnd(client, round).catch(() => {});
    await waitFor("the first megabyte", 60_000, () => bytesOf(reached) > 1048576);
    await delay(Math.random() * 1000);
    await site.agents[0]?.kill();
    await sending;
    client.close();
    got.push(new TextDecoder().decode(concat(reached).subarray(5)));
    await site.startAgent(0);
    env = await site.through(alice, "mute");
  }
  const texts = await waitFor("all parts have arrived", 60_000, async () => {
    const found = await recorded(site);
    return found.size === kills ? found : null;
  });
  const lengths = got.map((text, round) => [text.length, texts.get(round)?.length ?? 0] as const);
  for (const [round, text] of got.entries()) {
    ok(text.length > 1_000_000);
    ok(texts.get(round)?.startsWith(text), `${round}: ${lengths[round]}`);
    ok(texts.get(round) === expected(round, texts.get(round)?.length ?? 0), "not what was sent");
  }
  await site.verifyAudit();
});

/** Numbers, so that nothing can be lost or doubled unseen. */
function expected(round: number, characters: number): string {
  let text = `/* kill ${round} */ select `;
  for (let at = 0; text.length < characters; at++) text += `${at}, `;
  return text.slice(0, characters);
}

async function sendWithoutEnd(client: RawClient, round: number): Promise<void> {
  const encoder = new TextEncoder();
  const header = Uint8Array.of(0x51, 0, 0, 0, 0);
  new DataView(header.buffer).setInt32(1, frameBytes);
  await client.send(header);
  const text = encoder.encode(expected(round, 64 * 1048576));
  for (let at = 0; at < text.length; at += 100_000) {
    await client.send(text.subarray(at, at + 100_000));
  }
}

function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** Texts of the rounds, from the parts of their statements. */
async function recorded(site: Site): Promise<Map<number, string>> {
  const events = await site.events(["--events=db.session.query", "--database=mute"]);
  const parts = events.filter((event) => event["outcome"] === "part");
  const found = new Map<number, string>();
  for (const event of events) {
    if (event["outcome"] === "part") continue;
    const { uid, outcome, success, mark, part, full_text } = event;
    deepStrictEqual([outcome, success, mark, full_text], ["unknown", null, "truncated", undefined]);
    const { index, count } = { index: -1, count: 0, ...Object(part) };
    deepStrictEqual(index, 0);
    const texts = [String(event["db_query"])];
    for (const other of parts) {
      const { of, index: at } = { of: "", index: 0, ...Object(other["part"]) };
      if (of === uid) texts[at] = String(other["db_query"]);
    }
    deepStrictEqual(texts.length, count);
    const text = texts.join("");
    const round = Number(/^\/\* kill (\d+)/.exec(text)?.[1]);
    ok(!found.has(round), "a statement stands twice");
    found.set(round, text);
  }
  return found;
}
