/** Real drivers through the proxy: results equal to a direct one, whatever way they come. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { LocalPort } from "../postgres/local_port.ts";
import { skipped } from "../site.ts";
import { allDrivers, type Driver } from "./drivers.ts";
import {
  addAlice,
  allowFiles,
  direct,
  local,
  mysqlSuite,
  native,
  realServers,
  type Way,
} from "./site.ts";

const servers = await realServers();
const drivers: Driver[] = [];
for (const driver of await allDrivers(servers)) {
  if ("reason" in driver) skipped(`driver ${driver.name}`, driver.reason);
  else drivers.push(driver);
}

const ports = new Map<string, LocalPort>();
let alice: Person;
const test = mysqlSuite(servers, {}, async (site) => {
  await allowFiles(site);
  alice = await addAlice(site, servers, { roles: ["access", "loader"] });
  for (const { name } of servers) {
    const service = name.toLowerCase();
    ports.set(service, await LocalPort.open(alice, service, ["--tunnel"]));
  }
});

for (const driver of drivers) {
  test(`${driver.name} gives through the proxy what it gives directly`, async (at) => {
    if (driver.maker !== undefined && driver.maker !== at.server.binaries.name) return;
    const port = ports.get(at.service)?.port ?? 0;
    const own = await said(driver, await direct(at));
    // Where the greeting comes before the certificate, it is the proxy's and not MariaDB's.
    const isGreetedRight = driver.readsGreeting !== true || at.server.binaries.name === "MySQL";
    const ways = [...isGreetedRight ? [await native(alice, at.service)] : [], local(port)];
    for (const way of ways) deepStrictEqual(await said(driver, way), own);
  });
}

test("the local ports are closed", async ({ service }) => {
  await ports.get(service)?.stop();
});

async function said(driver: Driver, way: Way): Promise<string[]> {
  const { code, stdout, stderr } = await driver.run(way, 20);
  strictEqual(code, 0, `${way.host}:${way.port}: ${stderr}\n${stdout.slice(-2000)}`);
  ok(/done|last/.test(stdout), stdout.slice(-500));
  return stdout.split("\n");
}
