/** What the cluster is and how much of it there is. */
import type { CallOutput } from "../api/contract.ts";
import type { Core } from "./powers.ts";
import { servedDatabases } from "./presence.ts";

/** The call `cluster.status`. */
export async function clusterStatus(core: Core): Promise<CallOutput<"cluster.status">> {
  const { store, authorities, audit, cluster, version } = core;
  const served = await servedDatabases(core);
  const names = new Set(
    served.filter(({ online }) => online).map(({ database: { metadata } }) => metadata.name),
  );
  return {
    cluster,
    version,
    ca_pin: authorities.caPin(),
    authorities: authorities.status().map((authority) => ({ ...authority })),
    agents: await store.count("agent"),
    proxies: await store.count("proxy"),
    databases: names.size,
    users: await store.count("user"),
    audit_events: audit.end.seq,
  };
}
