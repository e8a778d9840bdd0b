/** An Auth Service over memory, with real certificates, for tests. */
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { authClient } from "../api/client.ts";
import type { ReceivedBatch } from "../audit/audit_log.ts";
import type { AuthClient, CallOutput } from "../api/contract.ts";
import { inProcess } from "../api/in_process.ts";
import type { Database, DatabaseHealth, Lock, Role } from "../api/resources.ts";
import type { EventFields, EventName } from "../audit/catalog.ts";
import { catalog } from "../audit/catalog.ts";
import { memoryBackend } from "../backend/mod.ts";
import { buildRequest, generateKey, parseCertificate } from "../ca/mod.ts";
import { type Argon2, passwords } from "../identity/local/password.ts";
import { read, v } from "../schema/mod.ts";
import type { Backend } from "../core/backend.ts";
import { type Auth, createAuth } from "./auth.ts";
import { type Authorities, openAuthorities } from "./authorities.ts";
import type { AuditRecorder } from "./powers.ts";

export const cluster = "example.test";
export const password = "correct horse battery";
/** One key for everybody: making keys is not what is tested. */
export const key = await generateKey();
export const csr = (await buildRequest(key)).toBase64();

/** Events as they were reported, each checked against its catalogue entry. */
export class RecordingAudit implements AuditRecorder {
  readonly events: { readonly name: EventName; readonly fields: Record<string, unknown> }[] = [];
  readonly appended: unknown[] = [];

  get end(): { readonly seq: number } {
    return { seq: this.events.length };
  }

  report<N extends EventName>(name: N, fields: EventFields<N>): Promise<void> {
    const schema = v.strictObject({ ...catalog[name].fields });
    this.events.push({ name, fields: read(schema, fields, name) });
    return Promise.resolve();
  }

  append(sender: unknown, batch: ReceivedBatch): Promise<{ readonly high: number }> {
    this.appended.push({ sender, ...batch });
    return Promise.resolve({ high: batch.first + batch.events.length - 1 });
  }

  head(): Promise<string | null> {
    return Promise.resolve("head");
  }

  /** Names since the last time. */
  take(): readonly string[] {
    return this.events.splice(0).map(({ name, fields }) =>
      fields.success === false ? `${name} failed` : name
    );
  }
}

/** Quick, and different for each password and salt. */
class QuickArgon2 implements Argon2 {
  derived = 0;

  async derive({ password, salt, length }: Parameters<Argon2["derive"]>[0]): Promise<Uint8Array> {
    this.derived++;
    const bytes = new TextEncoder().encode(`${salt.toHex()} ${password}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return digest.subarray(0, length);
  }
}

export interface Site {
  readonly clock: SteppingClock;
  readonly backend: Backend;
  readonly authorities: Authorities;
  readonly audit: RecordingAudit;
  readonly argon2: QuickArgon2;
  readonly log: RecordingLog;
  readonly auth: Auth;
  /** Calls with this certificate. */
  as(chain: readonly string[]): AuthClient;
  readonly admin: AuthClient;
  readonly nobody: AuthClient;
  close(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const clock = new SteppingClock();
  const random = new SeededRandom(7);
  const backend = memoryBackend(clock);
  const authorities = await openAuthorities({ backend, cluster, clock, random });
  const audit = new RecordingAudit();
  const argon2 = new QuickArgon2();
  const log = new RecordingLog();
  const auth = await createAuth({
    backend,
    authorities,
    audit,
    events: {
      search: () => Promise.resolve({ events: [], cursor: null }),
      async *tail() {
        yield '{"event":"user.login"}';
      },
    },
    passwords: passwords(argon2, random),
    clock,
    random,
    log,
    cluster,
    host: "auth-1",
    version: "0.0.0",
  });
  const as = (chain: readonly string[]): AuthClient =>
    authClient(inProcess(auth.serve, chain.map((der) => Uint8Array.fromBase64(der))), clock);
  return {
    ...{ clock, backend, authorities, audit, argon2, log, auth, as },
    admin: auth.admin,
    nobody: as([]),
    close: () => backend.close(),
  };
}

/** A user who accepted the invite. */
export async function addUser(
  site: Site,
  name: string,
  roles: readonly string[],
  traits: Record<string, string[]> = {},
): Promise<void> {
  const { invite_token } = await site.admin.call("users.create", {
    name,
    roles: [...roles],
    traits,
  });
  const proxy = await addHost(site, "proxy");
  const client_address = "192.0.2.7:4711";
  await proxy.client.call("invites.accept", { token: invite_token, password, client_address });
}

export interface Host {
  readonly client: AuthClient;
  readonly joined: CallOutput<"join">;
}

export async function addHost(
  site: Site,
  role: "proxy" | "db",
  services: readonly string[] = ["*"],
): Promise<Host> {
  const { token } = await site.admin.call("tokens.create", {
    system_roles: [role],
    services: [...services],
  });
  const joined = await site.nobody.call("join", {
    token,
    csr,
    hostname: role,
    system_roles: [role],
  });
  return { joined, client: site.as(joined.chain) };
}

export async function logIn(
  site: Site,
  user: string,
  ttl_s?: number,
): Promise<CallOutput<"login.password">> {
  const proxy = await addHost(site, "proxy");
  return await proxy.client.call("login.password", {
    ...{ user, password, csr, client_address: "192.0.2.7:4711" },
    ...(ttl_s === undefined ? {} : { ttl_s }),
  });
}

export function database(name: string, labels: Record<string, string> = {}): Database {
  return {
    kind: "db",
    version: "v1",
    metadata: { name, labels },
    spec: { protocol: "postgres", uri: "db.internal:5432", description: "" },
  };
}

export function lock(
  name: string,
  target: Lock["spec"]["target"],
  { message = "", expires }: { readonly message?: string; readonly expires?: string } = {},
): Lock {
  const metadata = { name, labels: {}, ...(expires === undefined ? {} : { expires }) };
  return { kind: "lock", version: "v1", metadata, spec: { target, message } };
}

export function role(name: string, spec: Partial<Role["spec"]>): Role {
  return {
    kind: "role",
    version: "v1",
    metadata: { name, labels: {} },
    spec: { allow: {}, deny: {}, options: {}, ...spec },
  };
}

/** An agent that has told what it serves. */
export async function addAgent(site: Site, ...databases: readonly Database[]): Promise<Host> {
  const agent = await addHost(site, "db");
  await heartbeat(agent, ...databases);
  return agent;
}

export function heartbeat(
  host: Host,
  ...databases: readonly Database[]
): Promise<CallOutput<"agents.heartbeat">> {
  return finding(host, {}, ...databases);
}

type Status = DatabaseHealth["status"];

/** A heartbeat that says how the databases are, by name. */
export function finding(
  { client }: Host,
  found: Readonly<Record<string, Status>>,
  ...databases: readonly Database[]
): Promise<CallOutput<"agents.heartbeat">> {
  const since = "2026-01-02T03:04:05.000Z";
  const health = Object.entries(found).map(([name, status]) => ({ name, status, since }));
  return client.call("agents.heartbeat", {
    hostname: "agent",
    version: "0.0.0",
    databases: [...databases],
    health,
  });
}

/** When the certificate ends, ms since the epoch. */
export function endOf(chain: readonly string[]): number {
  return parseCertificate(Uint8Array.fromBase64(chain[0] ?? "")).notAfter;
}
