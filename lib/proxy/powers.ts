/** What a proxy is handed by whoever composes it. */
import type { AuditEvent } from "../audit/catalog.ts";
import type { AuthClient } from "../api/contract.ts";
import type { ResourceCache } from "../api/resource_cache.ts";
import type { Clock } from "../core/clock.ts";
import type { HostIdentity } from "../core/identity.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import type { serveHttp1 } from "../sys/http.ts";
import type { connectTcp, Endpoint, listenTcp } from "../sys/tcp.ts";
import type { KeyPair, startTlsServer, TlsContext } from "../sys/tls.ts";
import type { Sha1 } from "../tunnel/mod.ts";
import type { Protocol } from "../wire/protocol.ts";

/** The runtime's part, from lib/sys. */
export interface ProxySystem {
  readonly listenTcp: typeof listenTcp;
  readonly connectTcp: typeof connectTcp;
  readonly startTlsServer: typeof startTlsServer;
  readonly serveHttp1: typeof serveHttp1;
  readonly sha1: Sha1;
  /** `new TlsContext(keyPair)`. */
  readonly tlsContext: (keyPair: KeyPair) => TlsContext;
  /** Null where the file doesn't exist. */
  readonly readText: (path: string) => Promise<string | null>;
  /** Calls back after a file may have changed; gives what ends it. */
  readonly watchFile: (path: string, periodMs: number, changed: () => void) => () => void;
}

/** A port for programs of one protocol, whose server speaks first. */
export interface NativePort {
  readonly protocol: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** `host:port` as clients reach it; null: the host of the public address, and its own port. */
  readonly publicAddress: string | null;
  /** What clients are told before it is known which database they want. */
  readonly serverVersion: string;
}

export interface ProxyConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** `host:port` as clients and agents reach it; the first is shown. Empty: what it listens on. */
  readonly publicAddresses: readonly string[];
  readonly natives: readonly NativePort[];
  /** Public certificates; without one the host certificate serves, with its CA appended. */
  readonly keyPairs: readonly { readonly certFile: string; readonly keyFile: string }[];
  /** Where `remoteler-auth` connections are passed to. */
  readonly auth: Endpoint;
  readonly hostname: string;
  readonly version: string;
  /** How long sessions may go on after `drain`; they are ended then. */
  readonly drainMs: number;
}

export interface ProxyPowers {
  readonly config: ProxyConfig;
  readonly identity: HostIdentity;
  /** The host certificate (DER, leaf first) and its key. */
  readonly host: { readonly chain: readonly Uint8Array[]; readonly key: string };
  /** The host CA (DER) that signed it. */
  readonly hostAuthority: Uint8Array;
  readonly auth: AuthClient;
  /** Has to watch `watchedKinds`. */
  readonly cache: ResourceCache;
  readonly protocols: readonly Protocol[];
  readonly system: ProxySystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes an event for the audit log; never throws, never waits. */
  readonly emit: (event: AuditEvent) => void;
}
