/** Real clients through the proxy: what the common script prints is what it prints directly. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { skipped } from "../site.ts";
import { allDrivers, type Driver } from "./drivers.ts";
import { direct, redisSuite, through } from "./site.ts";

const drivers: Driver[] = [];
for (const driver of await allDrivers()) {
  if ("reason" in driver) skipped(`driver ${driver.name}`, driver.reason);
  else drivers.push(driver);
}

const test = redisSuite();

for (const driver of drivers) {
  test(`${driver.name} gives through the proxy what it gives directly`, async (on) => {
    const straight = await driver.run(direct(on));
    strictEqual(straight.code, 0, `direct: ${straight.stderr}\n${straight.stdout.slice(-2000)}`);
    const passed = await driver.run(await through(on.alice));
    const said = `through the proxy: ${passed.stderr}\n${passed.stdout.slice(-2000)}`;
    strictEqual(passed.code, 0, said);
    deepStrictEqual(passed.stdout.split("\n"), straight.stdout.split("\n"));
  });
}

test("the log verifies after the run", async ({ site }) => {
  await site.verifyAudit();
});
