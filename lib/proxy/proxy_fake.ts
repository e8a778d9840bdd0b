/** A whole proxy on a free port with a cluster of its own: real TLS, real tunnels, no Auth. */
import { RecordingLog } from "../../tests/fakes/log.ts";
import type { AuditEvent } from "../audit/catalog.ts";
import type { AuthClient } from "../api/contract.ts";
import type { ResourceCache, ResourceChange } from "../api/resource_cache.ts";
import type { Lock, Resource, ResourceKind, ResourceOf, User } from "../api/resources.ts";
import {
  type FakeAuthority,
  fakeAuthority,
  fakeCluster,
  fakeHost,
  fakeUser,
} from "../ca/ca_fake.ts";
import { generateKey, issueHost, issueUser } from "../ca/mod.ts";
import type { Clock } from "../core/clock.ts";
import type { HostIdentity, Route, UserIdentity } from "../core/identity.ts";
import { systemClock } from "../sys/clock.ts";
import { readText } from "../sys/files.ts";
import { watchFile } from "../sys/watch_file.ts";
import { sha1 } from "../sys/hash.ts";
import { serveHttp1 } from "../sys/http.ts";
import { systemRandom } from "../sys/random.ts";
import { connectTcp, listenTcp } from "../sys/tcp.ts";
import { connectTls, startTlsServer, TlsContext, type TlsStream } from "../sys/tls.ts";
import { dialTunnel, type TunnelSession, type TunnelStream } from "../tunnel/mod.ts";
import { protocols } from "../wire/mod.ts";
import { type Proxy, startProxy } from "./listen.ts";
import type { ProxyConfig, ProxySystem } from "./powers.ts";

export const hourMs = 3_600_000;

/** A certificate as a TLS client shows it. */
export interface FakePair {
  readonly chain: readonly Uint8Array[];
  readonly key: string;
}

export interface FakeCluster {
  readonly hostCa: FakeAuthority;
  readonly userCa: FakeAuthority;
  readonly cache: FakeCache;
}

export async function fakeClusterOf(cluster: string = fakeCluster): Promise<FakeCluster> {
  const life = { now: Date.now() - hourMs, expires: Date.now() + 100 * hourMs, cluster };
  const hostCa = await fakeAuthority("host", life);
  const userCa = await fakeAuthority("user", life);
  const cache = new FakeCache();
  for (const [type, { der }] of [["host", hostCa], ["user", userCa]] as const) {
    const spec = { type, trusted: [der.toBase64()] };
    cache.put({ kind: "cert_authority", version: "v1", metadata: named(type), spec });
  }
  cache.put(userResource("alice", 3));
  return { hostCa, userCa, cache };
}

export function userResource(name: string, generation: number): User {
  const spec = { roles: ["access"], traits: {}, disabled: false, generation };
  return { kind: "user", version: "v1", metadata: named(name), spec };
}

export function lockResource(target: Lock["spec"]["target"], message: string): Lock {
  return { kind: "lock", version: "v1", metadata: named("lock"), spec: { target, message } };
}

function named(name: string) {
  return { name, labels: {} };
}

export async function userPair(
  { issuer }: FakeAuthority,
  change: Partial<UserIdentity> = {},
  expires: number = Date.now() + hourMs,
  route: Route | null = { service: "pg-orders", protocol: "postgres" },
): Promise<FakePair> {
  const key = await generateKey();
  const { der } = await issueUser(issuer, {
    spki: key.spki,
    now: expires - 2 * hourMs,
    expires,
    random: systemRandom,
    identity: fakeUser({ ...(route === null ? {} : { route }), ...change }),
  });
  return { chain: [der], key: key.privatePem() };
}

export async function hostPair(
  { issuer }: FakeAuthority,
  change: Partial<HostIdentity> = {},
): Promise<FakePair> {
  const key = await generateKey();
  const { der } = await issueHost(issuer, {
    spki: key.spki,
    now: Date.now() - hourMs,
    expires: Date.now() + hourMs,
    random: systemRandom,
    identity: fakeHost(change),
    names: ["localhost", "127.0.0.1"],
  });
  return { chain: [der], key: key.privatePem() };
}

/** A cache that is told its resources by the test. */
export class FakeCache implements ResourceCache {
  readonly ready = Promise.resolve();
  readonly #known = new Map<string, Resource>();
  readonly #listeners = new Set<(change: ResourceChange) => void>();

  put(resource: Resource): void {
    const { kind, metadata: { name } } = resource;
    this.#known.set(`${kind}/${name}`, resource);
    for (const listener of this.#listeners) listener({ kind, name, resource });
  }

  get<K extends ResourceKind>(kind: K, name: string): ResourceOf<K> | null {
    return this.list(kind).find((resource) => resource.metadata.name === name) ?? null;
  }

  list<K extends ResourceKind>(kind: K): readonly ResourceOf<K>[] {
    return [...this.#known.values()].filter((one): one is ResourceOf<K> => one.kind === kind);
  }

  onChange(listener: (change: ResourceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stale(): boolean {
    return false;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface RunningFake {
  readonly proxy: Proxy;
  readonly cluster: FakeCluster;
  readonly events: AuditEvent[];
  readonly port: number;
}

export async function runProxy(
  cluster: FakeCluster,
  change: Partial<ProxyConfig> = {},
  system: Partial<ProxySystem> = {},
  clock: Clock = systemClock,
): Promise<RunningFake> {
  const events: AuditEvent[] = [];
  const host = "0a1b2c3d-0000-4000-8000-000000000001";
  const identity = fakeHost({ host, systemRoles: ["proxy"], services: [] });
  const auth: AuthClient = {
    call: <N>(name: N): Promise<never> => Promise.reject(new Error(`no Auth for ${name}`)),
    stream: () => {
      throw new Error("no Auth");
    },
  };
  const proxy = await startProxy({
    config: {
      listen: { host: "127.0.0.1", port: 0 },
      publicAddresses: [],
      natives: [],
      keyPairs: [],
      auth: { host: "127.0.0.1", port: 1 },
      hostname: "proxy.test",
      version: "1.2.3",
      drainMs: 5000,
      ...change,
    },
    identity,
    host: await hostPair(cluster.hostCa, identity),
    hostAuthority: cluster.hostCa.der,
    auth,
    cache: cluster.cache,
    protocols,
    system: {
      listenTcp,
      connectTcp,
      startTlsServer,
      serveHttp1,
      sha1,
      tlsContext: (keyPair) => new TlsContext(keyPair),
      readText,
      watchFile,
      ...system,
    },
    clock,
    random: systemRandom,
    log: new RecordingLog(),
    emit: (event) => events.push(event),
  });
  return { proxy, cluster, events, port: proxy.address.port };
}

/** TLS to the proxy as a client of some kind; the server's certificate is not checked. */
export function dial(
  port: number,
  pair: FakePair | null,
  alpn: readonly string[] = [],
): Promise<TlsStream> {
  return connectTls({ host: "127.0.0.1", port }, {
    serverName: "localhost",
    verify: () => null,
    ...(alpn.length === 0 ? {} : { alpn }),
    ...(pair === null ? {} : { keyPair: pair }),
  });
}

export interface FakeAgent {
  readonly session: TunnelSession;
  readonly opened: TunnelStream[];
}

/** An agent with a tunnel; its streams are the test's to answer. */
export async function connectAgent(
  port: number,
  pair: FakePair,
  options: {
    readonly host?: string;
    readonly number?: number;
    readonly services?: readonly string[];
    readonly protocol?: string;
    readonly onOpen?: (stream: TunnelStream) => void;
  } = {},
): Promise<FakeAgent> {
  const opened: TunnelStream[] = [];
  const stream = await dial(port, pair, ["remoteler-tunnel"]);
  const { session } = await dialTunnel(stream, {
    clock: systemClock,
    random: systemRandom,
    sha1,
    host: "localhost",
    hello: {
      v: 1,
      host: options.host ?? fakeHost().host,
      number: options.number ?? 7,
      version: "1.2.3",
      services: (options.services ?? ["pg-orders"]).map((name) => ({
        name,
        protocol: options.protocol ?? "postgres",
        labels: {},
      })),
    },
    onOpen: (one) => {
      opened.push(one);
      options.onOpen?.(one);
    },
  });
  return { session, opened };
}
