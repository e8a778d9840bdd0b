/** Real clients through the proxy: what the common script prints is what it prints directly. */
import { compare, foundDrivers } from "./drivers_suite.ts";
import { directTo } from "./endpoint.ts";
import { redisSuite, through } from "./site.ts";

const test = redisSuite({ everything: true });
/** Those that speak RESP3 by themselves and that have whole programs in RESP2 as well. */
const older = ["redis-py", "jedis"];

for (const driver of await foundDrivers()) {
  test(`${driver.name} gives through the proxy what it gives directly`, async (on) => {
    await compare(driver, { direct: directTo(on.server), through: await through(on.alice) });
  });
  if (!older.includes(driver.name)) continue;
  test(`${driver.name} in RESP2 gives through the proxy what it gives directly`, async (on) => {
    const both = { direct: directTo(on.server), through: await through(on.alice) };
    await compare(driver, both, { old: true });
  });
}

test("the log verifies after the run", async ({ site }) => {
  await site.verifyAudit();
});
