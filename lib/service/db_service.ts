/** Wires a Database Service: cache, spool, shipper and the agent itself. */
import { type ResourceCache, startResourceCache } from "../api/resource_cache.ts";
import type { Spool } from "../audit/spool.ts";
import { type DatabaseConfig, type DbConfig, writeAddress } from "../config/mod.ts";
import { Fault } from "../core/fault.ts";
import {
  type DatabaseConfig as AgentDatabase,
  type SecretCredentials,
  startAgent,
  watchedKinds,
} from "../db/mod.ts";
import { environmentVariable } from "../sys/env.ts";
import { readText } from "../sys/files.ts";
import { resolveHost } from "../sys/resolve.ts";
import { connectTcp } from "../sys/tcp.ts";
import { sha256Stream } from "../sys/hash.ts";
import { connectTls, startTlsClient, startTlsServer, TlsContext } from "../sys/tls.ts";
import { protocols } from "../wire/mod.ts";
import { openShippedSpool, type ShippedSpoolOptions } from "./audit_spool.ts";
import type { Membership } from "./membership.ts";
import { countedSpool, eventCounter, timedDial } from "./observe.ts";
import { observeAgent, observeMember } from "./observe_services.ts";
import type { Running, Runtime } from "./runtime.ts";

export interface DbServiceOptions {
  readonly runtime: Runtime;
  readonly config: DbConfig;
  readonly membership: Membership;
  /** `host:port` of the proxy it joined through; null where it goes straight to Auth. */
  readonly proxyServer: string | null;
  readonly signal: AbortSignal;
  /** Takes the place of the spool on disk where something else is measured. */
  readonly openSpool?: (options: ShippedSpoolOptions) => Promise<OpenedSpool>;
}

/** A spool and how it ends: within this time Auth gets what it can. */
export interface OpenedSpool {
  readonly spool: Spool;
  close(waitMs: number): Promise<void>;
}

/** How long the last events may take to reach Auth when the process ends. */
const shipMsMax = 3_000;

export async function startDbService(options: DbServiceOptions): Promise<Running> {
  const { runtime, config, membership, proxyServer } = options;
  const { clock, random, version, nodename, diagnostics } = runtime;
  const { client } = membership;
  const log = runtime.log.child({}, "db");
  const databases = await Promise.all(config.databases.map(readDatabase));
  for (const { name, uri, tls } of databases) {
    if (tls?.mode !== "insecure") continue;
    log.warn(
      `TLS to database ${name} is NOT VERIFIED (tls.mode: insecure): whoever stands between can ` +
        "read and change all of its sessions",
      { uri },
    );
  }
  const limitBytes = config.audit.spool_limit_bytes;
  const openSpool = options.openSpool ?? openShippedSpool;
  const shipped = await openSpool({ runtime, role: "db", client, limitBytes });
  const cache = startResourceCache({ client, kinds: watchedKinds, clock, random, log });
  await known(cache, options.signal);
  const timed = timedDial(diagnostics.metrics, clock);
  const agent = startAgent({
    auth: client,
    cache,
    clock,
    random,
    log,
    textHash: sha256Stream,
    spool: countedSpool(shipped.spool, eventCounter(diagnostics.metrics)),
    protocols,
    config: { hostname: nodename, version, proxyServer, databases },
    identity: () => {
      const { cluster, host, number, chain, key, hostCas } = membership.credentials;
      return { cluster, host, number, keyPair: { chain, key }, hostAuthorities: hostCas };
    },
    connectTls,
    tlsContext: (keyPair) => new TlsContext(keyPair),
    startTlsServer,
    resolve: resolveHost,
    connectDatabase: async (to, limits) => {
      const stream = await timed(writeAddress(to), () => connectTcp(to, limits));
      return { stream, startTls: (tls) => startTlsClient(stream, tls) };
    },
  });
  observeMember(diagnostics, { role: "db", membership, cache, spool: shipped.spool });
  observeAgent(diagnostics, agent, { cache, spool: shipped.spool });
  const stop = async (): Promise<void> => {
    await agent.stop();
    await cache.close();
    await shipped.close(shipMsMax);
  };
  return { drain: (timeoutMs) => agent.drain(timeoutMs), stop };
}

/** Waits until users, roles, locks and authorities are known; nobody could be let in before. */
async function known(cache: ResourceCache, signal: AbortSignal): Promise<void> {
  const stopWaiting = (): void => void cache.close();
  signal.addEventListener("abort", stopWaiting, { once: true });
  if (signal.aborted) stopWaiting();
  await cache.ready;
  signal.removeEventListener("abort", stopWaiting);
}

async function readDatabase(database: DatabaseConfig): Promise<AgentDatabase> {
  const { name, protocol, description, labels, uri } = database;
  const { mode, server_name, ca_cert_file } = database.tls;
  const ca = ca_cert_file === undefined ? null : await readText(ca_cert_file);
  if (ca_cert_file !== undefined && ca === null) {
    throw new Fault({
      kind: "invalid",
      code: "service.no-database-ca",
      message: `database ${name}: there is no file ${ca_cert_file} (tls.ca_cert_file)`,
    });
  }
  return {
    name,
    protocol,
    description,
    labels,
    uri: writeAddress(uri),
    tls: {
      mode,
      ...(server_name === undefined ? {} : { serverName: server_name }),
      ...(ca === null ? {} : { ca }),
    },
    ...(await secretOf(database)),
  };
}

/** Read once now, so that a wrong path is told at the start, then anew at each login. */
async function secretOf(
  { name, credentials }: DatabaseConfig,
): Promise<{ readonly secret?: SecretCredentials }> {
  if (credentials.type !== "secret") return {};
  const password = () => readPassword(name, credentials);
  await password();
  return { secret: { user: credentials.user ?? null, password } };
}

async function readPassword(
  name: string,
  { password_file, password_env }: DatabaseConfig["credentials"],
): Promise<string> {
  const text = password_file === undefined
    ? environmentVariable(password_env ?? "")
    : await readText(password_file).catch(() => null);
  const password = (text ?? "").split(/\r?\n/, 1)[0] ?? "";
  if (password !== "") return password;
  const where = password_file ?? `the environment variable ${password_env ?? ""}`;
  throw new Fault({
    kind: "invalid",
    code: "service.no-database-password",
    message: `database ${name}: there is no password in ${where} (credentials)`,
    shown: `the database ${name} can't be logged in to: its password can't be read`,
    hint: "an administrator has to look at the Database Service's configuration",
  });
}
