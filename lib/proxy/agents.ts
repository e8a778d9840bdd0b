/** The agents that have a tunnel to this proxy, and what their certificates let them serve. */
import { mayServe } from "../access/mod.ts";
import type { HostIdentity } from "../core/identity.ts";
import type { AgentHello, TunnelSession } from "../tunnel/mod.ts";

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

export class Agents {
  /** Whom to begin with among equals. */
  #turn = 0;
  /** Newest last: an agent that came back is asked before its old tunnel is found dead. */
  readonly #connected = new Set<ConnectedAgent>();

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

  /** Those to ask for a service, the least loaded first, equals in turn, each agent once. */
  serving(service: string, protocol: string): readonly ConnectedAgent[] {
    const byHost = new Map<string, ConnectedAgent>();
    for (const agent of this.#connected) {
      if (agent.session.draining || agent.services.get(service) !== protocol) continue;
      byHost.set(agent.identity.host, agent);
    }
    const found = [...byHost.values()];
    const first = found.length === 0 ? 0 : this.#turn++ % found.length;
    return [...found.slice(first), ...found.slice(0, first)]
      .sort((a, b) => a.session.openStreams - b.session.openStreams);
  }

  /** Tunnels of the agent with this number that take streams, the newest first. */
  numbered(number: number): readonly ConnectedAgent[] {
    const found = [...this.#connected].filter((agent) =>
      agent.number === number && !agent.session.draining
    );
    return found.reverse();
  }
}
