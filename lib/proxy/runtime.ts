import type { HttpHandler } from "../sys/http.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import type { Agents } from "./agents.ts";
import type { ClientTunnels } from "./client_tunnels.ts";
import type { Certificates } from "./certificates.ts";
import type { ProxyPowers } from "./powers.ts";
import type { RateLimit } from "./rate_limit.ts";
import type { Recorder } from "./refusals.ts";
import type { LiveSessions } from "./sessions.ts";
import type { ClusterPowers } from "./standing.ts";
import type { Strangers } from "./strangers.ts";

/** What the fronts of one running proxy share. */
export interface Runtime {
  readonly powers: ProxyPowers;
  readonly cluster: ClusterPowers;
  readonly certificates: Certificates;
  readonly agents: Agents;
  readonly sessions: LiveSessions;
  readonly clients: ClientTunnels;
  readonly recorder: Recorder;
  readonly guests: Strangers;
  /** Connections on their way to an agent that hasn't taken them yet; it asks who they are. */
  readonly unproven: Strangers;
  readonly cancels: RateLimit;
  readonly web: HttpHandler;
  /** Aborts when the proxy drains. */
  readonly draining: AbortSignal;
}

/** Serves a connection until it is known, and starts what comes then; throws a Fault. */
export type Serve = (stream: SocketStream, runtime: Runtime, visitor: Visitor) => Promise<void>;

/** One connection whose first bytes are known. */
export interface Visitor {
  readonly address: string;
  /** Aborts when the handshake takes too long or the proxy stops. */
  readonly signal: AbortSignal;
  /** The visitor has shown who it is, or is served as nobody: it no longer counts as a stranger. */
  readonly known: () => void;
}
