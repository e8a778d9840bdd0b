/** Wires a Proxy Service: cache, spool, shipper, certificates and the proxy itself. */
import { startResourceCache } from "../api/resource_cache.ts";
import { parseCertificate } from "../ca/mod.ts";
import { signedBy } from "../ca/trust.ts";
import { type Address, type ProxyConfig, writeAddress } from "../config/mod.ts";
import { type NativePort, type ProxySystem, startProxy, watchedKinds } from "../proxy/mod.ts";
import { readText } from "../sys/files.ts";
import { watchFile } from "../sys/watch_file.ts";
import { sha1 } from "../sys/hash.ts";
import { serveHttp1 } from "../sys/http.ts";
import { connectTcp, listenTcp } from "../sys/tcp.ts";
import { startTlsServer, TlsContext } from "../sys/tls.ts";
import { protocols } from "../wire/mod.ts";
import { openShippedSpool } from "./audit_spool.ts";
import type { HostCredentials } from "./host_files.ts";
import type { Membership } from "./membership.ts";
import { countedSpool, eventCounter } from "./observe.ts";
import { observeMember, observeProxy } from "./observe_services.ts";
import type { Running, Runtime } from "./runtime.ts";

export interface ProxyServiceOptions {
  readonly runtime: Runtime;
  readonly config: ProxyConfig;
  readonly membership: Membership;
  /** Where connections for Auth are passed on to. */
  readonly auth: Address;
  /** Ends the waiting for Auth while it starts. */
  readonly signal: AbortSignal;
}

/** A proxy that listens. */
export interface RunningProxyService extends Running {
  readonly address: Address;
}

const shipMsMax = 3_000;

const system: ProxySystem = {
  listenTcp,
  connectTcp,
  startTlsServer,
  serveHttp1,
  sha1,
  tlsContext: (keyPair) => new TlsContext(keyPair),
  readText,
  watchFile,
};

export async function startProxyService(
  options: ProxyServiceOptions,
): Promise<RunningProxyService> {
  const { runtime, config, membership } = options;
  const { clock, random, nodename } = runtime;
  const { client, cluster, host } = membership;
  const log = runtime.log.child({}, "proxy");
  const shipped = await openShippedSpool({ runtime, role: "proxy", client });
  const cache = startResourceCache({ client, kinds: watchedKinds, clock, random, log });
  const { diagnostics } = runtime;
  const spool = countedSpool(shipped.spool, eventCounter(diagnostics.metrics));
  const stopWaiting = (): void => void cache.close();
  options.signal.addEventListener("abort", stopWaiting, { once: true });
  const proxy = await startProxy({
    config: {
      listen: config.web_listen_addr,
      publicAddresses: publicAddressesOf(config, nodename),
      natives: nativesOf(config),
      keyPairs: config.https_keypairs.map(({ cert_file, key_file }) => ({
        certFile: cert_file,
        keyFile: key_file,
      })),
      auth: options.auth,
      hostname: nodename,
      version: runtime.version,
      drainMs: config.drain_timeout,
    },
    identity: { v: 1, cluster, kind: "host", host, systemRoles: ["proxy"], services: [] },
    host: membership.credentials,
    hostAuthority: authorityOf(membership.credentials),
    auth: client,
    cache,
    protocols,
    system,
    clock,
    random,
    log,
    emit: (event) => spool.event(event),
  });
  options.signal.removeEventListener("abort", stopWaiting);
  membership.onRenewed((renewed) => {
    proxy.replaceHostCertificate(renewed, authorityOf(renewed));
  });
  observeMember(diagnostics, { role: "proxy", membership, cache, spool });
  observeProxy(diagnostics, proxy, cache);
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await cache.close();
    await shipped.close(shipMsMax);
  };
  return { address: proxy.address, drain: () => proxy.drain(), stop };
}

/** Ports of protocols whose server speaks first, as far as they are configured. */
function nativesOf(config: ProxyConfig): readonly NativePort[] {
  const { mysql_listen_addr: listen, mysql_public_addr: reached } = config;
  if (listen === undefined) return [];
  return [{
    protocol: "mysql",
    listen,
    publicAddress: reached === undefined ? null : writeAddress(reached),
    serverVersion: config.mysql_server_version,
  }];
}

/** What clients are told; where nothing is configured, this machine's name. */
function publicAddressesOf(config: ProxyConfig, nodename: string): readonly string[] {
  if (config.public_addr !== undefined) return config.public_addr.map(writeAddress);
  const { host, port } = config.web_listen_addr;
  // Port 0: known only once it listens.
  if (port === 0) return [];
  return [writeAddress({ host: isWildcard(host) ? nodename : host, port })];
}

/** Names that clients check in the host certificate. */
export function principalsOf(config: ProxyConfig, nodename: string): readonly string[] {
  const { host } = config.web_listen_addr;
  const names = [
    ...(config.public_addr ?? []).map((address) => address.host),
    ...(config.mysql_public_addr === undefined ? [] : [config.mysql_public_addr.host]),
    ...(isWildcard(host) ? [] : [host]),
    ...(config.public_addr === undefined ? [nodename, "localhost"] : []),
  ];
  return [...new Set(names)].filter((name) => /^[A-Za-z0-9.:-]{1,253}$/.test(name));
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** The host CA that signed the certificate in force. */
function authorityOf({ chain, hostCas }: HostCredentials): Uint8Array {
  const [first = new Uint8Array()] = hostCas;
  const [leaf] = chain;
  if (leaf === undefined) return first;
  const certificate = parseCertificate(leaf);
  return hostCas.find((der) => signedBy(certificate, parseCertificate(der))) ?? first;
}
