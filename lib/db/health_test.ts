import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { error } from "../../tests/fakes/postgres_messages.ts";
import { fakeNow } from "../ca/ca_fake.ts";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { HealthProbes } from "./health.ts";
import { probePeriodMs } from "./limits.ts";
import { startup } from "./postgres_fake.ts";
import { visit } from "./visit.ts";
import { fakeLock, type FakeSite, fakeSite } from "./visit_fake.ts";

async function probing(
  prepare: (site: FakeSite) => void,
  run: (site: FakeSite, probes: HealthProbes, changes: readonly string[]) => Promise<void>,
): Promise<void> {
  const site = await fakeSite();
  prepare(site);
  const stop = new AbortController();
  const changes: string[] = [];
  const changed = () => changes.push(probes.all[0]?.status ?? "");
  const powers = { ...site.powers, signal: stop.signal, changed };
  const probes = new HealthProbes([site.target], powers);
  await settled();
  await run(site, probes, changes);
  stop.abort(new Error("over"));
  await probes.ended();
}

const refused = new Fault({
  kind: "network",
  code: "sys.connection-refused",
  message: "refused",
  fields: { errno: "ECONNREFUSED" },
});

Deno.test("a database that speaks TLS is healthy, without a login", async () => {
  await probing(() => {}, async (site, probes) => {
    const since = rfc3339(fakeNow);
    deepStrictEqual(probes.all, [{ name: "shop", status: "healthy", since, reason: "" }]);
    equal(site.servers.length, 1);
    deepStrictEqual(site.servers[0]?.openings, []);
    ok(site.servers[0]?.end.isClosed);
    await site.clock.step(probePeriodMs * 2);
    ok(site.servers.length >= 2);
  });
});

Deno.test("a database that is down is asked again soon, then more rarely", async () => {
  let asked = 0;
  await probing((site) => {
    site.database.down = refused;
    const { connectDatabase } = site.powers;
    Object.assign(site.powers, {
      connectDatabase: (...to: Parameters<typeof connectDatabase>) => {
        asked += 1;
        return connectDatabase(...to);
      },
    });
  }, async (site, probes, changes) => {
    equal(probes.all[0]?.status, "unhealthy");
    equal(probes.all[0]?.since, rfc3339(fakeNow));
    equal(probes.all[0]?.reason, "the database shop can't be reached: connection refused");
    for (let i = 0; i < 20; i++) await site.clock.step(500);
    const soon = asked;
    ok(soon >= 3, `${soon}`);
    for (let i = 0; i < 10; i++) await site.clock.step(probePeriodMs);
    ok(asked - soon >= 9, `${asked - soon}`);
    ok(asked < 60, `${asked}`);
    site.database.down = null;
    for (let i = 0; i < 2; i++) await site.clock.step(probePeriodMs);
    equal(probes.all[0]?.status, "healthy");
    equal(probes.all[0]?.reason, "");
    ok((probes.all[0]?.since ?? "") > rfc3339(fakeNow + 300_000));
    deepStrictEqual(changes, ["unhealthy", "healthy"]);
  });
});

Deno.test("a database that is silent is given up after ten seconds", async () => {
  await probing((site) => {
    site.database.prepare = (server) => server.end.pause();
  }, async (site, probes) => {
    equal(probes.all[0]?.status, "unknown");
    await site.clock.step(10_500);
    equal(probes.all[0]?.status, "unhealthy");
    equal(probes.all[0]?.reason, "there was no answer within 10 seconds");
  });
});

Deno.test("what a session finds out is looked into within a second, not more often", async () => {
  await probing(() => {}, async (site, probes, changes) => {
    await site.clock.step(5_000);
    site.database.down = refused;
    probes.noticed("shop", true);
    probes.noticed("other", false);
    await site.clock.step(1_000);
    deepStrictEqual(changes, ["healthy"]);
    probes.noticed("shop", false);
    await settled();
    deepStrictEqual(changes, ["healthy", "unhealthy"]);
    site.database.down = null;
    for (let i = 0; i < 10; i++) await site.clock.step(probePeriodMs);
    const before = site.servers.length;
    for (let i = 0; i < 100; i++) {
      probes.noticed("shop", false);
      await site.clock.step(10);
    }
    const asked = site.servers.length - before;
    ok(asked >= 1 && asked <= 3, `${asked}`);
  });
});

Deno.test("a reason is one line that fits a heartbeat", async () => {
  await probing((site) => {
    site.database.down = new Fault({
      kind: "network",
      code: "sys.connection-lost",
      message: `first\r\nsecond\u001b[31m ${"x".repeat(1000)}`,
    });
  }, async (_, probes) => {
    await settled();
    const reason = probes.all[0]?.reason ?? "";
    equal(reason.length, 256);
    ok(reason.includes("first second [31m x"), reason);
  });
});

/** One visit of a client that logs in as the granted user, to its end. */
async function visited(site: FakeSite): Promise<readonly string[]> {
  const { stream, header, client } = await site.arrive();
  const staying = visit({ stream, header, target: site.target }, site.powers);
  client.write(startup({ user: "app", database: "shop" }));
  // Keys are made by WebCrypto, which takes its own time.
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
  client.end();
  await site.clock.step(60_000);
  await staying;
  return site.noticed.splice(0);
}

Deno.test("visits tell whether their database could be reached, and only that", async () => {
  const site = await fakeSite();
  deepStrictEqual(await visited(site), ["shop true"]);
  site.database.down = refused;
  deepStrictEqual(await visited(site), ["shop false"]);
  site.database.down = null;
  site.database.prepare = (server) => {
    server.greeting = error("28000", "no entry", { S: "FATAL", V: "FATAL" });
  };
  deepStrictEqual(await visited(site), []);
  site.cache.put(fakeLock({ user: "alice" }));
  deepStrictEqual(await visited(site), []);
});
