/** Wires an Auth Service: state, authorities, audit log, passwords, and its two doors. */
import type { AuthClient } from "../api/contract.ts";
import { createAuth, openAuthorities } from "../auth/mod.ts";
import { memoryBackend, sqliteBackend } from "../backend/mod.ts";
import type { Address, AuthConfig, Config } from "../config/mod.ts";
import type { Backend } from "../core/backend.ts";
import { passwords } from "../identity/local/password.ts";
import { startArgon2 } from "../sys/argon2_worker.ts";
import { openSqlite } from "../sys/sqlite.ts";
import { openLocalDoor, openTlsDoor, ownDirectory } from "./api_listener.ts";
import { openAuthAudit } from "./auth_audit.ts";
import { observeAuth } from "./observe_services.ts";
import { hostIdOf, openOwnCertificate } from "./own_certificate.ts";
import type { Running, Runtime } from "./runtime.ts";

export interface AuthServiceOptions {
  readonly runtime: Runtime;
  readonly config: AuthConfig;
  readonly storage: Config["remoteler"]["storage"];
  /** Encrypts the CA keys at rest; null leaves them in the clear. */
  readonly passphrase: string | null;
}

/** An Auth Service that listens. */
export interface AuthService extends Running {
  readonly address: Address;
  readonly caPin: string;
  /** Calls as the built-in `admin`, inside the process. */
  readonly admin: AuthClient;
}

/** Name of the local socket in `data_dir`. */
export const socketName = "auth.sock";

export async function startAuthService(options: AuthServiceOptions): Promise<AuthService> {
  const closers: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  try {
    return { ...await open(options, closers), drain: () => Promise.resolve(), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/**
 * Opens one thing after the other; `closers` takes what ends each, to be called the other way
 * round.
 */
async function open(
  { runtime, config, storage, passphrase }: AuthServiceOptions,
  closers: (() => unknown)[],
): Promise<Omit<AuthService, keyof Running>> {
  const { clock, random, dataDir, version } = runtime;
  const log = runtime.log.child({}, "auth");
  await ownDirectory(dataDir);
  const backend = openBackend(runtime, storage);
  closers.push(() => backend.close());
  const cluster = config.cluster_name;
  const authorities = await openAuthorities({
    backend,
    cluster,
    clock,
    random,
    ...(passphrase === null ? {} : { passphrase }),
  });
  const host = await hostIdOf(runtime);
  const audit = await openAuthAudit({ runtime, config, backend, authorities, host });
  closers.push(() => audit.log.close());
  const argon2 = startArgon2();
  closers.push(() => argon2.close());
  const auth = await createAuth({
    backend,
    authorities,
    audit: audit.log,
    events: audit.events,
    passwords: passwords(argon2, random),
    clock,
    random,
    log,
    cluster,
    host,
    version,
  });
  observeAuth(runtime.diagnostics, authorities);
  const own = await openOwnCertificate(runtime, authorities, host);
  closers.push(() => own.close());
  const { context } = own;
  const at = config.listen_addr;
  const door = await openTlsDoor({ at, context, handler: (one) => auth.serve(one), log });
  closers.push(() => door.close());
  const local = await openLocalDoor({
    directory: dataDir,
    name: socketName,
    handler: (one) => auth.serveLocal({ ...one, peerChain: [] }),
    log,
  });
  closers.push(() => local.close());
  return { address: door.address, caPin: authorities.caPin(), admin: auth.admin };
}

function openBackend(runtime: Runtime, storage: AuthServiceOptions["storage"]): Backend {
  if (storage.type === "memory") return memoryBackend(runtime.clock);
  const file = storage.path ?? `${runtime.dataDir}/state.sqlite`;
  return sqliteBackend(openSqlite(file), runtime.clock);
}
