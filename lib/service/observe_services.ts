/** What each service tells of itself to `/readyz` and `/metrics`. */
import type { ResourceCache } from "../api/resource_cache.ts";
import type { Spool } from "../audit/spool.ts";
import type { Authorities } from "../auth/mod.ts";
import { parseCertificate } from "../ca/mod.ts";
import type { Reading } from "../core/metrics.ts";
import type { Agent } from "../db/mod.ts";
import type { Proxy } from "../proxy/mod.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { Membership } from "./membership.ts";

const authorityGauge = [
  "remoteler_ca_certificate_expires_seconds",
  "Unix time at which the last trusted certificate of an authority ends.",
] as const;

const authAway = "the Auth Service can't be reached; what is known and kept is served";

/** For services that joined: Auth, certificates, the spool. */
export function observeMember({ metrics }: Diagnostics, member: {
  readonly role: "proxy" | "db";
  readonly membership: Membership;
  readonly cache: ResourceCache;
  readonly spool: Spool;
}): void {
  const { role, membership, cache, spool } = member;
  metrics.gauge("remoteler_auth_reachable", "1 while Auth is heard.", () => [
    [{ role }, cache.stale(0) ? 0 : 1],
  ]);
  metrics.gauge("remoteler_host_certificate_expires_seconds", "Unix time of its end.", () => [
    [{ role }, membership.credentials.expires / 1000],
  ]);
  metrics.gauge(...authorityGauge, () => authorities(role, cache));
  metrics.gauge("remoteler_spool_events", "Events that Auth has not acknowledged yet.", () => [
    [{ role }, spool.health.unshipped],
  ]);
  metrics.gauge("remoteler_spool_bytes", "Bytes of the audit spool on disk.", () => [
    [{ role }, spool.health.bytes],
  ]);
  metrics.gauge("remoteler_spool_lost_events", "Events that could not be kept.", () => [
    [{ role }, spool.health.lost],
  ]);
  metrics.gauge("remoteler_spool_fault", "1 while nothing can be recorded.", () => [
    [{ role }, spool.fault === null ? 0 : 1],
  ]);
}

function authorities(role: string, cache: ResourceCache): readonly Reading[] {
  return cache.list("cert_authority").map(({ spec: { type, trusted } }) => {
    const ends = trusted.map((text) => parseCertificate(Uint8Array.fromBase64(text)).notAfter);
    return [{ role, type }, Math.max(0, ...ends) / 1000];
  });
}

export function observeAuth({ metrics }: Diagnostics, auth: Authorities): void {
  metrics.gauge(
    ...authorityGauge,
    () =>
      auth.status().map((
        { type, expires },
      ) => [{ role: "auth", type }, Date.parse(expires) / 1000]),
  );
}

export function observeAgent(
  diagnostics: Diagnostics,
  agent: Agent,
  { cache, spool }: { readonly cache: ResourceCache; readonly spool: Spool },
): void {
  const { metrics } = diagnostics;
  const role = "db";
  metrics.gauge("remoteler_sessions", "Database sessions open now.", () => [
    [{ role }, agent.health.sessions],
  ]);
  metrics.gauge("remoteler_tunnels", "Tunnels that are up.", () => [
    [{ role }, agent.health.tunnels],
  ]);
  metrics.gauge(
    "remoteler_database_healthy",
    "1 where the database answers with TLS as configured, 0 where not; absent until asked.",
    () =>
      agent.health.databases.flatMap(({ name, status }): readonly Reading[] =>
        status === "unknown" ? [] : [[{ db: name }, status === "healthy" ? 1 : 0]]
      ),
  );
  diagnostics.runs("db", () => ({
    problems: [
      ...(agent.health.tunnels > 0 ? [] : ["no tunnel to a proxy is up"]),
      ...(spool.fault === null ? [] : [`statements can't be recorded: ${spool.fault.shown}`]),
    ],
    degraded: [
      ...(cache.stale(0) ? [authAway] : []),
      ...agent.health.databases.flatMap(({ reason }) => reason === "" ? [] : [reason]),
    ],
  }));
}

export function observeProxy(diagnostics: Diagnostics, proxy: Proxy, cache: ResourceCache): void {
  const { metrics } = diagnostics;
  const role = "proxy";
  metrics.gauge("remoteler_sessions", "Database sessions open now.", () => [
    [{ role }, proxy.health.sessions],
  ]);
  metrics.gauge("remoteler_tunnels", "Tunnels that are up.", () => [
    [{ role }, proxy.health.agents],
  ]);
  metrics.gauge("remoteler_strangers", "Connections that have not said who they are.", () => [
    [{ role }, proxy.health.strangers],
  ]);
  metrics.gauge(
    "remoteler_database_agents",
    "Agents with a tunnel here that serve a database, by how they find it.",
    () =>
      proxy.health.databases.map(({ service, status, agents }) => [
        { db: service, status },
        agents,
      ]),
  );
  diagnostics.runs("proxy", () => ({
    problems: [],
    degraded: cache.stale(0) ? [authAway] : [],
  }));
}
