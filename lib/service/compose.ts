/**
 * From a configuration to the parts that run it. Decides nothing: what runs where is in the file.
 */
import type { AuthClient } from "../api/contract.ts";
import {
  type Address,
  type AuthConfig,
  type Config,
  type DbConfig,
  type ProxyConfig,
  type Secrets,
  writeAddress,
} from "../config/mod.ts";
import { Fault } from "../core/fault.ts";
import type { AuthService } from "./auth_service.ts";
import { type Membership, openMembership } from "./membership.ts";
import type { Ready } from "./ready.ts";
import { dialable, type Running, type Runtime } from "./runtime.ts";
import type { Part } from "./supervisor.ts";

export interface ComposeOptions {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly runtime: Runtime;
  readonly ready: Ready;
}

/** The parts of a configuration in the order in which they start. */
export function compose(options: ComposeOptions): readonly Part[] {
  const { auth_service, proxy_service, db_service } = options.config;
  const beside: Beside = { auth: null };
  return [
    ...diagnosticsParts(options),
    ...(auth_service?.enabled ? [authPart(options, auth_service, beside)] : []),
    ...(proxy_service?.enabled ? [proxyPart(options, proxy_service, beside)] : []),
    ...(db_service?.enabled ? [dbPart(options, db_service, beside)] : []),
  ];
}

/** First to start and last to stop, so that it can tell of the others. */
function diagnosticsParts({ config, runtime, ready }: ComposeOptions): readonly Part[] {
  const { auth_service, proxy_service, db_service, remoteler: { diag_addr: at } } = config;
  const { diagnostics, clock, log } = runtime;
  if (auth_service?.enabled) diagnostics.expect("auth");
  if (proxy_service?.enabled) diagnostics.expect("proxy");
  if (db_service?.enabled) diagnostics.expect("db");
  if (at === undefined) return [];
  const start = async (): Promise<Running> => {
    const { serveDiagnostics } = await import("./diagnostics.ts");
    const serving = await serveDiagnostics({ at, diagnostics, clock, log });
    ready.listens("diag", serving.address);
    return serving;
  };
  return [{ name: "diagnostics", drainMs: 0, start }];
}

/** What runs in the same process, once it runs. */
interface Beside {
  auth: AuthService | null;
}

function authPart(options: ComposeOptions, service: AuthConfig, beside: Beside): Part {
  const { config, secrets, runtime, ready } = options;
  const start = async (): Promise<Running> => {
    const { startAuthService } = await import("./auth_service.ts");
    const auth = await startAuthService({
      runtime,
      config: service,
      storage: config.remoteler.storage,
      passphrase: secrets.caPassphrase,
    });
    beside.auth = auth;
    ready.listens("auth", auth.address);
    ready.knows("ca_pin", auth.caPin);
    runtime.diagnostics.runs("auth");
    return auth;
  };
  return { name: "auth", drainMs: 0, start };
}

function proxyPart(options: ComposeOptions, service: ProxyConfig, beside: Beside): Part {
  const { config, runtime, ready } = options;
  const start = async (signal: AbortSignal): Promise<Running> => {
    const { principalsOf, startProxyService } = await import("./proxy_service.ts");
    const auth = authAddress(config, beside);
    const principals = principalsOf(service, runtime.nodename);
    const joining: Joining = { role: "proxy", address: auth, principals };
    return await asMember(joining, options, beside, signal, async (membership) => {
      const all = { runtime, config: service, membership, auth, signal };
      const proxy = await startProxyService(all);
      ready.listens("proxy", proxy.address);
      return proxy;
    });
  };
  return { name: "proxy", drainMs: service.drain_timeout, start };
}

function dbPart(options: ComposeOptions, service: DbConfig, beside: Beside): Part {
  const { config, runtime, ready } = options;
  const start = async (signal: AbortSignal): Promise<Running> => {
    const { startDbService } = await import("./db_service.ts");
    const through = config.remoteler.proxy_server;
    const proxyServer = through === undefined ? null : writeAddress(through);
    const joining: Joining = { role: "db", address: authAddress(config, beside), principals: [] };
    return await asMember(joining, options, beside, signal, async (membership) => {
      const all = { runtime, config: service, membership, proxyServer, signal };
      const db = await startDbService(all);
      ready.works("db");
      return db;
    });
  };
  return { name: "db", drainMs: service.drain_timeout, start };
}

interface Joining {
  readonly role: "proxy" | "db";
  readonly address: Address;
  readonly principals: readonly string[];
}

/** Starts a service as a member of the cluster; the membership ends with it. */
async function asMember(
  joining: Joining,
  { config, secrets, runtime }: ComposeOptions,
  { auth: local }: Beside,
  signal: AbortSignal,
  start: (membership: Membership) => Promise<Running>,
): Promise<Running> {
  const membership = await openMembership({
    ...joining,
    runtime,
    signal,
    caPins: local === null ? config.remoteler.ca_pin ?? [] : [local.caPin],
    joinToken: () =>
      local === null ? Promise.resolve(secrets.joinToken) : oneUseToken(local.admin, joining.role),
  });
  try {
    const running = await start(membership);
    const stop = async (): Promise<void> => {
      await running.stop();
      await membership.close();
    };
    return { drain: (timeoutMs) => running.drain(timeoutMs), stop };
  } catch (thrown) {
    await membership.close();
    throw thrown;
  }
}

/**
 * A service beside Auth joins as any other does, with a token that was made for it just now. The
 * file that names its databases is the same administrator's, so it may serve whatever stands there.
 */
async function oneUseToken(admin: AuthClient, role: "proxy" | "db"): Promise<string> {
  const services = role === "db" ? ["*"] : [];
  const asked = { system_roles: [role], services, ttl_s: 60 };
  return (await admin.call("tokens.create", asked)).token;
}

function authAddress(config: Config, { auth: local }: Beside): Address {
  const { auth_server, proxy_server } = config.remoteler;
  const address = local === null ? auth_server ?? proxy_server : dialable(local.address);
  if (address !== undefined) return address;
  throw new Fault({
    kind: "invalid",
    code: "service.no-auth-address",
    message: "neither auth_server nor proxy_server is configured, and Auth doesn't run here",
  });
}
