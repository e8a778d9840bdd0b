import { mysql } from "./mysql/mod.ts";
import { postgres } from "./postgres/mod.ts";
import { redis } from "./redis/mod.ts";
import type { Protocol } from "./protocol.ts";

export { ClientRefused } from "./client_refused.ts";
export { UpstreamRefused } from "./upstream_refused.ts";
export { WireError, type WireErrorCode } from "./wire_error.ts";
export type * from "./commands.ts";
export type * from "./protocol.ts";

/** All protocols, a line each. */
export const protocols: readonly Protocol[] = [
  postgres,
  mysql,
  redis,
];

/**
 * The protocol of that name, as certificates and configuration have it; null where there is none.
 */
export function protocolNamed(name: string): Protocol | null {
  return protocols.find((protocol) => protocol.name === name) ?? null;
}
