/** Real drivers before a cluster: plain ones see one Redis, cluster clients see one node. */
import { clusterSuite } from "./cluster_site.ts";
import { compare, foundDrivers } from "./cluster_drivers_suite.ts";

const test = clusterSuite();

for (const driver of await foundDrivers()) {
  test(`${driver.name} gives at a cluster what it gives at a single server`, async (at) => {
    await compare(driver, { direct: at.direct(at.single.port), through: at.through });
  });
  test(`the cluster client of ${driver.name} goes on working`, async (at) => {
    const direct = { ...at.direct(at.cluster.nodes[0]?.port ?? 0), cluster: true };
    await compare(driver, { direct, through: { ...at.through, cluster: true } });
  });
}
