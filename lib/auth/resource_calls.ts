/** `resources.*`: one way to list, read, write and remove, with what each kind asks for beside. */
import { checkRole } from "../access/mod.ts";
import type { CallOutput, CallRequest } from "../api/contract.ts";
import type { Lock, Resource, ResourceKind } from "../api/resources.ts";
import type { Context } from "../api/server.ts";
import type { Key, Revision } from "../core/backend.ts";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { hostKeys } from "./hosts.ts";
import { tokenSecretKey } from "./joining.ts";
import { contended, type Core, invalid, nameOf, notFound, whoOf } from "./powers.ts";
import { servedDatabases, servedKey } from "./presence.ts";
import type { Stored, StoredKind } from "./store.ts";
import { alreadyThere, putUser, userKeys } from "./users.ts";

const maxRounds = 8;

/** The call `resources.list`. */
export async function listResources(
  core: Core,
  { kind }: CallRequest<"resources.list">,
): Promise<CallOutput<"resources.list">> {
  return { resources: [...await all(core, kind)] };
}

async function all(core: Core, kind: ResourceKind): Promise<readonly Resource[]> {
  if (kind === "cert_authority") return core.authorities.resources();
  if (kind !== "db") return await core.store.all(kind);
  const byName = new Map<string, Resource>();
  for (const { database, online } of await servedDatabases(core)) {
    const { name } = database.metadata;
    if (online || !byName.has(name)) byName.set(name, database);
  }
  return [...byName.values()];
}

/** The call `resources.get`. */
export async function getResource(
  core: Core,
  { kind, name }: CallRequest<"resources.get">,
): Promise<CallOutput<"resources.get">> {
  return { resource: await one(core, kind, name) };
}

async function one(core: Core, kind: ResourceKind, name: string): Promise<Resource> {
  const found = kind === "db" || kind === "cert_authority"
    ? (await all(core, kind)).find(({ metadata }) => metadata.name === name)
    : (await core.store.get(kind, name))?.resource;
  if (found === undefined) throw notFound(kind, name);
  return found;
}

/** The call `resources.put`, for the kinds that people write. */
export async function putResource(
  core: Core,
  { resource, replace }: CallRequest<"resources.put">,
  context: Context,
): Promise<CallOutput<"resources.put">> {
  const { name, revision, expires } = resource.metadata;
  if (expires !== undefined && Date.parse(expires) <= core.clock.now()) {
    throw invalid("auth.expired", "it would have expired before it is there");
  }
  for (let round = 0; round < maxRounds; round++) {
    const before = await put(core, resource, replace, context);
    if (before !== "raced") {
      await reportPut(core, resource, before, context);
      return { resource: await one(core, resource.kind, name) };
    }
    if (revision !== undefined) throw changedMeanwhile(resource.kind, name);
  }
  throw contended(`the ${resource.kind}`);
}

type Put = "created" | "replaced" | "raced";

async function put(
  core: Core,
  resource: Resource,
  replace: boolean,
  context: Context,
): Promise<Put> {
  if (resource.kind === "user") {
    const before = await standing(core, "user", resource, replace);
    return outcome(await putUser(core, resource, before), before);
  }
  if (resource.kind === "role") {
    checkRole(resource);
    const before = await standing(core, "role", resource, replace);
    return outcome(await core.store.put(resource, before?.revision ?? null), before);
  }
  if (resource.kind === "lock") {
    const before = await standing(core, "lock", resource, replace);
    const lock = madeLock(core, resource, context);
    return outcome(await core.store.put(lock, before?.revision ?? null), before);
  }
  throw notByHand(resource.kind);
}

function outcome(ok: boolean, before: unknown): Put {
  return !ok ? "raced" : before === null ? "created" : "replaced";
}

/** What is there now, if it may be replaced. @throws Fault `auth.exists`, `auth.changed` */
async function standing<K extends StoredKind>(
  core: Core,
  kind: K,
  { metadata: { name, revision } }: Resource,
  replace: boolean,
): Promise<Stored<K> | null> {
  const before = await core.store.get(kind, name);
  if (before !== null && !replace) throw alreadyThere(kind, name);
  if (revision !== undefined && revision !== String(before?.revision ?? "")) {
    throw changedMeanwhile(kind, name);
  }
  return before;
}

function madeLock(core: Core, lock: Lock, { caller }: Context): Lock {
  const { target } = lock.spec;
  const named = Object.values(target).filter((value) => value !== undefined);
  if (named.length === 0 || named.includes("")) {
    throw invalid(
      "auth.lock-without-target",
      "a lock says what it locks",
      "name a user, role, login, service or host",
    );
  }
  if (named.some((value) => value.length > 255)) {
    throw invalid("auth.bad-lock-target", "a lock's target has 255 letters at most");
  }
  const created_at = rfc3339(core.clock.now());
  return { ...lock, spec: { ...lock.spec, created_by: nameOf(caller), created_at } };
}

async function reportPut(
  core: Core,
  resource: Resource,
  outcome: Put,
  { caller, remoteAddress }: Context,
): Promise<void> {
  const { name, expires } = resource.metadata;
  const ends = expires === undefined ? {} : { expires };
  const changed = { ...whoOf(caller, remoteAddress), name, ...ends };
  if (resource.kind === "role") {
    await core.audit.report(outcome === "created" ? "role.created" : "role.updated", changed);
  } else if (resource.kind === "user") {
    const roles = resource.spec.roles.slice(0, 256);
    const event = outcome === "created" ? "user.create" : "user.update";
    await core.audit.report(event, { ...changed, roles });
  } else if (resource.kind === "lock") {
    const { target, message } = resource.spec;
    const words = message.slice(0, 1024);
    await core.audit.report("lock.created", { ...changed, target, message: words });
  }
}

/** The call `resources.remove`. */
export async function removeResource(
  core: Core,
  { kind, name }: CallRequest<"resources.remove">,
  context: Context,
): Promise<CallOutput<"resources.remove">> {
  if (kind === "db" || kind === "cert_authority") throw notByHand(kind);
  for (let round = 0; round < maxRounds; round++) {
    const stored = await core.store.get(kind, name);
    if (stored === null) throw notFound(kind, name);
    if (!await remove(core, kind, name, stored.revision)) continue;
    await reportRemove(core, kind, name, context);
    return {};
  }
  throw contended(`the ${kind}`);
}

async function remove(
  core: Core,
  kind: StoredKind,
  name: string,
  revision: Revision,
): Promise<boolean> {
  if (kind === "role") await refuseRoleInUse(core, name);
  return await core.store.remove(kind, name, revision, await alsoGone(core, kind, name));
}

/** What goes with a resource: a removed host renews and announces nothing any more. */
async function alsoGone(core: Core, kind: StoredKind, name: string): Promise<readonly Key[]> {
  if (kind === "user") return await userKeys(core, name);
  if (kind === "token") return [tokenSecretKey(name)];
  if (kind === "agent") return [...await hostKeys(core, name), servedKey(name)];
  return kind === "proxy" ? await hostKeys(core, name) : [];
}

async function refuseRoleInUse(core: Core, name: string): Promise<void> {
  const holders = (await core.store.all("user")).filter(({ spec }) => spec.roles.includes(name));
  if (holders.length === 0) return;
  const names = holders.slice(0, 5).map(({ metadata }) => metadata.name).join(", ");
  throw new Fault({
    kind: "conflict",
    code: "auth.role-in-use",
    message: `role ${name} is held by ${holders.length} users`,
    shown: `the role ${JSON.stringify(name)} is still held by ${names}`,
    hint: "take it from its users first",
  });
}

async function reportRemove(
  core: Core,
  kind: StoredKind,
  name: string,
  { caller, remoteAddress }: Context,
): Promise<void> {
  const changed = { ...whoOf(caller, remoteAddress), name };
  if (kind === "role") await core.audit.report("role.deleted", changed);
  if (kind === "user") await core.audit.report("user.delete", changed);
  if (kind === "lock") await core.audit.report("lock.deleted", changed);
  if (kind === "token") await core.audit.report("join_token.delete", changed);
}

function notByHand(kind: ResourceKind): Fault {
  const hints: Partial<Record<ResourceKind, string>> = {
    token: "make one with: remoteler tokens add",
    db: "databases are named in the configuration of a Database Service",
  };
  const hint = hints[kind] ?? `${kind} is kept by the services themselves`;
  return invalid("auth.not-by-hand", `a ${kind} is not written by hand`, hint);
}

function changedMeanwhile(kind: ResourceKind, name: string): Fault {
  return new Fault({
    kind: "conflict",
    code: "auth.changed",
    message: `${kind} ${name} is not at the given revision`,
    shown: `the ${kind} ${JSON.stringify(name)} was changed by somebody else meanwhile`,
    hint: "get it again and repeat your change",
  });
}
