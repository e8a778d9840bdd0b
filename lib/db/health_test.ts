import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { Fault } from "../core/fault.ts";
import { HealthProbes } from "./health.ts";
import { probePeriodMs } from "./limits.ts";
import { type FakeSite, fakeSite } from "./visit_fake.ts";

async function probing(
  prepare: (site: FakeSite) => void,
  run: (site: FakeSite, probes: HealthProbes) => Promise<void>,
): Promise<void> {
  const site = await fakeSite();
  prepare(site);
  const stop = new AbortController();
  const probes = new HealthProbes([site.target], { ...site.powers, signal: stop.signal });
  await settled();
  await run(site, probes);
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
    deepStrictEqual(probes.all, [{ name: "shop", healthy: true, reason: "" }]);
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
  }, async (site, probes) => {
    equal(probes.all[0]?.healthy, false);
    equal(probes.all[0]?.reason, "the database shop can't be reached: connection refused");
    for (let i = 0; i < 20; i++) await site.clock.step(500);
    const soon = asked;
    ok(soon >= 3, `${soon}`);
    for (let i = 0; i < 10; i++) await site.clock.step(probePeriodMs);
    ok(asked - soon >= 9, `${asked - soon}`);
    ok(asked < 60, `${asked}`);
    site.database.down = null;
    for (let i = 0; i < 2; i++) await site.clock.step(probePeriodMs);
    deepStrictEqual(probes.all, [{ name: "shop", healthy: true, reason: "" }]);
  });
});

Deno.test("a database that is silent is given up after ten seconds", async () => {
  await probing((site) => {
    site.database.prepare = (server) => server.end.pause();
  }, async (site, probes) => {
    equal(probes.all[0]?.healthy, null);
    await site.clock.step(10_500);
    equal(probes.all[0]?.healthy, false);
    equal(probes.all[0]?.reason, "there was no answer within 10 seconds");
  });
});
