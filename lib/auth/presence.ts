/** Which services live: leases that heartbeats renew, and the databases that agents serve. */
import { mayServe } from "../access/mod.ts";
import type { CallOutput, CallRequest } from "../api/contract.ts";
import { type Agent, type Database, type DatabaseHealth, resources } from "../api/resources.ts";
import type { Backend, Entry, Key } from "../core/backend.ts";
import { rfc3339 } from "../core/clock.ts";
import type { HostIdentity } from "../core/identity.ts";
import { read, v } from "../schema/mod.ts";
import { Decoded } from "./decoded.ts";
import { hostRecordOf } from "./hosts.ts";
import { type Core, decodeJson, denied, encodeJson, invalid } from "./powers.ts";
import { putOf } from "./store.ts";

/** Seconds between heartbeats. */
const periodS = 15;
/** Three missed ones, and something for a slow network. */
const leaseMs = (3 * periodS + 5) * 1000;
/** Databases stay known for this long after their agent was last heard, to be shown as offline. */
const rememberedMs = 24 * 3_600_000;

const servedPrefix: Key = ["served"];
const served = v.strictObject({ databases: v.array(resources.db) });

/** A database that an agent serves, as it is kept. */
export interface KeptDatabase {
  readonly database: Database;
  readonly host: string;
  /** Protocol and labels as one text: those with the same one are alike to every role. */
  readonly kind: string;
}

/** What an agent serves, as it is kept. */
export function decodeServed(
  { key, value }: Pick<Entry, "key" | "value">,
): readonly KeptDatabase[] {
  const host = key[1] ?? "";
  return read(served, decodeJson(value), "served databases").databases.map((database) => ({
    database,
    host,
    kind: JSON.stringify([database.spec.protocol, database.metadata.labels]),
  }));
}

/** All that agents serve or served lately, by name; put in order where something changed. */
export class ServedList {
  readonly #decoded = new Decoded(servedPrefix, decodeServed);
  #parts: readonly (readonly KeptDatabase[])[] = [];
  #sorted: readonly KeptDatabase[] = [];

  async read(backend: Backend): Promise<readonly KeptDatabase[]> {
    const found = await this.#decoded.all(backend);
    const parts = found.map(({ decoded }) => decoded);
    const before = this.#parts;
    if (parts.length !== before.length || parts.some((part, at) => part !== before[at])) {
      this.#parts = parts;
      this.#sorted = parts.flat().sort((a, b) => nameOf(a) < nameOf(b) ? -1 : 1);
    }
    return this.#sorted;
  }
}

function nameOf({ database }: KeptDatabase): string {
  return database.metadata.name;
}

/** Where it is kept what an agent serves, also while it is away. */
export function servedKey(host: string): Key {
  return [...servedPrefix, host];
}

/** The call `agents.heartbeat`; refused whole where the certificate doesn't allow one database. */
export async function agentHeartbeat(
  core: Core,
  identity: HostIdentity,
  input: CallRequest<"agents.heartbeat">,
): Promise<CallOutput<"agents.heartbeat">> {
  const { host } = identity;
  const { number } = await hostRecordOf(core, identity);
  const { databases, hostname, version } = input;
  const names = databases.map(({ metadata: { name } }) => name);
  if (new Set(names).size < names.length) {
    throw invalid("auth.database-twice", "a database is listed twice in this heartbeat");
  }
  const forbidden = databases.filter(({ metadata }) => !mayServe(identity, metadata));
  if (forbidden.length > 0) await refuseServing(core, host, forbidden);
  const expires = rfc3339(core.clock.now() + leaseMs);
  const lease = putOf({
    kind: "agent",
    version: "v1",
    metadata: { name: host, labels: {}, expires },
    spec: { host, hostname, version, number, databases, health: ofThese(names, input.health) },
  });
  const memory = await memoryOf(core, host, databases);
  await core.backend.commit({ puts: [lease, ...memory], mayBeLost: memory.length === 0 });
  const proxies = (await core.store.specs("proxy")).map(({ host, public_addr }) => ({
    host,
    public_addr,
  }));
  return { proxies, period_s: periodS };
}

/** What was found of databases that are served, once each. */
function ofThese(
  names: readonly string[],
  health: Agent["spec"]["health"],
): Agent["spec"]["health"] {
  const left = new Set(names);
  return health.filter(({ name }) => left.delete(name));
}

async function refuseServing(
  core: Core,
  host: string,
  forbidden: readonly Database[],
): Promise<never> {
  const services = forbidden.map(({ metadata: { name } }) => name);
  await core.audit.report("agent.heartbeat.rejected", {
    host,
    services: services.slice(0, 4096),
  });
  throw denied(
    "auth.may-not-serve",
    `this agent's certificate does not allow it to serve ${services.slice(0, 10).join(", ")}`,
    "join again with a token whose --services name it",
  );
}

/** The write that keeps what is served known; nothing where it was written lately. */
async function memoryOf(core: Core, host: string, databases: readonly Database[]) {
  const key = servedKey(host);
  const value = encodeJson({ databases });
  const now = core.clock.now();
  const before = await core.backend.get(key);
  const fresh = before !== null && (before.expires ?? 0) > now + rememberedMs / 2 &&
    before.value.toBase64() === value.toBase64();
  return fresh ? [] : [{ key, value, expires: now + rememberedMs }];
}

/** The call `proxies.heartbeat`. */
export async function proxyHeartbeat(
  core: Core,
  identity: HostIdentity,
  input: CallRequest<"proxies.heartbeat">,
): Promise<CallOutput<"proxies.heartbeat">> {
  const { host } = identity;
  await hostRecordOf(core, identity);
  const expires = rfc3339(core.clock.now() + leaseMs);
  await core.backend.commit({
    puts: [putOf({
      kind: "proxy",
      version: "v1",
      metadata: { name: host, labels: {}, expires },
      spec: { host, ...input },
    })],
    mayBeLost: true,
  });
  return { period_s: periodS };
}

/** A database as one agent serves it. */
export interface ServedDatabase extends KeptDatabase {
  /** Whether its agent's lease is in force. */
  readonly online: boolean;
  /** As its agent found it; undefined where it said nothing, or is away. */
  readonly health: DatabaseHealth | undefined;
}

/** All databases that agents serve or served lately, by name; or those called `only`. */
export async function servedDatabases(
  core: Core,
  only: string | null = null,
): Promise<readonly ServedDatabase[]> {
  const online = new Map(
    (await core.store.specs("agent")).map((spec) => [spec.host, healthOf(spec)]),
  );
  const all = await core.served.read(core.backend);
  const wanted = only === null ? all : all.filter((one) => nameOf(one) === only);
  return wanted.map((one) => {
    const { database, host, kind } = one;
    const found = online.get(host);
    return { database, host, kind, online: found !== undefined, health: found?.get(nameOf(one)) };
  });
}

type Health = ReadonlyMap<string, DatabaseHealth>;

/** What an agent found, by database; the same lease gives the same. */
function healthOf(spec: Agent["spec"]): Health {
  const known = healths.get(spec);
  if (known !== undefined) return known;
  const made = new Map(spec.health.map((one) => [one.name, one]));
  healths.set(spec, made);
  return made;
}

const healths = new WeakMap<Agent["spec"], Health>();

/**
 * What this agent said last of a database it serves; null where it said nothing of it. Not its
 * lease: after a pause of Auth the leases are over, but what agents serve is as it was.
 */
export async function servedBy(
  core: Core,
  host: string,
  service: string,
): Promise<Database | null> {
  const entry = await core.backend.get(servedKey(host));
  if (entry === null) return null;
  return decodeServed(entry).find((one) => nameOf(one) === service)?.database ?? null;
}
