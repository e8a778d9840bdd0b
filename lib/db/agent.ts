/**
 * The Database Service: tells Auth that it lives, keeps its tunnels, receives visits, and ends
 * them.
 */
import type { AuthClient, CallInput } from "../api/contract.ts";
import type { Timer } from "../core/clock.ts";
import { asFault, type Fault } from "../core/fault.ts";
import type { StreamReader } from "../core/stream.ts";
import type { Spool } from "../audit/spool.ts";
import {
  type AgentHello,
  decodeOpenHeader,
  type OpenHeader,
  type TunnelStream,
} from "../tunnel/mod.ts";
import type { Protocol, Refusal } from "../wire/protocol.ts";
import { passCancel } from "./cancel.ts";
import type { ConnectPowers } from "./connect.ts";
import { DatabaseCertificates } from "./credentials/x509.ts";
import { TlsFront, type TlsPowers } from "./end_to_end.ts";
import { cancelsMax, partingMs, redecideMs, watchdogMs } from "./limits.ts";
import { DatabaseFacts } from "./facts.ts";
import { type DatabaseHealth, HealthProbes } from "./health.ts";
import { Heartbeats } from "./heartbeats.ts";
import { ProxyTunnels, type TunnelPowers } from "./proxy_tunnels.ts";
import { notRecorded } from "./relay.ts";
import { Sessions } from "./sessions.ts";
import { StrangerEvents } from "./stranger_events.ts";
import { type DatabaseConfig, type DatabaseTarget, readTargets } from "./targets.ts";
import type { TrialPowers } from "./trial.ts";
import { Trials } from "./trials.ts";
import { UserCounts } from "./user_counts.ts";
import { visit, type VisitPowers } from "./visit.ts";

export interface AgentConfig {
  readonly hostname: string;
  readonly version: string;
  /** `host:port` of the configured proxy; null where the agent was told of Auth only. */
  readonly proxyServer: string | null;
  readonly databases: readonly DatabaseConfig[];
}

/** All that the Database Service needs and can do. The cache has to watch `watchedKinds`. */
export interface AgentPowers extends TunnelPowers, ConnectPowers, TlsPowers {
  readonly auth: Pick<AuthClient, "call" | "stream">;
  /** The addresses of a host, for tests of a database. */
  readonly resolve: TrialPowers["resolve"];
  readonly spool: Spool;
  readonly textHash: VisitPowers["textHash"];
  readonly protocols: readonly Protocol[];
  readonly config: AgentConfig;
}

export interface Agent {
  /** For readiness and metrics. */
  readonly health: {
    readonly tunnels: number;
    readonly sessions: number;
    /** The last heartbeat was answered. */
    readonly heard: boolean;
    readonly databases: readonly DatabaseHealth[];
  };
  /** Takes no new sessions, lets those there are end by themselves until then, ends the rest. */
  drain(timeoutMs: number): Promise<void>;
  /** Ends everything now; clients are told. */
  stop(): Promise<void>;
}

/** Starts at once and keeps trying; throws only for a database that can't be served. */
export function startAgent(powers: AgentPowers): Agent {
  const running = new RunningAgent(powers);
  running.start();
  return running;
}

class RunningAgent implements Agent {
  readonly #powers: AgentPowers;
  readonly #targets: ReadonlyMap<string, DatabaseTarget>;
  readonly #sessions: Sessions;
  readonly #visitPowers: VisitPowers;
  readonly #tunnels: ProxyTunnels;
  readonly #facts: DatabaseFacts;
  readonly #tls: TlsFront;
  readonly #stop = new AbortController();
  readonly #visits = new Set<Promise<void>>();
  #cancels = 0;
  #draining = false;
  #ends: (() => void)[] = [];
  #redecideTimer: Timer | null = null;
  #probes: HealthProbes | null = null;
  #heartbeats: Heartbeats | null = null;
  #trials: Trials | null = null;

  constructor(powers: AgentPowers) {
    const { config, protocols, clock, random, auth } = powers;
    const { cluster, host, number } = powers.identity();
    this.#powers = powers;
    this.#targets = readTargets(config.databases, protocols);
    this.#sessions = new Sessions(number, random);
    this.#facts = new DatabaseFacts(powers);
    this.#visitPowers = {
      ...powers,
      cluster,
      host,
      sessions: this.#sessions,
      users: new UserCounts(clock),
      facts: this.#facts,
      strangers: new StrangerEvents(clock),
      certificates: new DatabaseCertificates({ auth, clock }),
      proxyAddress: (proxy) => this.#tunnels.addressOf(proxy),
      noticed: (name, reached) => this.#probes?.noticed(name, reached),
      signal: this.#stop.signal,
    };
    this.#tls = new TlsFront(powers, this.#stop.signal);
    this.#tunnels = new ProxyTunnels(powers, {
      configured: config.proxyServer,
      hello: () => this.#hello(),
      onOpen: (stream) => this.#opened(stream),
    });
  }

  get health(): Agent["health"] {
    return {
      tunnels: this.#tunnels.up,
      sessions: this.#sessions.count,
      heard: this.#heartbeats?.heard ?? false,
      databases: this.#probes?.all ?? [],
    };
  }

  start(): void {
    const { cache, clock } = this.#powers;
    const watchdog = clock.every(watchdogMs, () => this.#watchSpool());
    this.#ends = [cache.onChange(() => this.#redecideSoon()), () => watchdog.cancel()];
    const powers = { ...this.#powers, signal: this.#stop.signal };
    const changed = (): void => this.#heartbeats?.soon();
    this.#probes = new HealthProbes(this.#targets.values(), {
      ...powers,
      facts: this.#facts,
      changed,
    });
    this.#heartbeats = new Heartbeats(powers, {
      content: () => this.#content(),
      answered: (proxies) => this.#tunnels.want(proxies),
    });
    const tunnels = (): number => this.#tunnels.up;
    this.#trials = new Trials(this.#targets, { ...powers, tunnels });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    this.#tunnels.drain("the Database Service is shutting down");
    const tooLong = new AbortController();
    const waited = this.#powers.clock.sleep(timeoutMs, tooLong.signal).catch(() => {});
    await Promise.race([Promise.all(this.#visits), waited]);
    tooLong.abort();
    await waited;
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#draining = true;
    for (const session of this.#sessions) session.stop(shuttingDown);
    const over = new AbortController();
    const waited = this.#powers.clock.sleep(2 * partingMs, over.signal).catch(() => {});
    await Promise.race([this.#sessions.whenEmpty(), waited]);
    over.abort();
    this.#stop.abort();
    for (const end of this.#ends) end();
    this.#redecideTimer?.cancel();
    this.#ends = [];
    await Promise.all([waited, this.#heartbeats?.ended, this.#tunnels.stop()]);
    await Promise.all([this.#probes?.ended(), this.#trials?.ended]);
    await Promise.all(this.#visits);
  }

  #content(): CallInput<"agents.heartbeat"> {
    const { config: { hostname, version } } = this.#powers;
    const databases = [...this.#targets.values()].map(({ resource }) => resource);
    return { hostname, version, databases, health: [...this.#probes?.all ?? []] };
  }

  #hello(): AgentHello {
    const { host, number } = this.#powers.identity();
    const services = [...this.#targets.values()].map(({ resource: { metadata, spec } }) => ({
      name: metadata.name,
      protocol: spec.protocol,
      labels: metadata.labels,
    }));
    return { v: 1, host, number, version: this.#powers.config.version, services };
  }

  // --- streams of proxies ---

  #opened(stream: TunnelStream): void {
    if (this.#draining) return stream.reset("retry", "the Database Service is shutting down");
    let header: OpenHeader;
    try {
      header = decodeOpenHeader(stream.header);
    } catch (thrown) {
      return stream.reset("protocol", asFault(thrown).message);
    }
    if (header.kind === "cancel") return this.#cancel(stream, header);
    const target = this.#targets.get(header.service);
    if (target === undefined) return stream.reset("retry", "the database is not served here");
    if (header.kind === "tls" && (this.#tls.isFull || this.#sessions.isFull)) {
      return stream.reset("retry", "too many sessions at the moment");
    }
    const staying = this.#receive(stream, header, target)
      .catch((thrown) => this.#powers.log.error("a visit failed", { code: asFault(thrown).code }))
      .finally(() => this.#visits.delete(staying));
    this.#visits.add(staying);
  }

  /** Where TLS ends here, nothing can be told to the client, or asked of it, before that. */
  async #receive(
    stream: TunnelStream,
    header: OpenHeader,
    target: DatabaseTarget,
  ): Promise<void> {
    const arrival = header.kind === "tls"
      ? await this.#tls.receive(stream, header, target)
      : { stream, header, target };
    if (arrival !== null) await visit(arrival, this.#visitPowers);
  }

  #cancel(stream: TunnelStream, { cancelKey, clientAddress }: OpenHeader): void {
    if (cancelKey === undefined || this.#cancels >= cancelsMax) {
      return stream.reset("refused", "too many cancel requests");
    }
    this.#cancels += 1;
    const passing = passCancel(cancelKey, clientAddress, this.#visitPowers).finally(() => {
      this.#cancels -= 1;
      this.#visits.delete(passing);
      // The end says that the request is done; there never is an answer.
      stream.end();
      stream.attach(discard);
    });
    this.#visits.add(passing);
  }

  // --- sessions that may not go on ---

  /** Changes come in bursts; one look a moment later sees them all. */
  #redecideSoon(): void {
    this.#redecideTimer ??= this.#powers.clock.after(redecideMs, () => {
      this.#redecideTimer = null;
      this.#redecide();
    });
  }

  #redecide(): void {
    for (const session of this.#sessions) {
      const fault = session.reconsider();
      if (fault !== null) session.stop(endedBy(fault));
    }
  }

  #watchSpool(): void {
    const { fault } = this.#powers.spool;
    if (fault === null) return;
    for (const session of this.#sessions) {
      if (session.grant.audit !== "best_effort") session.stop(notRecorded(fault));
    }
  }
}

const discard: StreamReader = {
  data: () => {},
  ended: () => {},
  drained: () => {},
  closed: () => {},
};

const shuttingDown: Refusal = {
  kind: "ended",
  message: "terminating connection: the Database Service is shutting down",
  hint: "connect again",
};

function endedBy({ shown, hint }: Fault): Refusal {
  return {
    kind: "ended",
    message: `terminating connection: ${shown}`,
    ...(hint === undefined ? {} : { hint }),
  };
}
