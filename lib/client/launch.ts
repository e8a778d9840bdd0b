/** How each protocol's own programs are told where to connect: a row for each protocol. */
import { Fault } from "../core/fault.ts";
import { type Login, type Profile, readProxyAddress, type Route } from "./profile.ts";

/** A connection through the proxy by the files of a route. */
export interface Connection {
  readonly service: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | null;
  readonly database: string | null;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Launch {
  readonly program: string;
  /** What to install where the program is missing. */
  readonly install: string;
  /** Variables that make any program of this protocol's own library connect. */
  environment(connection: Connection): Readonly<Record<string, string>>;
  /** Keywords and values of the library's configuration file; null where there is none. */
  section(connection: Connection): readonly (readonly [string, string])[];
  /** The exact command to type after `tsh db login`. */
  command(service: string): string;
  /** Arguments of the program, before those of the user. */
  args(service: string): readonly string[];
  /** Arguments of the program for a local port without TLS, before those of the user. */
  localArgs(port: number, connection: Connection): readonly string[];
  /** Address of a database behind a local port, to be typed. */
  localCommand(port: number, connection: Connection, isPlain: boolean): string;
}

const postgres: Launch = {
  program: "psql",
  install: "install PostgreSQL's client (Debian: postgresql-client; macOS: libpq)",
  environment: ({ host, port, user, database, ca, cert, key }) => ({
    PGHOST: host,
    PGPORT: String(port),
    ...(user === null ? {} : { PGUSER: user }),
    ...(database === null ? {} : { PGDATABASE: database }),
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: ca,
    PGSSLCERT: cert,
    PGSSLKEY: key,
  }),
  section: ({ host, port, user, database, ca, cert, key }) => [
    ["host", host],
    ["port", String(port)],
    ...(user === null ? [] : [["user", user] as const]),
    ...(database === null ? [] : [["dbname", database] as const]),
    ["sslmode", "verify-full"],
    ["sslrootcert", ca],
    ["sslcert", cert],
    ["sslkey", key],
  ],
  command: (service) => `psql service=${service}`,
  args: (service) => [`service=${service}`],
  localArgs: (port, connection) => [`${localWords(port, connection)} sslmode=disable`],
  localCommand: (port, connection, isPlain) =>
    isPlain
      ? `psql "${localWords(port, connection)}"`
      : `psql "service=${connection.service} hostaddr=127.0.0.1 port=${port}"`,
};

function localWords(port: number, { user, database }: Connection): string {
  const words = [
    "host=127.0.0.1",
    `port=${port}`,
    ...(user === null ? [] : [`user=${quoted(user)}`]),
    ...(database === null ? [] : [`dbname=${quoted(database)}`]),
  ];
  return words.join(" ");
}

const table: Readonly<Record<string, Launch>> = { postgres };

export function launchOf(protocol: string): Launch {
  const found = Object.hasOwn(table, protocol) ? table[protocol] : undefined;
  if (found !== undefined) return found;
  throw new Fault({
    kind: "invalid",
    code: "client.unknown-protocol",
    message: `this tsh does not know the protocol ${protocol}`,
    hint: "get a newer tsh",
  });
}

export function connectionOf(profile: Profile, login: Login, route: Route): Connection {
  const { host, port } = readProxyAddress(login.proxy);
  const files = profile.routeFiles(login, route.service);
  return {
    service: route.service,
    protocol: route.protocol,
    host,
    port,
    user: route.db_user,
    database: route.db_name,
    ca: files.authority,
    cert: files.certificate,
    key: files.key,
  };
}

/** A value in a connection string ("Keyword/Value Connection Strings"). */
function quoted(value: string): string {
  return /^[\w.@-]+$/.test(value) ? value : `'${value.replaceAll(/['\\]/g, "\\$&")}'`;
}
