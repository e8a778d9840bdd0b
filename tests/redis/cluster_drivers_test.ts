/** Real drivers before a cluster: plain ones see one Redis, cluster clients see one node. */
import { ok } from "node:assert/strict";
import { clusterSuite } from "./cluster_site.ts";
import { compare, foundDrivers } from "./drivers_suite.ts";
import { directTo } from "./endpoint.ts";

const test = clusterSuite();

for (const driver of await foundDrivers()) {
  test(`${driver.name} gives at a cluster what it gives at a single server`, async (at) => {
    await compare(driver, { direct: directTo(at.single), through: at.through });
  });
  test(`the cluster client of ${driver.name} goes on working`, async (at) => {
    const [node] = at.cluster.nodes;
    ok(node);
    await compare(driver, { direct: directTo(node), through: at.through }, { cluster: true });
  });
}
