/**
 * A place for visits in tests: a proxy's stream in front, a database behind, and all powers faked.
 */
import { FakePostgres } from "./postgres_fake.ts";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { pipe, type PipeEnd, type PipeOptions, Recorder } from "../../tests/fakes/pipe.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import type { ResourceCache, ResourceChange } from "../api/resource_cache.ts";
import type { Lock, Resource, ResourceKind, ResourceOf, Role, User } from "../api/resources.ts";
import type { AuditEvent, QueryEvent } from "../audit/catalog.ts";
import type { AuditMode, Spool, SpoolHealth } from "../audit/spool.ts";
import {
  fakeAuthority,
  fakeCluster,
  fakeNow,
  fakeUser,
  fakeUserCertificate,
} from "../ca/ca_fake.ts";
import { issueDatabaseClient } from "../ca/issue.ts";
import { generateKey, parseRequest } from "../ca/mod.ts";
import type { Fault } from "../core/fault.ts";
import { sha256Stream } from "../sys/hash.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { StreamReader } from "../core/stream.ts";
import { resetFault } from "../tunnel/reset.ts";
import type { OpenHeader, ResetCode, TunnelStream } from "../tunnel/mod.ts";
import type { StreamState } from "../tunnel/contract.ts";
import { postgres } from "../wire/postgres/mod.ts";
import type { AuthClient, CallInput, CallName, CallOutput } from "../api/contract.ts";
import type { DatabaseSocket } from "./connect.ts";
import { DatabaseCertificates } from "./credentials/x509.ts";
import { Sessions } from "./sessions.ts";
import { StrangerEvents } from "./stranger_events.ts";
import { type DatabaseTarget, readTargets } from "./targets.ts";
import { DatabaseFacts } from "./facts.ts";
import { UserCounts } from "./user_counts.ts";
import type { VisitPowers } from "./visit.ts";

/** A tunnel stream over a pipe; ACCEPT and RESET are remembered. */
export class FakeTunnelStream implements TunnelStream {
  readonly id = 1;
  readonly header = new Uint8Array(0);
  readonly hasReceived = true;
  readonly accepted = Promise.resolve();
  state: StreamState = "opening";
  resetWith: { readonly code: ResetCode; readonly message: string } | null = null;
  readonly #end: PipeEnd;

  constructor(end: PipeEnd) {
    this.#end = end;
  }

  get remoteAddress(): string {
    return this.#end.remoteAddress;
  }

  get queuedBytes(): number {
    return this.#end.queuedBytes;
  }

  get paused(): boolean {
    return this.#end.paused;
  }

  accept(): void {
    this.state = "accepted";
  }

  reset(code: ResetCode, words: string): void {
    this.resetWith = { code, message: words };
    this.state = "closed";
    this.#end.abort(resetFault(code, words));
  }

  attach(reader: StreamReader): void {
    this.#end.attach(reader);
  }

  pause(): void {
    this.#end.pause();
  }

  resume(): void {
    this.#end.resume();
  }

  write(bytes: Uint8Array): boolean {
    return this.#end.write(bytes);
  }

  end(): void {
    this.#end.end();
  }

  abort(reason?: Fault): void {
    this.#end.abort(reason);
  }
}

/** Remembers events in order, as `intent`, `result` or `event`; safe when the test says so. */
export class FakeSpool implements Spool {
  readonly log: {
    readonly kind: "event" | "intent" | "part" | "result";
    readonly event: AuditEvent;
  }[] = [];
  fault: Fault | null = null;
  /** Settles wait for `settleAll` where true. */
  isSlow = false;
  /** What asks for room waits for `giveRoom` where true. */
  isCrowded = false;
  #roomless: (() => void)[] = [];
  /** How safe each settle was asked to be. */
  readonly modes: AuditMode[] = [];
  #waiting: ((fault: Fault | null) => void)[] = [];

  event(event: AuditEvent): void {
    this.log.push({ kind: "event", event });
  }

  intent(event: QueryEvent): void {
    this.log.push({ kind: "intent", event });
  }

  streamed(parts: readonly QueryEvent[], intent: QueryEvent): void {
    for (const event of parts) this.log.push({ kind: "part", event });
    this.log.push({ kind: "intent", event: intent });
  }

  result(event: QueryEvent): void {
    this.log.push({ kind: "result", event });
  }

  settle(mode: AuditMode, done: (fault: Fault | null) => void): void {
    this.modes.push(mode);
    if (this.isSlow) this.#waiting.push(done);
    else queueMicrotask(() => done(this.fault));
  }

  room(done: () => void): void {
    if (this.isCrowded) this.#roomless.push(done);
    else queueMicrotask(done);
  }

  /** There is room for what waited. */
  giveRoom(): void {
    const waiting = this.#roomless;
    this.#roomless = [];
    for (const done of waiting) done();
  }

  settleAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done(this.fault);
  }

  get health(): SpoolHealth {
    return {
      full: this.fault !== null,
      bytes: 0,
      limitBytes: 1,
      segments: 1,
      openIntents: 0,
      unshipped: 0,
      lost: 0,
    };
  }

  /** `kind event-or-text` of all, for comparing. */
  get lines(): readonly string[] {
    return this.log.map(({ kind, event }) =>
      event.event === "db.session.query"
        ? `${kind} ${event.outcome} ${event.db_query}`
        : `${kind} ${event.event}${"success" in event ? ` ${event.success}` : ""}`
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class FakeCache implements ResourceCache {
  readonly ready = Promise.resolve();
  isStale = false;
  readonly #known = new Map<string, Resource>();
  readonly #listeners = new Set<(change: ResourceChange) => void>();

  put(resource: Resource): void {
    const { kind, metadata: { name } } = resource;
    this.#known.set(`${kind}/${name}`, resource);
    for (const listener of this.#listeners) listener({ kind, name, resource });
  }

  remove(kind: ResourceKind, name: string): void {
    this.#known.delete(`${kind}/${name}`);
    for (const listener of this.#listeners) listener({ kind, name, resource: null });
  }

  get<K extends ResourceKind>(kind: K, name: string): ResourceOf<K> | null {
    return this.list(kind).find(({ metadata }) => metadata.name === name) ?? null;
  }

  list<K extends ResourceKind>(kind: K): readonly ResourceOf<K>[] {
    const isKind = (one: Resource): one is ResourceOf<K> => one.kind === kind;
    return [...this.#known.values()].filter(isKind);
  }

  onChange(listener: (change: ResourceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stale(): boolean {
    return this.isStale;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface FakeSite {
  readonly clock: SteppingClock;
  readonly cache: FakeCache;
  readonly spool: FakeSpool;
  readonly log: RecordingLog;
  readonly powers: VisitPowers;
  readonly target: DatabaseTarget;
  readonly servers: FakePostgres[];
  /** Where each of them was looked for. */
  readonly dialled: string[];
  readonly stop: AbortController;
  /** The key of every certificate in `arrive`, PKCS#8 in PEM. */
  readonly userKey: string;
  /** What visits said of the database, `name true` or `name false`. */
  readonly noticed: string[];
  /** Auth as the agent calls it. */
  readonly call: AuthClient["call"];
  /** Counts and answers calls to Auth; `authIsDown` makes them fail. */
  readonly auth: { calls: number; down: Fault | null };
  /** Makes connecting fail. */
  readonly database: { down: Fault | null; prepare: (server: FakePostgres) => void };
  /** A client's stream, with what the client received. */
  arrive(options?: {
    readonly identity?: UserIdentity;
    readonly pipe?: PipeOptions;
  }): Promise<FakeVisitor>;
}

export interface FakeVisitor {
  readonly stream: FakeTunnelStream;
  readonly header: OpenHeader;
  /** The client's end. */
  readonly client: PipeEnd;
  readonly received: Recorder;
}

export const fakeRole: Role = {
  kind: "role",
  version: "v1",
  metadata: { name: "access", labels: {} },
  spec: {
    allow: { db_labels: { "*": "*" }, db_users: ["app"], db_names: ["shop"] },
    deny: {},
    options: {},
  },
};

export const fakeUserResource: User = {
  kind: "user",
  version: "v1",
  metadata: { name: "alice", labels: {} },
  spec: { roles: ["access"], traits: {}, disabled: false, generation: 3 },
};

export function fakeLock(target: Lock["spec"]["target"]): Lock {
  return {
    kind: "lock",
    version: "v1",
    metadata: { name: "lock-1", labels: {} },
    spec: { target, message: "on leave" },
  };
}

export const fakeRoute = { service: "shop", protocol: "postgres" } as const;
export const agentHost = "5e0f3c1e-97a7-4b7c-a9d4-7a3b8d2c6f10";

/** One agent with the database `shop`, which alice may open as `app`. */
export async function fakeSite(): Promise<FakeSite> {
  const clock = new SteppingClock(fakeNow);
  const users = await fakeAuthority("user");
  const clients = await fakeAuthority("db_client");
  const key = await generateKey();
  const cache = new FakeCache();
  for (const [type, { der }] of [["user", users], ["db_client", clients]] as const) {
    cache.put({
      kind: "cert_authority",
      version: "v1",
      metadata: { name: type, labels: {} },
      spec: { type, trusted: [der.toBase64()] },
    });
  }
  cache.put(fakeRole);
  cache.put(fakeUserResource);
  const spool = new FakeSpool();
  const log = new RecordingLog();
  const servers: FakePostgres[] = [];
  const dialled: string[] = [];
  const stop = new AbortController();
  const noticed: string[] = [];
  const auth: FakeSite["auth"] = { calls: 0, down: null };
  const database: FakeSite["database"] = { down: null, prepare: () => {} };
  const random = new SeededRandom(5);
  const config = { name: "shop", protocol: "postgres", uri: "db.internal:5432" };
  const target = readTargets([config], [postgres]).get("shop");
  if (target === undefined) throw new Error("no target");
  const call = async <N extends CallName>(
    name: N,
    input: CallInput<N>,
  ): Promise<CallOutput<N>> => {
    auth.calls += 1;
    if (auth.down !== null) throw auth.down;
    if (name !== "certificates.database" || !("csr" in input)) throw new Error(name);
    const { spki } = await parseRequest(Uint8Array.fromBase64(String(input.csr)));
    const order = { spki, now: clock.now(), expires: clock.now() + 3_600_000, random };
    const ordered = { ...order, databaseUser: "app" };
    const { der, expires } = await issueDatabaseClient(clients.issuer, ordered);
    const answer: unknown = {
      chain: [der.toBase64()],
      expires: new Date(expires).toISOString(),
    };
    return answer as CallOutput<N>;
  };
  const connectDatabase = (
    { host, port }: { readonly host: string; readonly port: number },
  ): Promise<DatabaseSocket> => {
    dialled.push(`${host}:${port}`);
    if (database.down !== null) return Promise.reject(database.down);
    const [near, far] = pipe({ addresses: ["192.0.2.50:40000", "192.0.2.51:5432"] });
    const server = new FakePostgres(far);
    database.prepare(server);
    servers.push(server);
    return Promise.resolve({ stream: near, startTls: () => Promise.resolve(near) });
  };
  const authClient: Pick<AuthClient, "call"> = { call };
  const powers: VisitPowers = {
    clock,
    random,
    textHash: sha256Stream,
    log,
    spool,
    cache,
    cluster: fakeCluster,
    host: agentHost,
    signal: stop.signal,
    sessions: new Sessions(513, random),
    users: new UserCounts(clock),
    strangers: new StrangerEvents(clock),
    certificates: new DatabaseCertificates({ auth: authClient, clock }),
    proxyAddress: () => null,
    facts: new DatabaseFacts({ cache, clock, random, connectDatabase }),
    noticed: (name, reached) => noticed.push(`${name} ${reached}`),
    connectDatabase,
  };
  const arrive: FakeSite["arrive"] = async (options = {}) => {
    const identity = options.identity ?? fakeUser({ route: fakeRoute });
    const { der } = await fakeUserCertificate(users, key, identity);
    const [client, end] = pipe(options.pipe);
    const received = new Recorder();
    client.attach(received);
    return {
      stream: new FakeTunnelStream(end),
      client,
      received,
      header: {
        v: 1,
        kind: "db",
        service: "shop",
        chain: [der],
        clientAddress: "203.0.113.9:50123",
        proxy: "proxy-1",
        trace: "trace-1",
      },
    };
  };
  const parts = { clock, cache, spool, log, powers, target, servers, stop, noticed, dialled };
  return { ...parts, call, auth, database, userKey: key.privatePem(), arrive };
}
