/** Protocol 3.2 against PostgreSQL 18: versions, cancel keys of every length, and none. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { embeddedPostgres } from "../../scripts/lab/postgres.ts";
import type { Person } from "../../scripts/lab/services.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { run } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { siteSuite, skipped } from "../site.ts";
import { pythonWith } from "./drivers.ts";
import { authenticated, type FakeServer, fakeServer, ready } from "./fake_server.ts";
import { concat, type Env, type Message, message, RawClient } from "./raw_client.ts";

const v3_0 = 0x30000;
const v3_2 = 0x30002;
const longKey = crypto.getRandomValues(new Uint8Array(256));
const fakes: FakeServer[] = [];
let alice: Person;
let env: Env;

const test = siteSuite(
  {
    binaries: await embeddedPostgres(() => {}),
    moreDatabases: async ({ authority, dir }) => {
      const pair = await authority.server("localhost", "127.0.0.1");
      const greetings = {
        keyless: concat([authenticated, ready]),
        longkey: concat([
          authenticated,
          message("K", Uint8Array.of(0, 0, 1, 0), longKey),
          ready,
        ]),
        old: concat([message("v", Uint8Array.of(0, 3, 0, 0, 0, 0, 0, 0)), authenticated, ready]),
      };
      return await Promise.all(
        Object.entries(greetings).map(async ([name, greeting]) => {
          const fake = await fakeServer(pair, greeting);
          fakes.push(fake);
          return {
            name,
            protocol: "postgres",
            uri: `localhost:${fake.port}`,
            labels: { env: name },
            tls: { ca_cert_file: `${dir}/server-ca.pem` },
          };
        }),
      );
    },
  },
  async (site) => {
    alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
    await site.login(alice, "alice");
    env = await route("orders");
  },
  async () => {
    for (const fake of fakes) await fake.close();
  },
);

test("a client of 3.2 gets a key of 32 bytes, one of 3.0 a key of 4", async () => {
  for (const [version, bytes] of [[v3_0, 4], [v3_2, 32]] as const) {
    const { client, greeting } = await RawClient.greeted(env, version);
    strictEqual(keyOf(greeting).length, 4 + bytes);
    ok(!greeting.some(({ type }) => type === "v"));
    deepStrictEqual(await client.query("select 1"), [["1"]]);
    client.close();
  }
});

test("a newer client and unknown options are told what is spoken", async () => {
  const { client, greeting } = await RawClient.greeted(env, 0x3270f, { "_pq_.new": "1" });
  deepStrictEqual(greeting[0], {
    type: "v",
    body: concat([Uint8Array.of(0, 3, 0, 2, 0, 0, 0, 1), new TextEncoder().encode("_pq_.new\0")]),
  });
  strictEqual(keyOf(greeting).length, 36);
  deepStrictEqual(await client.query("select 1"), [["1"]]);
  client.close();
});

test("a cancel with the key of 32 bytes ends the statement, with a wrong one nothing", async () => {
  const { client, greeting } = await RawClient.greeted(env, v3_2);
  const key = keyOf(greeting);
  const wrong = key.slice();
  wrong[35] = (wrong[35] ?? 0) ^ 1;
  const sleeping = client.query("select pg_sleep(20)").then(() => "slept", (e) => String(e));
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const other of [wrong, key.slice(0, 8)]) await cancel(other);
  strictEqual(await Promise.race([sleeping, new Promise((r) => setTimeout(() => r(1), 700))]), 1);
  await cancel(key);
  match(await within("the cancel", 5000, sleeping), /57014/);
  deepStrictEqual(await client.query("select 2"), [["2"]]);
  client.close();
});

test("libpq 18 speaks 3.2 and cancels over TLS", async () => {
  const python = await pythonWith(["psycopg[binary]==3.3.9"]);
  if (typeof python !== "string") return skipped("libpq 18", python.reason);
  const done = await run(python, ["-c", libpq18], { env: { ...env, PGCONNECT_TIMEOUT: "10" } });
  deepStrictEqual([done.code, done.stdout], [0, "3.2 QueryCanceled 7\n"], done.stderr);
});

const libpq18 = `
import psycopg, threading, time
assert psycopg.pq.version() >= 180000
conn = psycopg.connect("max_protocol_version=3.2 min_protocol_version=3.2", autocommit=True)
threading.Thread(target=lambda: (time.sleep(0.5), conn.cancel_safe(timeout=10))).start()
try:
    conn.execute("select pg_sleep(20)")
    said = "slept"
except psycopg.Error as e:
    said = type(e).__name__
print("3.2", said, conn.execute("select 7").fetchone()[0])
`;

test("a database that sends no key is mirrored: the client gets none", async () => {
  const { client, greeting } = await RawClient.greeted(await route("keyless"), v3_0);
  ok(!greeting.some(({ type }) => type === "K"));
  deepStrictEqual(await client.query("select 1"), [["1"]]);
  client.close();
});

test("a database's key of 256 bytes comes back to it with the cancel", async () => {
  const { client, greeting } = await RawClient.greeted(await route("longkey"), v3_2);
  await cancel(keyOf(greeting));
  const [began, cancelled] = await waitFor("the cancel arrives", 5000, () => {
    const openings = fakes[1]?.openings ?? [];
    return Promise.resolve(openings.length === 2 ? openings : null);
  });
  client.close();
  deepStrictEqual(began?.subarray(4, 8), Uint8Array.of(0, 3, 0, 2));
  deepStrictEqual(cancelled?.subarray(8), concat([Uint8Array.of(0, 0, 1, 0), longKey]));
});

test("a database of 3.0 serves a client of 3.2", async () => {
  const { client, greeting } = await RawClient.greeted(await route("old"), v3_2);
  ok(!greeting.some(({ type }) => type === "v"));
  deepStrictEqual(await client.query("select 1"), [["1"]]);
  client.close();
});

test("statements that differ in their values have one fingerprint", async (site) => {
  const { client } = await RawClient.greeted(env, v3_0);
  await client.query("select 'fingerprinted' where 1 = 1");
  await client.query("SELECT  'fingerprinted, too' WHERE 1 = 22 -- again");
  await client.query("select 'fingerprinted' where 1 > 1");
  client.close();
  const prints = await waitFor("the events", 10_000, async () => {
    const events = await site.events(["--events=db.session.query"]);
    const found = events.filter((e) => String(e["db_query"]).includes("fingerprinted"));
    return found.length === 3 ? found.map((e) => String(e["fingerprint"])) : null;
  });
  match(prints[0] ?? "", /^[0-9a-f]{16}$/);
  deepStrictEqual([prints[1] === prints[0], prints[2] === prints[0]], [true, false]);
});

test("a cancel without a session is refused nothing and costs nothing", async () => {
  await cancel(crypto.getRandomValues(new Uint8Array(260)));
  await rejects(RawClient.greeted(env, 0x20000));
});

/** Variables for a connection to this database after its `tsh db login`. */
async function route(name: string): Promise<Env> {
  await alice.mustTsh(["db", "login", name, "--db-user=alice", "--db-name=orders"]);
  const text = await alice.mustTsh(["db", "env", name, "--format=json"]);
  return JSON.parse(text);
}

function keyOf(greeting: readonly Message[]): Uint8Array {
  return greeting.find(({ type }) => type === "K")?.body ?? new Uint8Array(0);
}

/** Sends a CancelRequest in the clear, as libpq did up to 16, and waits for the end. */
async function cancel(key: Uint8Array): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(env["PGPORT"]) });
  const head = new Uint8Array(8);
  new DataView(head.buffer).setInt32(0, 8 + key.length);
  new DataView(head.buffer).setInt32(4, 80877102);
  await conn.write(concat([head, key]));
  await within("the end", 5000, conn.read(new Uint8Array(1)).catch(() => null));
  conn.close();
}
