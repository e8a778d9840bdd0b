/** Who may have a database user's login tried, and the certificate for it. */
import { decide, deniedFault, unknownDatabase } from "../access/mod.ts";
import type { CallOutput, CallRequest } from "../api/contract.ts";
import type { EpochMs } from "../core/clock.ts";
import type { HostIdentity } from "../core/identity.ts";
import type { Callers } from "./callers.ts";
import { reject } from "./certificates.ts";
import { hostRecordOf } from "./hosts.ts";
import { decodeBase64, identityOf, issuedOf, refuseLocked, serialOf } from "./issuing.ts";
import { capped, type Core, denied, type Who, whoOf } from "./powers.ts";
import { servedBy } from "./presence.ts";
import { loginKey, noTrial, type StoredTrial, trialOf } from "./trial_store.ts";

/** Long enough for one login on a slow database. */
const certificateMs = 5 * 60_000;

/** The one who answers for a login, and until when. */
interface Allowed {
  readonly who: Who;
  readonly expires: EpochMs;
}

/**
 * The built-in admin may try any account; a user those that its roles would let it open a session
 * with, at this agent. Asked when the test is ordered, and again before anything is signed.
 */
export async function allowLogin(
  core: Core,
  callers: Callers,
  { order, asker }: StoredTrial,
  host: string,
): Promise<Allowed> {
  const { database: service, db_user, db_name } = order;
  if (asker === null) return { who: whoOf({ kind: "admin" }, ""), expires: Infinity };
  const user = await core.store.get("user", asker.user);
  if (user === null || user.resource.spec.disabled) throw notAnyMore();
  const identity = identityOf(core, user.resource, asker);
  if (identity.generation !== asker.generation) throw notAnyMore();
  const who = whoOf({ kind: "user", identity, expires: asker.expires }, "");
  if (db_user === null) return { who, expires: asker.expires };
  await refuseLocked(core, callers, identity, who, { service, hosts: [host] });
  const roles = await callers.roles(identity.roles);
  const database = await servedBy(core, host, service);
  const decision = database === null
    ? unknownDatabase(service)
    : decide({ identity, roles, database, user: db_user, name: db_name, now: core.clock.now() });
  if (decision.allowed) return { who, expires: asker.expires };
  const wish = { service, db_user, db_name };
  await reject(core, who, wish, `access.no-${decision.missing}`, decision.message);
  throw deniedFault(decision);
}

/** The call `certificates.trial`: for the database user of an order, at the agent that has it. */
export async function trialCertificate(
  core: Core,
  callers: Callers,
  agent: HostIdentity,
  { csr, id }: CallRequest<"certificates.trial">,
): Promise<CallOutput<"certificates.trial">> {
  await hostRecordOf(core, agent);
  const { host } = agent;
  const trial = await trialOf(core, host, id);
  const { order: { database, db_user, db_name } } = trial;
  if (db_user === null || await servedBy(core, host, database) === null) throw noTrial();
  const { who, expires } = await allowLogin(core, callers, trial, host);
  await spend(core, host, id);
  const signed = await core.authorities.signDatabaseClient(decodeBase64(csr), {
    databaseUser: db_user,
    expires: capped(core.clock.now() + certificateMs, expires),
  });
  const issued = issuedOf(signed);
  await core.audit.report("cert.create", {
    ...who,
    cert_type: "db_client",
    host,
    serial: serialOf(signed),
    expires: issued.expires,
    db_service: database,
    db_user,
    ...(db_name === null ? {} : { db_name }),
    test: id,
  });
  return issued;
}

/** A login is used once, whoever else asks at the same time. */
async function spend({ backend }: Core, host: string, id: string): Promise<void> {
  const key = loginKey(host, id);
  const entry = await backend.get(key);
  if (entry === null) throw noTrial();
  const checks = [{ key, revision: entry.revision }];
  const { ok } = await backend.commit({ checks, deletes: [key] });
  if (!ok) throw noTrial();
}

function notAnyMore() {
  return denied(
    "auth.asker-changed",
    "the user that asked for the test, or its roles, changed meanwhile",
    "log in again and repeat the test",
  );
}
