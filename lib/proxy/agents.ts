/** The agents that have a tunnel to this proxy, and what their certificates let them serve. */
import { mayServe } from "../access/mod.ts";
import { healthRanks } from "../api/health.ts";
import type { ResourceCache } from "../api/resource_cache.ts";
import type { DatabaseHealth } from "../api/resources.ts";
import type { HostIdentity } from "../core/identity.ts";
import type { AgentHello, TunnelSession } from "../tunnel/mod.ts";
import { healthStaleMs } from "./limits.ts";

export interface ConnectedAgent {
  readonly identity: HostIdentity;
  readonly chain: readonly Uint8Array[];
  readonly session: TunnelSession;
  /** Upper half of the process ids in the cancel keys that it gives out. */
  readonly number: number;
  /** Protocol by name of each service that it offers and may serve. */
  readonly services: ReadonlyMap<string, string>;
  /** Services that it offers and may not. */
  readonly refused: readonly string[];
}

/** What an agent says of itself, held against its certificate. */
export function agentOf(
  identity: HostIdentity,
  chain: readonly Uint8Array[],
  session: TunnelSession,
  hello: AgentHello,
): ConnectedAgent {
  const services = new Map<string, string>();
  const refused: string[] = [];
  for (const { name, protocol, labels } of hello.services) {
    if (mayServe(identity, { name, labels })) services.set(name, protocol);
    else refused.push(name);
  }
  return { identity, chain, session, number: hello.number, services, refused };
}

type Status = DatabaseHealth["status"];

/** What an agent's heartbeats say of a database that it serves. */
export type HealthOf = (host: string, service: string) => Status;

/** As Auth was last heard to say it; nothing is known once that is too long ago. */
export function healthIn(cache: Pick<ResourceCache, "get" | "stale">): HealthOf {
  return (host, service) => {
    if (cache.stale(healthStaleMs)) return "unknown";
    const said = cache.get("agent", host)?.spec.health.find(({ name }) => name === service);
    return said?.status ?? "unknown";
  };
}

/** How many agents here serve a database and say this of it. */
export interface ServingAgents {
  readonly service: string;
  readonly status: Status;
  readonly agents: number;
}

export class Agents {
  readonly #healthOf: HealthOf;
  /** Whom to begin with among equals. */
  #turn = 0;
  /** Newest last: an agent that came back is asked before its old tunnel is found dead. */
  readonly #connected = new Set<ConnectedAgent>();

  constructor(healthOf: HealthOf) {
    this.#healthOf = healthOf;
  }

  add(agent: ConnectedAgent): void {
    this.#connected.add(agent);
  }

  remove(agent: ConnectedAgent): void {
    this.#connected.delete(agent);
  }

  [Symbol.iterator](): Iterator<ConnectedAgent> {
    return [...this.#connected][Symbol.iterator]();
  }

  get count(): number {
    return this.#connected.size;
  }

  /**
   * Those to ask for a service, each agent once: where the database is found healthy first, then
   * where nothing is known, then the rest; of these the least loaded first, equals in turn. Health
   * is advice: an agent that finds its database unhealthy is asked last, but asked.
   */
  serving(service: string, protocol: string): readonly ConnectedAgent[] {
    const byHost = new Map<string, ConnectedAgent>();
    for (const agent of this.#connected) {
      if (agent.session.draining || agent.services.get(service) !== protocol) continue;
      byHost.set(agent.identity.host, agent);
    }
    const found = [...byHost.values()].map((agent) => ({
      agent,
      rank: healthRanks[this.#healthOf(agent.identity.host, service)],
      load: agent.session.openStreams,
    }));
    const first = found.length === 0 ? 0 : this.#turn++ % found.length;
    return [...found.slice(first), ...found.slice(0, first)]
      .sort((a, b) => a.rank - b.rank || a.load - b.load)
      .map(({ agent }) => agent);
  }

  /** For metrics: how many agents take sessions for each service here; none healthy is told too. */
  get standing(): readonly ServingAgents[] {
    const hosts = new Map<string, Set<string>>();
    for (const { identity: { host }, session, services } of this.#connected) {
      if (session.draining) continue;
      for (const service of services.keys()) {
        hosts.set(service, (hosts.get(service) ?? new Set()).add(host));
      }
    }
    return [...hosts].flatMap(([service, all]) => {
      const said = [...all].map((host) => this.#healthOf(host, service));
      return statuses.map((status) => ({
        service,
        status,
        agents: said.filter((one) => one === status).length,
      })).filter(({ status, agents }) => agents > 0 || status === "healthy");
    });
  }

  /** Tunnels of the agent with this number that take streams, the newest first. */
  numbered(number: number): readonly ConnectedAgent[] {
    const found = [...this.#connected].filter((agent) =>
      agent.number === number && !agent.session.draining
    );
    return found.reverse();
  }
}

const statuses = ["healthy", "unknown", "unhealthy"] as const satisfies readonly Status[];
