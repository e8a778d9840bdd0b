/** What a protocol's inspector has to know of a session beside its bytes. */
import type { Fault } from "../core/fault.ts";
import type { AskedCommand, CommandTerms } from "../wire/commands.ts";
import type { ConnectionNumber, LoggedIn, Refusal, SessionTerms } from "../wire/protocol.ts";
import { type Allowed, decideNow, type Grant, noLonger } from "./authorize.ts";
import type { Sessions } from "./sessions.ts";
import type { ClusterPowers } from "./standing.ts";

export type TermsPowers = ClusterPowers & { readonly sessions: Pick<Sessions, "connectionOf"> };

type May = Pick<SessionTerms, "localInfile" | "replication"> & Pick<Grant, "commands">;

/** What a session may ask, by the roles as they were heard of last. */
export class LiveTerms implements SessionTerms {
  readonly loggedIn: LoggedIn;
  readonly database: string;
  readonly commands: CommandTerms;
  readonly #grant: Grant;
  readonly #powers: TermsPowers;
  readonly #terms: Terms;
  #may: May;

  constructor(grant: Grant, loggedIn: LoggedIn, powers: TermsPowers) {
    const { localInfile, mayReplicate: replication, commands } = grant;
    this.loggedIn = loggedIn;
    this.database = grant.database;
    this.#grant = grant;
    this.#powers = powers;
    this.#may = { localInfile, replication, commands };
    this.#terms = new Terms(grant, powers, () => this.#may.commands());
    this.commands = this.#terms;
  }

  get localInfile(): boolean {
    return this.#may.localInfile;
  }

  get replication(): boolean {
    return this.#may.replication;
  }

  connectionOf(id: number): ConnectionNumber {
    return this.#powers.sessions.connectionOf(this.#grant.target, id);
  }

  /** Roles changed to this; why the session may not go on, or null where it may. */
  renew(allowed: Allowed): Fault | null {
    this.#may = allowed;
    return this.#terms.renew();
  }
}

/** Databases of one server are few. */
const enteredMax = 64;
const none: ReadonlySet<string> = new Set();

class Terms implements CommandTerms {
  readonly user: string;
  readonly values: boolean;
  readonly #grant: Grant;
  readonly #powers: ClusterPowers;
  readonly #commands: Grant["commands"];
  /** Other databases that the session was let into. */
  #entered: ReadonlySet<string> = none;
  #access: ReturnType<Grant["commands"]> | null = null;

  constructor(grant: Grant, powers: ClusterPowers, commands: Grant["commands"]) {
    this.user = grant.user;
    this.values = grant.recordValues;
    this.#grant = grant;
    this.#powers = powers;
    this.#commands = commands;
  }

  refusal(command: AskedCommand): Refusal | null {
    this.#access ??= this.#commands();
    const denial = this.#access.denial(command);
    if (denial !== null) return { kind: "denied", ...denial };
    for (const name of command.databases()) {
      const refusal = this.#databaseRefusal(name);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** A session may still be in any database that it was let into. */
  renew(): Fault | null {
    this.#access = null;
    for (const name of this.#entered) {
      const decision = decideNow(this.#powers, this.#grant, name);
      if (!decision.allowed) return noLonger(decision);
    }
    return null;
  }

  /** The roles say which databases of a server may be opened, whichever way. */
  #databaseRefusal(asked: string): Refusal | null {
    if (!/^\d{1,9}$/.test(asked)) return null;
    const name = String(Number(asked));
    if (name === this.#grant.database || this.#entered.has(name)) return null;
    const decision = decideNow(this.#powers, this.#grant, name);
    if (!decision.allowed) {
      return { kind: "denied", message: decision.shown, hint: decision.hint };
    }
    if (this.#entered.size >= enteredMax) return tooMany;
    this.#entered = new Set([...this.#entered, name]);
    return null;
  }
}

const tooMany: Refusal = {
  kind: "limit",
  message: `a session may enter ${enteredMax} databases of a server`,
  hint: "open another connection",
};
