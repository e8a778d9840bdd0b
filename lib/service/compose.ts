/** From a configuration to the parts that run it. Decides nothing: what runs where is in the file. */
import type { AuthClient } from "../api/contract.ts";
import { type Address, type Config, type Secrets, writeAddress } from "../config/mod.ts";
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
  const { config, secrets, runtime, ready } = options;
  const { auth_service, proxy_service, db_service } = config;
  const parts: Part[] = [];
  let local: AuthService | null = null;
  if (auth_service?.enabled) {
    parts.push({
      name: "auth",
      drainMs: 0,
      start: async () => {
        const { startAuthService } = await import("./auth_service.ts");
        local = await startAuthService({
          runtime,
          config: auth_service,
          storage: config.remoteler.storage,
          passphrase: secrets.caPassphrase,
        });
        ready.listens("auth", local.address);
        ready.knows("ca_pin", local.caPin);
        return local;
      },
    });
  }
  if (proxy_service?.enabled) {
    parts.push({
      name: "proxy",
      drainMs: proxy_service.drain_timeout,
      start: async (signal) => {
        const service = await import("./proxy_service.ts");
        const address = authAddress(config, local);
        const principals = service.principalsOf(proxy_service, runtime.nodename);
        const join = { role: "proxy", address, principals } as const;
        return await within(join, options, local, signal, async (membership) => {
          const config = proxy_service;
          const start = { runtime, config, membership, auth: address, signal };
          const proxy = await service.startProxyService(start);
          ready.listens("proxy", proxy.address);
          return proxy;
        });
      },
    });
  }
  if (db_service?.enabled) {
    parts.push({
      name: "db",
      drainMs: db_service.drain_timeout,
      start: async (signal) => {
        const service = await import("./db_service.ts");
        const join = { role: "db", address: authAddress(config, local), principals: [] } as const;
        return await within(join, options, local, signal, async (membership) => {
          const through = config.remoteler.proxy_server;
          const proxyServer = through === undefined ? null : writeAddress(through);
          const start = { runtime, config: db_service, membership, proxyServer, signal };
          const db = await service.startDbService(start);
          ready.works("db");
          return db;
        });
      },
    });
  }
  return parts;
}

interface Joining {
  readonly role: "proxy" | "db";
  readonly address: Address;
  readonly principals: readonly string[];
}

/** Starts a service as a member of the cluster; the membership ends with it. */
async function within<R extends Running>(
  joining: Joining,
  { config, secrets, runtime }: ComposeOptions,
  local: AuthService | null,
  signal: AbortSignal,
  start: (membership: Membership) => Promise<R>,
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

function authAddress(config: Config, local: AuthService | null): Address {
  const { auth_server, proxy_server } = config.remoteler;
  const address = local === null ? auth_server ?? proxy_server : dialable(local.address);
  if (address !== undefined) return address;
  throw new Fault({
    kind: "invalid",
    code: "service.no-auth-address",
    message: "neither auth_server nor proxy_server is configured, and Auth doesn't run here",
  });
}
