/** The Proxy Service: one public port, everything behind it. */
import { caPin, parseCertificate } from "../ca/mod.ts";
import { Fault } from "../core/fault.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import type { Listener } from "../sys/tcp.ts";
import { Agents, healthIn, type ServingAgents } from "./agents.ts";
import { arrive } from "./arrive.ts";
import { Certificates } from "./certificates.ts";
import { ClientTunnels } from "./client_tunnels.ts";
import { cancelBurst, cancelPeriodMs, guestLimits, strangerLimits } from "./limits.ts";
import { unprovenLimits } from "./limits.ts";
import { nativeFront } from "./native_front.ts";
import type { NativePort, ProxyPowers } from "./powers.ts";
import { announce } from "./presence.ts";
import { RateLimit } from "./rate_limit.ts";
import { Recorder } from "./refusals.ts";
import type { Runtime, Serve } from "./runtime.ts";
import { LiveSessions } from "./sessions.ts";
import { verifyHost } from "./standing.ts";
import { Strangers } from "./strangers.ts";
import { webApi } from "./web_api.ts";

export interface Proxy {
  /** Where it listens. */
  readonly address: { readonly host: string; readonly port: number };
  /** For readiness and metrics. */
  readonly health: {
    readonly agents: number;
    readonly sessions: number;
    readonly strangers: number;
    readonly databases: readonly ServingAgents[];
  };
  /** The renewed host certificate, for handshakes from now on. */
  replaceHostCertificate(host: ProxyPowers["host"], authority: Uint8Array): void;
  /** Takes nothing new, sends agents elsewhere, lets sessions end for `drainMs`, then stops. */
  drain(): Promise<void>;
  /** Ends everything now. */
  stop(): Promise<void>;
}

/**
 * Listens as soon as the cluster's users, locks and authorities are known. Faults:
 * `sys.listen-failed`, and what is wrong with certificate files.
 */
export async function startProxy(powers: ProxyPowers): Promise<Proxy> {
  const certificates = await Certificates.load(powers);
  try {
    await powers.cache.ready;
    const proxy = new RunningProxy(powers, certificates);
    await proxy.listen();
    return proxy;
  } catch (thrown) {
    certificates.close();
    throw thrown;
  }
}

class RunningProxy implements Proxy {
  readonly #powers: ProxyPowers;
  readonly #runtime: Runtime;
  readonly #strangers = new Strangers(strangerLimits);
  readonly #stop = new AbortController();
  readonly #draining = new AbortController();
  readonly #connections = new Set<Promise<void>>();
  readonly #streams = new Set<SocketStream>();
  readonly #listeners: Listener[] = [];
  /** Where clients reach the ports of one protocol. */
  readonly #natives = new Map<string, string>();
  #closing: Promise<void> = Promise.resolve();
  #announcing: Promise<void> = Promise.resolve();
  #unwatch: () => void = () => {};

  constructor(powers: ProxyPowers, certificates: Certificates) {
    const { cache, clock, identity, log, config } = powers;
    const { cluster } = identity;
    this.#powers = powers;
    const pin = caPin(parseCertificate(powers.hostAuthority));
    const publicAddress = () => this.#publicAddress();
    const natives = () => Object.fromEntries(this.#natives);
    const web = { auth: powers.auth, clock, log, cluster, caPin: pin, publicAddress, natives };
    this.#runtime = {
      powers,
      cluster: { cache, clock, cluster },
      certificates,
      agents: new Agents(healthIn(cache)),
      sessions: new LiveSessions(clock),
      clients: new ClientTunnels(),
      recorder: new Recorder(powers),
      guests: new Strangers(guestLimits),
      unproven: new Strangers(unprovenLimits),
      cancels: new RateLimit(clock, cancelBurst, cancelPeriodMs),
      web: webApi({ ...web, version: config.version }),
      draining: this.#draining.signal,
    };
  }

  get address(): Proxy["address"] {
    return this.#listeners[0]?.address ?? this.#powers.config.listen;
  }

  get health(): Proxy["health"] {
    const { agents, sessions, unproven } = this.#runtime;
    return {
      agents: agents.count,
      sessions: sessions.count,
      strangers: this.#strangers.count + unproven.count,
      get databases() {
        return agents.standing;
      },
    };
  }

  async listen(): Promise<void> {
    const { system, config, cache, log } = this.#powers;
    const port = await system.listenTcp(config.listen, (stream) => this.#accept(stream));
    this.#listeners.push(port);
    for (const native of config.natives) await this.#listenFor(native);
    this.#unwatch = cache.onChange(({ kind }) => {
      if (kind !== "agent") this.#reconsider();
    });
    this.#announcing = announce(this.#powers, this.#publicAddress(), this.#draining.signal);
    log.info("the proxy listens", { host: this.address.host, port: this.address.port });
  }

  async #listenFor(native: NativePort): Promise<void> {
    const { system, log, protocols } = this.#powers;
    const protocol = protocols.find(({ name }) => name === native.protocol);
    if (protocol === undefined) throw new Error(`No protocol ${native.protocol}`);
    const serve = nativeFront(native, protocol);
    const port = await system.listenTcp(native.listen, (stream) => this.#accept(stream, serve))
      .catch(async (thrown) => {
        await Promise.all(this.#listeners.map((one) => one.close()));
        throw thrown;
      });
    this.#listeners.push(port);
    const host = this.#publicAddress().replace(/:\d+$/, "");
    const reached = native.publicAddress ?? `${host}:${port.address.port}`;
    this.#natives.set(protocol.name, reached);
    log.info("the proxy listens for one protocol", { protocol: protocol.name, reached });
  }

  replaceHostCertificate(host: ProxyPowers["host"], authority: Uint8Array): void {
    this.#runtime.certificates.replaceHost(host, authority);
  }

  async drain(): Promise<void> {
    const { clock, config, log } = this.#powers;
    const { agents, sessions, clients } = this.#runtime;
    log.info("the proxy drains", { sessions: sessions.count });
    this.#leave();
    for (const { session } of agents) session.goaway("the proxy is shutting down");
    clients.goaway("the proxy is shutting down");
    const over = new AbortController();
    const waited = clock.sleep(config.drainMs, over.signal).catch(() => {});
    await Promise.race([sessions.whenEmpty(), waited]);
    over.abort();
    await waited;
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#leave();
    const fault = stopped();
    this.#stop.abort(fault);
    this.#runtime.sessions.abortAll(fault);
    this.#runtime.clients.close(fault);
    for (const { session } of this.#runtime.agents) session.close(fault);
    for (const stream of this.#streams) stream.abort(fault);
    this.#unwatch();
    this.#runtime.certificates.close();
    await Promise.all([this.#announcing, ...this.#connections]);
    await this.#closing;
  }

  /** No new connections, requests or heartbeats. */
  #leave(): void {
    if (this.#draining.signal.aborted) return;
    this.#draining.abort(stopped());
    const closing = Promise.all(this.#listeners.map((one) => one.close()));
    this.#closing = closing.then(() => {});
  }

  /** The accept loop: never waits for a connection. */
  #accept(stream: SocketStream, serve?: Serve): void {
    const leave = this.#strangers.enter(stream.remoteAddress);
    if (leave === null || this.#draining.signal.aborted) {
      leave?.();
      this.#powers.log.warn("too many connections that don't say who they are");
      return stream.abort();
    }
    this.#streams.add(stream);
    const connection = arrive(
      ...[stream, this.#runtime, leave, this.#stop.signal, serve] as const,
    ).finally(() => {
      this.#streams.delete(stream);
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
  }

  #reconsider(): void {
    const { sessions, agents, clients, cluster } = this.#runtime;
    sessions.reconsider();
    clients.reconsider();
    for (const { chain, session } of agents) {
      try {
        verifyHost(chain, "db", cluster);
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code !== "ca.expired") session.close(thrown);
      }
    }
  }

  #publicAddress(): string {
    const { host, port } = this.address;
    const [first] = this.#powers.config.publicAddresses;
    return first ?? `${host.includes(":") ? `[${host}]` : host}:${port}`;
  }
}

function stopped(): Fault {
  return new Fault({
    kind: "unavailable",
    code: "proxy.stopped",
    message: "the proxy is shutting down",
    shown: "the proxy is shutting down",
  });
}
