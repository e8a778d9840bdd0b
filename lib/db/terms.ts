/** What a protocol's inspector has to know of a session beside its bytes. */
import { decide } from "../access/mod.ts";
import type { AskedCommand, CommandTerms } from "../wire/commands.ts";
import type { LoggedIn, Refusal, SessionTerms } from "../wire/protocol.ts";
import type { Grant } from "./authorize.ts";
import type { Sessions } from "./sessions.ts";
import type { ClusterPowers } from "./standing.ts";

export function termsOf(
  grant: Grant,
  loggedIn: LoggedIn,
  powers: ClusterPowers & { readonly sessions: Pick<Sessions, "connectionOf"> },
): SessionTerms {
  const { database, localInfile, mayReplicate, target } = grant;
  return {
    loggedIn,
    database,
    localInfile,
    replication: mayReplicate,
    connectionOf: (id) => powers.sessions.connectionOf(target, id),
    commands: new Terms(grant, powers),
  };
}

/** Databases of one server are few, and asked for again and again. */
const rememberedMax = 64;

class Terms implements CommandTerms {
  readonly user: string;
  readonly values: boolean;
  readonly #grant: Grant;
  readonly #powers: ClusterPowers;
  readonly #databases = new Map<string, Refusal | null>();
  #access: ReturnType<Grant["commands"]> | null = null;

  constructor(grant: Grant, powers: ClusterPowers) {
    this.user = grant.user;
    this.values = grant.recordValues;
    this.#grant = grant;
    this.#powers = powers;
  }

  refusal(command: AskedCommand): Refusal | null {
    this.#access ??= this.#grant.commands();
    const denial = this.#access.denial(command);
    if (denial !== null) return { kind: "denied", ...denial };
    for (const name of command.databases()) {
      const refusal = this.#databaseRefusal(name);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** The roles say which databases of a server may be opened, whichever way. */
  #databaseRefusal(name: string): Refusal | null {
    const { identity, target, user, database } = this.#grant;
    if (name === database || !/^\d{1,9}$/.test(name)) return null;
    const known = this.#databases.get(name);
    if (known !== undefined) return known;
    const { cache, clock } = this.#powers;
    const decision = decide({
      identity,
      roles: cache.list("role"),
      database: target.resource,
      user,
      name: String(Number(name)),
      now: clock.now(),
    });
    const refusal: Refusal | null = decision.allowed
      ? null
      : { kind: "denied", message: decision.shown, hint: decision.hint };
    if (this.#databases.size < rememberedMax) this.#databases.set(name, refusal);
    return refusal;
  }
}
