/** Certificates for one database: what a user carries to it, and what an agent shows to it. */
import { decide, deniedFault, type Grant, unknownDatabase } from "../access/mod.ts";
import type { CallOutput, CallRequest } from "../api/contract.ts";
import type { Database, Role } from "../api/resources.ts";
import type { Context } from "../api/server.ts";
import type { Verified } from "../ca/mod.ts";
import type { EpochMs } from "../core/clock.ts";
import type { HostIdentity, Route, UserIdentity } from "../core/identity.ts";
import type { Callers } from "./callers.ts";
import {
  decodeBase64,
  endOfLife,
  identityOf,
  issuedOf,
  refuseLocked,
  serialOf,
} from "./issuing.ts";
import { capped, type Core, denied, notFound, type Who, whoOf } from "./powers.ts";
import { hostRecordOf } from "./hosts.ts";
import { servedBy, servedDatabases } from "./presence.ts";

const databaseLifeMs = 3_600_000;

/** The call `certificates.route`: for the holder of a login, never longer than that. */
export async function routeCertificate(
  core: Core,
  callers: Callers,
  caller: { readonly identity: UserIdentity; readonly expires: EpochMs },
  input: CallRequest<"certificates.route">,
  context: Context,
): Promise<CallOutput<"certificates.route">> {
  const { service, db_user = null, db_name = null } = input;
  const who = whoOf(context.caller, context.remoteAddress);
  const user = await core.store.get("user", caller.identity.user);
  if (user === null) throw notFound("user", caller.identity.user);
  const identity = identityOf(core, user.resource, caller.identity);
  const roles = await callers.roles(identity.roles);
  await refuseLocked(core, callers, identity, who, { service });
  const database = await openDatabase(core, { identity, roles, service, db_user, db_name }, who);
  const { protocol } = database.spec;
  const route: Route = {
    service,
    protocol,
    ...(db_user === null ? {} : { user: db_user }),
    ...(db_name === null ? {} : { database: db_name }),
  };
  const signed = await core.authorities.signUser(decodeBase64(input.csr), {
    identity: { ...identity, route },
    expires: endOfLife(core, roles, undefined, caller.expires),
  });
  const issued = issuedOf(signed);
  await core.audit.report("cert.create", {
    ...who,
    cert_type: "route",
    serial: serialOf(signed),
    expires: issued.expires,
    db_service: service,
    ...(db_user === null ? {} : { db_user }),
    ...(db_name === null ? {} : { db_name }),
  });
  return { ...issued, protocol };
}

interface Wish {
  readonly identity: UserIdentity;
  readonly roles: readonly Role[];
  readonly service: string;
  readonly db_user: string | null;
  readonly db_name: string | null;
}

/**
 * The database, if some agent serves it in a form that the roles allow; otherwise it is refused.
 */
async function openDatabase(core: Core, wish: Wish, who: Who): Promise<Database> {
  const { service, identity, roles, db_user: user, db_name: name } = wish;
  const now = core.clock.now();
  let denial = unknownDatabase(service);
  const named = await servedDatabases(core, service);
  const online = named.filter((one) => one.online);
  for (const { database } of online.length > 0 ? online : named) {
    const decision = decide({ identity, roles, database, user, name, now });
    if (decision.allowed) return database;
    denial = decision;
  }
  await reject(core, who, wish, `access.no-${denial.missing}`, denial.message);
  throw deniedFault(denial);
}

/** Records that a session, or what would lead to one, was refused. */
export async function reject(
  core: Core,
  who: Who,
  wish: Pick<Wish, "service" | "db_user" | "db_name">,
  reason: string,
  message: string,
): Promise<void> {
  const { service, db_user, db_name } = wish;
  await core.audit.report("session.rejected", {
    ...who,
    reason,
    message: message.slice(0, 1024),
    db_service: service,
    ...(db_user === null ? {} : { db_user: db_user.slice(0, 255) }),
    ...(db_name === null ? {} : { db_name: db_name.slice(0, 255) }),
  });
}

/**
 * The call `certificates.database`: an agent asks with the chain of the user it acts for, and
 * everything is decided again. Never longer than the user's own certificate, one hour at most.
 */
export async function databaseCertificate(
  core: Core,
  callers: Callers,
  agent: HostIdentity,
  input: CallRequest<"certificates.database">,
): Promise<CallOutput<"certificates.database">> {
  await hostRecordOf(core, agent);
  const proven = await callers.user(input.user_chain.map(decodeBase64));
  const { identity, expires } = proven;
  const grant = await grantFor(core, callers, agent, proven, input);
  const signed = await core.authorities.signDatabaseClient(decodeBase64(input.csr), {
    databaseUser: input.db_user,
    expires: capped(grant.decidedAt + databaseLifeMs, expires),
  });
  const issued = issuedOf(signed);
  await core.audit.report("cert.create", {
    ...whoOf({ kind: "user", identity, expires }, ""),
    cert_type: "db_client",
    host: agent.host,
    serial: serialOf(signed),
    expires: issued.expires,
    db_service: input.service,
    db_user: input.db_user,
    db_name: input.db_name,
  });
  return issued;
}

async function grantFor(
  core: Core,
  callers: Callers,
  agent: HostIdentity,
  { identity, expires }: Verified<UserIdentity>,
  { service, db_user, db_name }: CallRequest<"certificates.database">,
): Promise<Grant> {
  const who = whoOf({ kind: "user", identity, expires }, "");
  const wish = { service, db_user, db_name };
  const { route } = identity;
  const onRoute = route !== undefined && route.service === service &&
    (route.user === undefined || route.user === db_user) &&
    (route.database === undefined || route.database === db_name);
  if (!onRoute) {
    await reject(core, who, wish, "auth.other-route", "the certificate is for another route");
    throw denied("auth.other-route", "the user's certificate is not for this database");
  }
  await refuseLocked(core, callers, identity, who, { service, hosts: [agent.host] });
  const database = await servedBy(core, agent.host, service);
  if (database === null) {
    await reject(core, who, wish, "auth.not-served", `agent ${agent.host} does not serve it`);
    throw denied("auth.not-served", "this agent does not serve this database");
  }
  const roles = await callers.roles(identity.roles);
  const now = core.clock.now();
  const decision = decide({ identity, roles, database, user: db_user, name: db_name, now });
  if (decision.allowed) return decision;
  await reject(core, who, wish, `access.no-${decision.missing}`, decision.message);
  throw deniedFault(decision);
}
