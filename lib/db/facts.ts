/** What the databases of this agent say of themselves when they greet, to greet clients with. */
import type { ServerFacts } from "../wire/protocol.ts";
import { type ConnectPowers, probe } from "./connect.ts";
import type { DatabaseTarget } from "./targets.ts";

export class DatabaseFacts {
  readonly #powers: ConnectPowers;
  readonly #known = new Map<string, ServerFacts>();

  constructor(powers: ConnectPowers) {
    this.#powers = powers;
  }

  /** Something was heard of it: by a probe, a test or a login. */
  remember(database: string, facts: ServerFacts | null | undefined): void {
    if (facts !== null && facts !== undefined) this.#known.set(database, facts);
  }

  /** As it was heard last; asked now where nothing was. Throws what keeps it from that. */
  async of(target: DatabaseTarget, signal: AbortSignal): Promise<ServerFacts> {
    const { name } = target.resource.metadata;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const facts = await probe(target, this.#powers, signal);
    if (facts === null) throw new Error(`${target.protocol.name} has no greeting`);
    this.remember(name, facts);
    return facts;
  }
}
