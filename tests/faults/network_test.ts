/**
 * Agent and database behind a wire of 40 ms and 1 % loss: everything works as without; and a wire
 * that is cut ends what ran over it in time, and is as good as new soon after it is whole. With
 * `--all` every driver, pgbench's COPY and PostgreSQL's own scripts too.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { allDrivers, type Driver } from "../postgres/drivers.ts";
import { type Env, errorText, message, RawClient } from "../postgres/raw_client.ts";
import { matchLog } from "../postgres/drivers_suite.ts";
import { logEverything, plainSql, siteSuite, skipped } from "../site.ts";
import { bench, dumpBothWays, farDatabases, fill, regressionScripts } from "./far_programs.ts";
import { moments, momentTable } from "./moments.ts";
import { eachOnce, strike } from "./strike.ts";
import { noWire, Wire } from "./wire.ts";

/** Of each direction, so that a round trip takes 40 ms. */
const delayMs = 20;
const loss = 0.01;
/** Longer than it takes both ends of a tunnel to notice. */
const longCutMs = 12_000;
const quickDrivers = ["psql", "psycopg"];

const reason = await noWire();
if (reason !== null) skipped("a slow, lossy network between agent and proxy", reason);
else await suite();

async function suite(): Promise<void> {
  const all = Deno.env.get("REMOTELER_TEST_ALL") !== undefined;
  const drivers = (await allDrivers())
    .filter((driver): driver is Driver => !("reason" in driver))
    .filter(({ name }) => all || quickDrivers.includes(name));
  const wire = await Wire.lay();
  let alice: Person;
  let env: Env;
  const envs = new Map<string, Env>();

  const services = ["orders", ...farDatabases];
  const test = siteSuite({
    sql: [plainSql, ...farDatabases.map((name) => `create database ${name} owner alice;`)]
      .join("\n\n"),
    databases: Object.fromEntries(services.map((name) => [name, {}])),
    settings: logEverything,
    proxies: 2,
    far: { netns: wire.netns, proxyHost: wire.near },
  }, async (site) => {
    alice = await site.addUser("alice", { dbUsers: ["alice", "postgres"], dbNames: ["*"] });
    await site.login(alice, "alice");
    for (const name of services) {
      await alice.mustTsh(["db", "login", name, "--db-user=alice", `--db-name=${name}`]);
      envs.set(name, await site.through(alice, name));
    }
    env = envs.get("orders") ?? {};
    const client = await RawClient.login(env);
    await client.query(momentTable);
    client.close();
    await fill(env);
  }, () => wire.remove());

  for (const driver of drivers) {
    test(`${driver.name} gives over the slow wire what it gives without it`, async () => {
      await wire.set(0, 0);
      const quick = await driver.run(env);
      strictEqual(quick.code, 0, quick.stderr);
      await wire.set(delayMs, loss);
      const slow = await driver.run(env);
      strictEqual(slow.code, 0, slow.stderr + slow.stdout.slice(-2000));
      deepStrictEqual(lines(slow.stdout), lines(quick.stdout));
    });
  }

  test("pg_dump into pg_restore and psql over the slow wire leaves equal tables", async () => {
    await wire.set(delayMs, loss);
    await dumpBothWays(alice, (service) => envs.get(service) ?? {});
  });

  test("pgbench over the slow wire loses no transaction", async () => {
    await wire.set(delayMs, loss);
    await bench(alice, all);
  });

  if (all) {
    test("PostgreSQL's own scripts print what they print without the wire", async (site) => {
      await alice.mustTsh(["db", "login", "copied", "--db-user=postgres"]);
      const own = await site.through(alice, "copied");
      await wire.set(0, 0);
      const quick = await regressionScripts(site, own, "quick");
      await wire.set(delayMs, loss);
      const slow = await regressionScripts(site, own, "slow");
      deepStrictEqual(slow, quick);
    });
  }

  test("each statement so far in the server's log has one event, in order", async (site) => {
    await wire.set(0, 0);
    await matchLog(site, drivers.length);
  });

  test("what went in by COPY comes out by COPY", async () => {
    await wire.set(delayMs, loss);
    await copyBothWays(env);
  });

  test("a reader that stalls slows no other", async () => {
    await wire.set(delayMs, 0);
    await stalledReader(env);
  });

  test("a wire cut for 2 s: an error or the right result", async (site) => {
    await wire.set(delayMs, loss);
    const inject = async () => {
      await wire.cut();
      await delay(2000);
      await wire.join();
    };
    // The work itself takes seconds over such a wire, and TCP may back off for some more.
    const shortCut = { name: "short cut", sees: "either", inject, hangMs: 30_000 } as const;
    await strike(site, shortCut, () => env);
  });

  test("a cut wire ends sessions within 10 s; new ones work 5 s after its return", async (site) => {
    await wire.set(delayMs, loss);
    let cutAt = 0;
    const inject = async () => {
      await wire.cut();
      cutAt = Date.now();
    };
    const mend = async () => {
      await delay(Math.max(0, cutAt + longCutMs - Date.now()));
      await wire.join();
    };
    await strike(site, { name: "long cut", sees: "error", inject, mend }, () => env);
  });

  test("one of two ways cut: the other serves on, the first 5 s after its return", async (site) => {
    await wire.set(delayMs, loss);
    await oneWayCut(site, wire, env);
  });

  test("after a cut, a lock still ends a session in time", async (site) => {
    await lockAfter(site, env);
  });

  test("each statement that the server logged has exactly one event", async (site) => {
    await eachOnce(site, 2 * moments.length);
    await site.verifyAudit();
  });
}

/** Without what differs from one connection to the next. */
function lines(output: string): string[] {
  return output.replaceAll(/process with PID \d+/g, "process with PID N").split("\n");
}

/** Cuts what goes to the first proxy; the agent has a tunnel to the second as well. */
async function oneWayCut(site: Site, wire: Wire, env: Env): Promise<void> {
  const [first, second] = site.proxyPorts.map((port) => ({ ...env, PGPORT: String(port) }));
  ok(first && second);
  // The wire was cut just now, and each way comes back in its own time.
  const [cutOff, goesOn] = [await sessionSoon(first), await sessionSoon(second)];
  await wire.cut(site.proxyPorts[0]);
  for (let round = 0; round < 5; round++) {
    await within("an answer by the other way", 2000, goesOn.query("select 1"));
    (await within("a new session by the other way", 5000, RawClient.login(second))).close();
    await delay(1000);
  }
  await within("the session that was cut off ends", 10_000, cutOff.until("none"));
  cutOff.close();
  await wire.join();
  (await sessionSoon(first)).close();
  goesOn.close();
}

async function sessionSoon(env: Env): Promise<RawClient> {
  return await waitFor("a session", 5000, () => RawClient.login(env).catch(() => null));
}

async function copyBothWays(env: Env): Promise<void> {
  const client = await RawClient.login(env);
  await client.query("create temporary table there (n int, t text)");
  await client.send(message("Q", "copy there from stdin\0"));
  await client.until("G");
  const rows = Array.from({ length: 5000 }, (_, n) => `${n}\t${"y".repeat(n % 200)}\n`);
  for (const row of rows) await client.send(message("d", row));
  await client.send(message("c"));
  await client.until("Z");
  await client.send(message("Q", "copy (select * from there order by n) to stdout\0"));
  const decoder = new TextDecoder();
  const back = (await within("the rows", 60_000, client.until("Z")))
    .filter(({ type }) => type === "d").map(({ body }) => decoder.decode(body));
  client.close();
  strictEqual(back.join(""), rows.join(""));
}

async function stalledReader(env: Env): Promise<void> {
  const other = await RawClient.login(env);
  const alone = await medianMs(other);
  const stalled = await RawClient.login(env);
  await stalled.send(
    message("Q", "select repeat('x', 100000) from generate_series(1, 1000)\0"),
  );
  ok(alone >= 2 * delayMs, `${alone} ms: the wire is not slow`);
  // What the reader still has room for shares the wire with others; then it is full for good.
  await delay(2000);
  await waitFor("others are as quick beside it as alone", 15_000, async () => {
    return await medianMs(other) < 2 * alone + 20;
  });
  stalled.close();
  other.close();
}

async function medianMs(client: RawClient): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    const at = performance.now();
    await client.query("select 1");
    times.push(performance.now() - at);
  }
  return times.sort((a, b) => a - b)[7] ?? 0;
}

async function lockAfter(site: Site, env: Env): Promise<void> {
  const session = await RawClient.login(env);
  await site.remoteler(["lock", "--user=alice", "--message=after the cut", "--ttl=1h"]);
  const error = (await within("the session ends", 5000, session.until("E"))).at(-1);
  session.close();
  ok(error && errorText(error).includes("after the cut"), "no word of the lock");
  const locks = JSON.parse(await site.remoteler(["get", "lock", "--format=json"]));
  for (const lock of locks) await site.remoteler(["rm", `lock/${lock.metadata.name}`]);
  const login = () => RawClient.login(env).then((c) => (c.close(), true), () => false);
  await waitFor("the lock is gone", 5000, login);
}
