/** Who comes, and whether they may open this database as this user: the only way to a Grant. */
import {
  type AuditMode,
  type CommandAccess,
  decide,
  generationOf,
  lockOf,
  rolesOf,
  type SessionLimits,
  unknownDatabase,
} from "../access/mod.ts";
import { type Denial, deniedFault } from "../access/mod.ts";
import { type Verified, verifyIdentity } from "../ca/mod.ts";
import { Fault } from "../core/fault.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { EpochMs } from "../core/clock.ts";
import type { Startup } from "../wire/protocol.ts";
import { lockStalenessMs } from "./limits.ts";
import { authoritiesOf, type ClusterPowers, standingOf } from "./standing.ts";
import type { DatabaseTarget } from "./targets.ts";

/** Where the visit takes place. */
export interface Place {
  readonly cluster: string;
  /** Host ids that take part: this agent's and the proxy's. */
  readonly hosts: readonly string[];
}

export interface Claim {
  /** The client's chain, as the proxy forwarded it or as it was shown to this agent. */
  readonly chain: readonly Uint8Array[];
  readonly target: DatabaseTarget;
  /** The client's TLS ended here: no proxy could read it. */
  readonly endToEnd: boolean;
}

/** Only {@linkcode authorize} makes one, and only a Grant opens a database. */
export class Grant {
  readonly #made = true;
  readonly identity: UserIdentity;
  readonly chain: readonly Uint8Array[];
  readonly target: DatabaseTarget;
  readonly startup: Startup;
  /** The database account, and the database within the server. */
  readonly user: string;
  readonly database: string;
  readonly audit: AuditMode;
  /** As the roles were when the session began. */
  readonly limits: SessionLimits;
  /** When the user's certificate ends. */
  readonly expires: EpochMs;
  /** The startup asks for replication, and the roles allow it. */
  readonly replication: boolean;
  /** The roles let replication through, whether it is asked for at the start or later. */
  readonly mayReplicate: boolean;
  /** The database may ask the client for a file of its own. */
  readonly localInfile: boolean;
  /** No proxy can read what goes through. */
  readonly endToEnd: boolean;
  /** What may be asked, where the protocol has commands. */
  readonly commands: () => CommandAccess;
  /** Whether their values are recorded, or names and keys only. */
  readonly recordValues: boolean;

  /** @param seal what only this module has */
  constructor(seal: typeof grantSeal, init: Omit<Grant, "isGenuine">) {
    if (seal !== grantSeal) throw new Error("A grant is made by authorize only");
    this.identity = init.identity;
    this.chain = init.chain;
    this.target = init.target;
    this.startup = init.startup;
    this.user = init.user;
    this.database = init.database;
    this.audit = init.audit;
    this.limits = init.limits;
    this.expires = init.expires;
    this.replication = init.replication;
    this.mayReplicate = init.mayReplicate;
    this.localInfile = init.localInfile;
    this.endToEnd = init.endToEnd;
    this.commands = init.commands;
    this.recordValues = init.recordValues;
  }

  get isGenuine(): boolean {
    return this.#made;
  }
}

const grantSeal: unique symbol = Symbol("grant");

/**
 * Verifies the client's chain to the user CA: authority, validity, usages, cluster, locks,
 * generation, and that the certificate is for this service.
 */
export function identify(
  powers: ClusterPowers,
  place: Place,
  { chain, target }: Claim,
): Verified<UserIdentity> {
  const service = target.resource.metadata.name;
  const verified = verifyIdentity(chain, {
    expect: "user",
    cluster: place.cluster,
    now: powers.clock.now(),
    authorities: authoritiesOf(powers.cache),
    standing: standingOf(powers, { service, hosts: place.hosts }),
  });
  const { route } = verified.identity;
  if (route === undefined || route.service !== service) {
    throw refused("no-route", `your certificate is not for the database ${service}`, {
      hint: `get one with: tsh db login ${service}`,
    });
  }
  if (route.protocol !== target.protocol.name) {
    const shown = `your certificate is for the protocol ${route.protocol}, ` +
      `the database ${service} speaks ${target.protocol.name}`;
    throw refused("wrong-protocol", shown, { hint: `renew it with: tsh db login ${service}` });
  }
  return verified;
}

/** Decides over what the startup asks; throws a Fault that says what was missing. */
export function authorize(
  powers: ClusterPowers,
  { identity, expires }: Verified<UserIdentity>,
  asked: Claim & { readonly startup: Startup },
): Grant {
  const { target, startup, chain, endToEnd } = asked;
  const route = identity.route;
  const user = agreed("user", route?.user, startup.user) || (target.protocol.unnamed?.user ?? "");
  const otherwise = route?.database ?? usualDatabase(target, user);
  const database = agreed("database", route?.database, startup.database ?? otherwise) || otherwise;
  const decision = decideNow(powers, { identity, target, user }, database);
  if (!decision.allowed) throw deniedFault(decision);
  if (decision.options.requireEndToEnd && !endToEnd) throw readByProxy(target);
  if (decision.options.lock === "strict" && powers.cache.stale(lockStalenessMs)) {
    throw new Fault({
      kind: "unavailable",
      code: "db.locks-stale",
      message: "no word of locks from the Auth Service for too long",
      shown: "locks can't be checked at the moment, and your roles ask for that",
      hint: "try again when the Auth Service is back",
    });
  }
  if (startup.replication && !decision.replication) throw noReplication(target);
  const { audit, limits, recordValues } = decision.options;
  const { replication } = startup;
  const { localInfile, commands, replication: mayReplicate } = decision;
  const asWhom = { identity, chain, expires, user, database, endToEnd };
  const may = { limits, replication, mayReplicate, localInfile, commands };
  return new Grant(grantSeal, { ...asWhom, target, startup, audit, recordValues, ...may });
}

/** The database within the server that a session is in which names none; empty: in none. */
export function usualDatabase(
  { protocol }: Pick<DatabaseTarget, "protocol">,
  user: string,
): string {
  return protocol.unnamed?.database ?? (protocol.mayLackDatabase === true ? "" : user);
}

/** What is asked of the roles; null where a session is in no database. */
function nameOf({ protocol }: DatabaseTarget, database: string): string | null {
  return database === "" && protocol.mayLackDatabase === true ? null : database;
}

/**
 * Whether a live session may go on: roles, locks and generation of now. The end of a certificate
 * ends no session. What the roles allow it, or why it may not.
 */
export function reconsider(
  powers: ClusterPowers,
  place: Place,
  grant: Grant,
): Allowed | Fault {
  const { cache, clock } = powers;
  const { identity, target, replication, endToEnd } = grant;
  const service = target.resource.metadata.name;
  const locked = lockOf(
    cache.list("lock"),
    { identity, service, hosts: place.hosts },
    clock.now(),
  );
  if (locked !== null) return refused("locked", `access is locked: ${locked}`);
  if (generationOf(cache.get("user", identity.user)) !== identity.generation) {
    return refused("generation", "your user or its roles were changed", {
      hint: "log in again with: tsh login",
    });
  }
  const { missing } = rolesOf(identity.roles, cache.list("role"));
  const decision = missing.length > 0
    ? unknownDatabase(service)
    : decideNow(powers, grant, grant.database);
  if (!decision.allowed) return noLonger(decision);
  if (decision.options.requireEndToEnd && !endToEnd) return readByProxy(target);
  return replication && !decision.replication ? noReplication(target) : decision;
}

/** What the roles allow, once they allow it. */
export type Allowed = Extract<ReturnType<typeof decide>, { readonly allowed: true }>;

/** What the roles of now say to the user of a session in this database of its server. */
export function decideNow(
  { cache, clock }: ClusterPowers,
  { identity, target, user }: Pick<Grant, "identity" | "target" | "user">,
  database: string,
): ReturnType<typeof decide> {
  return decide({
    identity,
    roles: cache.list("role"),
    database: target.resource,
    user,
    name: nameOf(target, database),
    now: clock.now(),
  });
}

function noReplication({ resource: { metadata: { name } } }: DatabaseTarget): Fault {
  const message = `your roles don't allow replication from the database ${name}`;
  return new Fault({
    kind: "denied",
    code: "db.no-replication",
    message,
    shown: message,
    hint: "a role that allows the database needs the option allow_replication: true",
  });
}

function readByProxy({ resource: { metadata: { name } } }: DatabaseTarget): Fault {
  const message = `your roles want end to end encryption for the database ${name}, ` +
    "and this connection's TLS ended at the proxy";
  return new Fault({
    kind: "denied",
    code: "db.end-to-end-required",
    message,
    shown: message,
    hint: `connect with: tsh db connect ${name} --end-to-end, or for other programs: ` +
      `tsh proxy db ${name} --end-to-end`,
  });
}

/** A session may not go on, since its roles changed. */
export function noLonger(denial: Denial): Fault {
  return refused("no-longer", `your roles no longer allow this session: ${denial.shown}`, {
    hint: denial.hint,
  });
}

/**
 * What the certificate fixes can't be chosen anew by the startup, which need not repeat it where
 * the protocol has no place for it.
 */
function agreed(what: "user" | "database", routed: string | undefined, asked: string): string {
  if (routed === undefined || routed === "" || routed === asked) return asked;
  if (asked === "") return routed;
  const flag = what === "user" ? "--db-user" : "--db-name";
  throw new Fault({
    kind: "unauthenticated",
    code: "db.route-differs",
    message: `startup asks for another ${what} than the certificate's route`,
    shown: `your certificate is for the database ${what === "user" ? "user " : ""}` +
      `${JSON.stringify(routed)}, the connection asks for ${JSON.stringify(asked.slice(0, 128))}`,
    hint: `connect with what the certificate is for, or get another with: ` +
      `tsh db login ${flag}=${/^[\w.-]+$/.test(asked) ? asked : "..."} NAME`,
  });
}

function refused(
  what: "no-route" | "wrong-protocol" | "locked" | "generation" | "no-longer",
  shown: string,
  { hint }: { readonly hint?: string } = {},
): Fault {
  const kind = what === "no-route" || what === "wrong-protocol" ? "unauthenticated" : "denied";
  return new Fault({
    kind,
    code: `db.${what}`,
    message: shown,
    shown,
    ...(hint === undefined ? {} : { hint }),
  });
}
