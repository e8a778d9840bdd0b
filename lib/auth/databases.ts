/** The databases that a user's roles let it see. */
import { accessOf, mergeOptions } from "../access/mod.ts";
import type { CallOutput } from "../api/contract.ts";
import { healthOverAll } from "../api/health.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { Callers } from "./callers.ts";
import type { Core } from "./powers.ts";
import { servedDatabases } from "./presence.ts";

type Visible = CallOutput<"databases.list">["databases"][number];

/** The call `databases.list`: one row for each name, however many agents serve it. */
export async function listDatabases(
  core: Core,
  callers: Callers,
  identity: UserIdentity,
): Promise<CallOutput<"databases.list">> {
  const roles = await callers.roles(identity.roles);
  const served = (await servedDatabases(core)).map((one) => ({
    ...one,
    metadata: one.database.metadata,
  }));
  const { requireEndToEnd } = mergeOptions(roles);
  const rows = new Map<string, Visible>();
  const access = accessOf({ identity, roles });
  const visible = served.filter((one) => access.sees(one));
  const connected = Map.groupBy(
    visible.filter(({ online }) => online),
    ({ metadata: { name } }) => name,
  );
  for (const { database, online } of visible) {
    const { metadata: { name, labels }, spec } = database;
    const row = rows.get(name);
    if (row !== undefined && (row.online || !online)) continue;
    rows.set(name, {
      name,
      protocol: spec.protocol,
      description: spec.description,
      labels,
      db_users: [...access.users(database)],
      db_names: [...access.names(database)],
      online,
      require_end_to_end: requireEndToEnd,
      health: healthOverAll((connected.get(name) ?? []).map(({ health }) => health)),
    });
  }
  return { databases: [...rows.values()] };
}
