/** The databases that an agent serves, as its configuration names them. */
import { Fault } from "../core/fault.ts";
import type { Database } from "../api/resources.ts";
import type { Protocol } from "../wire/protocol.ts";
import type { SecretCredentials } from "./credentials/secret.ts";

/** `verify-full`: chain and name; `verify-ca`: chain only; `insecure`: whatever is shown. */
export type TlsMode = "verify-full" | "verify-ca" | "insecure";

export interface DatabaseConfig {
  readonly name: string;
  readonly protocol: string;
  /** `host:port`, `[v6]:port`, or `host` with the protocol's own port. */
  readonly uri: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tls?: {
    readonly mode?: TlsMode;
    /** Name in the database's certificate, where it isn't the host of `uri`. */
    readonly serverName?: string;
    /** Its CA in PEM; the system's where absent. */
    readonly ca?: string;
  };
  /** A password to log in with, in place of a certificate. */
  readonly secret?: SecretCredentials;
}

/** A database ready to be dialled. */
export interface DatabaseTarget {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly mode: TlsMode;
  readonly serverName: string;
  readonly ca: string | null;
  readonly secret: SecretCredentials | null;
  /** As heartbeats and decisions see it. */
  readonly resource: Database;
}

/** The targets by name; a fault (`invalid`) names the first database that can't be served. */
export function readTargets(
  configs: readonly DatabaseConfig[],
  protocols: readonly Protocol[],
): ReadonlyMap<string, DatabaseTarget> {
  const targets = new Map<string, DatabaseTarget>();
  for (const config of configs) {
    if (targets.has(config.name)) throw invalid(config.name, "is configured twice");
    targets.set(config.name, readTarget(config, protocols));
  }
  return targets;
}

function readTarget(config: DatabaseConfig, protocols: readonly Protocol[]): DatabaseTarget {
  const protocol = protocols.find(({ name }) => name === config.protocol);
  if (protocol === undefined) throw invalid(config.name, `has the protocol ${config.protocol}`);
  const { host, port } = readAddress(config, protocol.defaultPort);
  return {
    protocol,
    host,
    port,
    mode: config.tls?.mode ?? "verify-full",
    serverName: config.tls?.serverName ?? host,
    ca: config.tls?.ca ?? null,
    secret: config.secret ?? null,
    resource: {
      kind: "db",
      version: "v1",
      metadata: { name: config.name, labels: { ...config.labels } },
      spec: {
        protocol: protocol.name,
        uri: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
        description: config.description ?? "",
      },
    },
  };
}

function readAddress(
  { name, uri }: DatabaseConfig,
  defaultPort: number,
): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@]+))(?::(\d{1,5}))?$/.exec(uri);
  const host = found?.[1] ?? found?.[2];
  const port = found?.[3] === undefined ? defaultPort : Number(found[3]);
  if (host === undefined || port < 1 || port > 65535) {
    throw invalid(name, "has a uri that is not host:port");
  }
  return { host, port };
}

function invalid(name: string, what: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "db.bad-target",
    message: `database ${name} ${what}`,
    shown: `database ${name} ${what}`,
  });
}
