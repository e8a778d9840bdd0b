/** The tunnels to all proxies: the configured one, and those that heartbeats tell of. */
import { verifyIdentity } from "../ca/mod.ts";
import { Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import type { ByteStream } from "../core/stream.ts";
import type { ClientTlsOptions, KeyPair } from "../sys/tls.ts";
import {
  type AgentHello,
  dialTunnel,
  keepTunnel,
  type ProxyHello,
  type Tunnel,
  type TunnelStream,
} from "../tunnel/mod.ts";
import { authoritiesOf, type ClusterPowers, standingOf } from "./standing.ts";

/**
 * Who this agent is, as its host certificate says; read anew for each connection, since it is
 * renewed.
 */
export interface HostMaterial {
  readonly cluster: string;
  readonly host: string;
  /** 1 to 32767, given at join. */
  readonly number: number;
  readonly keyPair: KeyPair;
  /** Host CAs (DER) as known from joining, until the cache has them. */
  readonly hostAuthorities: readonly Uint8Array[];
}

export interface TunnelPowers extends ClusterPowers {
  readonly identity: () => HostMaterial;
  readonly random: Random;
  readonly log: Log;
  /** TCP and TLS, with ALPN and this host's certificate. */
  readonly connectTls: (
    to: { readonly host: string; readonly port: number },
    options: ClientTlsOptions & { readonly timeoutMs?: number },
  ) => Promise<ByteStream>;
}

/** A proxy as a heartbeat tells of it. */
export interface KnownProxy {
  readonly host: string;
  readonly public_addr: string;
}

interface Kept {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  up: Tunnel<ProxyHello> | null;
}

const connectMs = 4_000;

export class ProxyTunnels {
  readonly #powers: TunnelPowers;
  readonly #hello: () => AgentHello;
  readonly #onOpen: (stream: TunnelStream) => void;
  /** Kept whatever heartbeats say; null where the agent goes straight to Auth. */
  readonly #configured: string | null;
  readonly #kept = new Map<string, Kept>();
  #wanted: readonly string[] = [];
  #draining = false;

  constructor(
    powers: TunnelPowers,
    init: {
      readonly configured: string | null;
      readonly hello: () => AgentHello;
      readonly onOpen: (stream: TunnelStream) => void;
    },
  ) {
    this.#powers = powers;
    this.#hello = init.hello;
    this.#onOpen = init.onOpen;
    this.#configured = init.configured;
    this.want([]);
  }

  /** Tunnels that carry streams now. */
  get up(): number {
    let count = 0;
    for (const { up } of this.#kept.values()) if (up !== null) count += 1;
    return count;
  }

  /** The address that this proxy is reached at; null where there is no tunnel to it now. */
  addressOf(host: string): string | null {
    for (const [address, { up }] of this.#kept) if (up?.hello.host === host) return address;
    return null;
  }

  /**
   * Keeps a tunnel to each of these, and to the configured proxy; one that is reached already is
   * enough.
   */
  want(proxies: readonly KnownProxy[]): void {
    if (this.#draining) return;
    const reached = new Set<string>();
    for (const { up } of this.#kept.values()) if (up !== null) reached.add(up.hello.host);
    const addresses = proxies
      .filter(({ host, public_addr }) => this.#kept.has(public_addr) || !reached.has(host))
      .map(({ public_addr }) => public_addr);
    this.#wanted = this.#configured === null ? addresses : [this.#configured, ...addresses];
    for (const address of this.#wanted) if (!this.#kept.has(address)) this.#keep(address);
    for (const [address, kept] of this.#kept) {
      // A tunnel that works is not torn down because a heartbeat didn't name its proxy.
      if (!this.#wanted.includes(address) && kept.up === null) kept.stop.abort();
    }
  }

  /** Open streams go on, new ones are sent elsewhere, nothing is dialled any more. */
  drain(reason: string): void {
    this.#draining = true;
    for (const { up, stop } of this.#kept.values()) {
      if (up === null) stop.abort();
      else up.session.goaway(reason);
    }
  }

  /** Ends all tunnels and what is in them. */
  async stop(): Promise<void> {
    this.#draining = true;
    const all = [...this.#kept.values()];
    for (const { stop } of all) stop.abort();
    await Promise.all(all.map(({ done }) => done));
  }

  #keep(address: string): void {
    const { clock, random, log } = this.#powers;
    const stop = new AbortController();
    const done = keepTunnel({
      clock,
      random,
      signal: stop.signal,
      dial: (attempt) => this.#dial(address, attempt),
      observer: {
        up: (tunnel) => {
          kept.up = tunnel;
          log.info("a tunnel is up", { proxy: tunnel.hello.host, address });
        },
        down: (tunnel, fault) => {
          if (kept.up === tunnel) kept.up = null;
          log.warn("a tunnel is down", { proxy: tunnel.hello.host, address, code: fault?.code });
          if (this.#draining || !this.#wanted.includes(address)) stop.abort();
        },
        failed: ({ code, message }, waitMs) => {
          log.warn("a proxy can't be reached", { address, code, message, wait_ms: waitMs });
        },
      },
    }).finally(() => this.#kept.delete(address));
    const kept: Kept = { stop, done, up: null };
    this.#kept.set(address, kept);
  }

  async #dial(
    address: string,
    { signal, onGoaway }: { readonly signal: AbortSignal; readonly onGoaway: () => void },
  ): Promise<Tunnel<ProxyHello>> {
    const { clock, random, connectTls, identity } = this.#powers;
    const to = readAddress(address);
    const { keyPair } = identity();
    const stream = await connectTls(to, {
      keyPair,
      serverName: to.host,
      alpn: ["remoteler-tunnel"],
      minVersion: "TLSv1.3",
      verify: (chain) => this.#verify(chain),
      timeoutMs: connectMs,
      signal,
    });
    return await dialTunnel(stream, {
      clock,
      random,
      sha1,
      signal,
      host: address,
      hello: this.#hello(),
      onOpen: this.#onOpen,
      onGoaway,
    });
  }

  /** Only a host of this cluster with the system role proxy may bring streams. */
  #verify(chain: readonly Uint8Array[]): Fault | null {
    const { cache, clock, identity } = this.#powers;
    const { cluster, hostAuthorities } = identity();
    const known = authoritiesOf(cache);
    try {
      verifyIdentity(chain, {
        expect: "host",
        systemRole: "proxy",
        cluster,
        now: clock.now(),
        authorities: known.host === undefined ? { ...known, host: hostAuthorities } : known,
        standing: standingOf(this.#powers, { hosts: [] }),
      });
      return null;
    } catch (thrown) {
      if (thrown instanceof Fault) return thrown;
      throw thrown;
    }
  }
}

/** SHA-1 for the WebSocket upgrade (RFC 6455 §4.2.2), where it proves nothing but understanding. */
async function sha1(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", new Uint8Array(bytes)));
}

function readAddress(address: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@]+)):(\d{1,5})$/.exec(address);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  if (host !== undefined && port >= 1 && port <= 65535) return { host, port };
  throw new Fault({
    kind: "invalid",
    code: "db.bad-address",
    message: "the address of a proxy is not host:port",
  });
}
