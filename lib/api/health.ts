/** How well a database is, over all agents that serve it. */
import { type Output, v } from "../schema/mod.ts";
import type { DatabaseHealth } from "./resources.ts";

/** As lists show it; `offline`: no agent that serves it is connected. */
export const shownHealth = v.strictObject({
  status: v.picklist(["healthy", "unhealthy", "unknown", "offline"]),
  /** RFC 3339; null where nobody said. */
  since: v.nullable(v.string()),
  reason: v.string(),
});
export type ShownHealth = Output<typeof shownHealth>;

/** Lower is better. */
export const healthRanks: Readonly<Record<DatabaseHealth["status"], number>> = {
  healthy: 0,
  unknown: 1,
  unhealthy: 2,
};

/** What one agent says; without a time it said nothing. */
type Said = Omit<DatabaseHealth, "since"> & { readonly since: string | null };

/**
 * What the connected agents of one database come to: one that finds it healthy is enough. An agent
 * that said nothing is undefined; of equals the first counts.
 */
export function healthOverAll(agents: Iterable<Said | undefined>): ShownHealth {
  let best: ShownHealth = { status: "offline", since: null, reason: "" };
  let rank = Infinity;
  for (const found of agents) {
    const { status = "unknown", since = null, reason = "" } = found ?? {};
    if (healthRanks[status] >= rank) continue;
    best = { status, since, reason };
    rank = healthRanks[status];
  }
  return best;
}
