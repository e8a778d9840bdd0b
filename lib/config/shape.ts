/**
 * The shape of `remoteler.yaml`: every field with its meaning, its default and its bounds. Types,
 * JSON Schema and the reference in docs come from here.
 */
import { jsonSchema, type Output, v } from "../schema/mod.ts";
import { address, bytes, clusterName, count, duration, name, oneOrMany, path } from "./fields.ts";

/** A field with the sentence that documents it. */
function about<const S extends v.GenericSchema>(
  schema: S,
  text: string,
): v.SchemaWithPipe<readonly [S, v.DescriptionAction<v.InferOutput<S>, string>]> {
  return v.pipe(schema, v.description(text));
}

const join = v.strictObject({
  method: v.optional(about(v.picklist(["token"]), "how this process proves who it is")),
  token: v.optional(about(v.string(), "a join token; better in token_file")),
  token_file: v.optional(about(path, "file whose first line is the join token")),
});

const log = v.strictObject({
  level: v.optional(
    about(v.picklist(["debug", "info", "warn", "error"]), "lines below it are left out"),
    "info",
  ),
  format: v.optional(about(v.picklist(["json", "text"]), "how lines on stderr look"), "json"),
});

const storage = v.strictObject({
  type: v.optional(about(v.picklist(["sqlite", "memory"]), "where Auth keeps its state"), "sqlite"),
  path: v.optional(about(path, "the SQLite file; data_dir/state.sqlite where left out")),
});

const process = v.strictObject({
  nodename: v.optional(about(name, "name of this machine in lists; its host name where left out")),
  data_dir: v.optional(
    about(path, "folder for state, keys, spools and the local socket; made with mode 0700"),
    "/var/lib/remoteler",
  ),
  auth_server: v.optional(about(address, "host:port of an Auth Service to join directly")),
  proxy_server: v.optional(
    about(address, "host:port of a proxy that carries the calls to Auth, unread"),
  ),
  join: v.optional(about(join, "how to join; needed where Auth runs elsewhere")),
  ca_pin: v.optional(
    about(
      oneOrMany(
        v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/, '"sha256:" and 64 hex digits')),
      ),
      "SPKI SHA-256 of the host CA, or a list of them; checked before the token is sent",
    ),
  ),
  log: v.optional(about(log, "log lines"), {}),
  diag_addr: v.optional(
    about(
      address,
      "where /healthz, /readyz and /metrics are told, in the clear; off where left out",
    ),
  ),
  storage: v.optional(about(storage, "the state of an Auth Service"), {}),
});

const enabled = v.optional(about(v.boolean(), "whether this process runs it"), true);
const drain = v.optional(
  about(duration, "how long sessions may go on after SIGTERM before they are ended"),
  "30s",
);

const authAudit = v.strictObject({
  checkpoint_events: v.optional(about(count, "events between two signed checkpoints"), 10_000),
  checkpoint_period: v.optional(about(duration, "longest time between two checkpoints"), "5m"),
});

const authService = v.strictObject({
  enabled,
  listen_addr: v.optional(about(address, "where services and tools reach it"), "127.0.0.1:3025"),
  cluster_name: v.optional(
    about(clusterName, "name of the cluster, in every certificate; can't be changed later"),
    "remoteler",
  ),
  ca_passphrase_file: v.optional(
    about(path, "file whose first line encrypts the CA keys at rest"),
  ),
  audit: v.optional(about(authAudit, "the audit log"), {}),
});

const proxyService = v.strictObject({
  enabled,
  web_listen_addr: v.optional(about(address, "the one public port"), "0.0.0.0:3080"),
  public_addr: v.optional(
    about(
      oneOrMany(address),
      "host:port as clients and agents reach it, or a list; first is shown",
    ),
  ),
  mysql_listen_addr: v.optional(about(
    address,
    "a port of its own for programs of MySQL and MariaDB, usually 0.0.0.0:3036: their server " +
      "speaks first; off where left out, and tsh proxy db does without",
  )),
  mysql_public_addr: v.optional(
    about(address, "host:port as clients reach it; the host of public_addr where left out"),
  ),
  mysql_server_version: v.optional(
    about(
      v.pipe(v.string(), v.regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}[A-Za-z0-9._+-]{0,64}$/, "a version")),
      "version that clients of that port are told, before it is known which database they want",
    ),
    "8.4.0-remoteler",
  ),
  https_keypairs: v.optional(
    about(
      v.array(v.strictObject({
        cert_file: about(path, "PEM chain of the public certificate"),
        key_file: about(path, "PEM key of the public certificate"),
      })),
      "public certificates; one made by the host CA where left out",
    ),
    [],
  ),
  drain_timeout: drain,
});

const databaseTls = v.strictObject({
  mode: v.optional(
    about(
      v.picklist(["verify-full", "verify-ca", "insecure"]),
      "what of the database's certificate is checked",
    ),
    "verify-full",
  ),
  ca_cert_file: v.optional(about(
    path,
    "PEM of the CA that signed the database's certificate; the cluster's own and the system's " +
      "where left out",
  )),
  server_name: v.optional(about(v.string(), "name to check in place of the host of uri")),
});

const credentials = v.strictObject({
  type: v.optional(
    about(
      v.picklist(["x509", "secret"]),
      "how the agent logs in: a certificate of the cluster, or a stored password",
    ),
    "x509",
  ),
  user: v.optional(
    about(
      v.pipe(v.string(), v.minLength(1, "a database user"), v.maxLength(255)),
      "the one database user that the password is for; any that the roles allow where left out",
    ),
  ),
  password_file: v.optional(
    about(path, "file whose first line is the password, read at each login"),
  ),
  password_env: v.optional(
    about(
      v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "a variable's name")),
      "environment variable that holds the password",
    ),
  ),
});

const database = v.strictObject({
  name: about(name, "name in lists and certificates"),
  protocol: about(
    v.picklist(["postgres", "mysql", "redis"]),
    "protocol it speaks; MariaDB's is mysql, Valkey's redis",
  ),
  uri: about(address, "host:port where the agent reaches it"),
  description: v.optional(about(v.pipe(v.string(), v.maxLength(256)), "for people"), ""),
  labels: v.optional(
    about(
      v.record(
        v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, "a label key")),
        v.pipe(v.string(), v.maxLength(256, "256 characters or less")),
      ),
      "what roles match",
    ),
    {},
  ),
  tls: v.optional(about(databaseTls, "TLS towards the database"), {}),
  credentials: v.optional(about(credentials, "how the agent logs in to the database"), {}),
});

const dbAudit = v.strictObject({
  spool_limit_bytes: v.optional(
    about(bytes, "what the spool may hold while Auth is away; new sessions are refused beyond it"),
    1 << 30,
  ),
});

const dbService = v.strictObject({
  enabled,
  databases: v.optional(about(v.array(database), "the databases this agent serves"), []),
  audit: v.optional(about(dbAudit, "the audit spool"), {}),
  drain_timeout: drain,
});

/** The whole file. */
export const shape = v.strictObject({
  version: about(v.literal("v1"), "version of this format"),
  remoteler: v.optional(about(process, "what all services of this process share"), {}),
  auth_service: v.optional(about(authService, "Auth: authorities, users, roles, audit log")),
  proxy_service: v.optional(about(proxyService, "Proxy: the public address")),
  db_service: v.optional(about(dbService, "Database Service: an agent near the databases")),
});

/** A configuration with its defaults filled in; durations are milliseconds, addresses are read. */
export type Config = Output<typeof shape>;
export type AuthConfig = NonNullable<Config["auth_service"]>;
export type ProxyConfig = NonNullable<Config["proxy_service"]>;
export type DbConfig = NonNullable<Config["db_service"]>;
export type DatabaseConfig = DbConfig["databases"][number];

/** JSON Schema of `remoteler.yaml`, for editors and docs. */
export function configJsonSchema(): Record<string, unknown> {
  return { title: "remoteler.yaml", ...jsonSchema(shape) };
}
