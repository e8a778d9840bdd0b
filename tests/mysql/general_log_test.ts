/** Every line of the servers' own log has its event, for each driver's whole run. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { LocalPort } from "../postgres/local_port.ts";
import { eventsByPid } from "../postgres/server_log.ts";
import { allDrivers, type Driver } from "./drivers.ts";
import { mismatches } from "./general_log.ts";
import { addAlice, allowFiles, local, mysqlSuite, realServers } from "./site.ts";

const servers = await realServers();
const drivers = (await allDrivers(servers)).filter((one): one is Driver => "run" in one);
let alice: Person;
const ports = new Map<string, LocalPort>();
// Otherwise MySQL has no line for what its parser refuses.
const settings = (maker: string) => maker === "MySQL" ? ["--log-raw=ON"] : [];
const test = mysqlSuite(servers, { settings }, async (site) => {
  await allowFiles(site);
  alice = await addAlice(site, servers, { roles: ["access", "loader"] });
  for (const { name } of servers) {
    const service = name.toLowerCase();
    ports.set(service, await LocalPort.open(alice, service, ["--tunnel"]));
  }
});

test("each line of general_log has one event, in order; others are marked", async (at) => {
  const way = local(ports.get(at.service)?.port ?? 0);
  for (const driver of drivers) {
    // Over 1 MiB, so that its text comes in pieces.
    const { code, stderr } = await driver.run(way, 2);
    strictEqual(code, 0, `${driver.name}: ${stderr}`);
  }
  const events = await waitFor("all sessions have ended in the audit log", 20_000, async () => {
    const all = await at.site.events([`--database=${at.service}`]);
    const sessions = [...eventsByPid(all).values()];
    return sessions.length > 0 && sessions.every(({ ended }) => ended) ? all : null;
  });
  ok(eventsByPid(events).size >= drivers.length);
  deepStrictEqual(mismatches(events, await Deno.readFile(at.server.generalLog)), []);
});

test("the local ports are closed", async ({ service }) => {
  await ports.get(service)?.stop();
});

test("the log verifies after the run", async ({ site }) => {
  await site.verifyAudit();
});
