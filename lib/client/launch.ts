/** How each protocol's own programs are told where to connect: a row for each protocol. */
import { Fault } from "../core/fault.ts";
import {
  type ConnectionFile,
  type FileGroup,
  hasGroup,
  removeGroups,
  writeGroups,
} from "./connection_file.ts";
import { mysql } from "./launch_mysql.ts";
import { redis } from "./launch_redis.ts";
import type { ClientPowers } from "./powers.ts";
import { homeOf, type Login, type Profile, readProxyAddress, type Route } from "./profile.ts";

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
  /** The first that is installed is run. */
  readonly programs: readonly [string, ...string[]];
  /** What to install where the program is missing. */
  readonly install: string;
  /** Programs open TLS to a port of their protocol's own, where the proxy has one. */
  readonly ownPort: boolean;
  /** Variables that make any program of this protocol's own library connect. */
  environment(connection: Connection): Readonly<Record<string, string>>;
  /** The file in which the library looks up connections; null where there is none. */
  file(powers: Pick<ClientPowers, "env">): ConnectionFile | null;
  /** What stands in it for this connection. */
  groups(connection: Connection, powers: ClientPowers): Promise<readonly FileGroup[]>;
  /** Variables that make a program read that very file. */
  fileVariables(file: ConnectionFile): Readonly<Record<string, string>>;
  /** The exact command to type after `tsh db login`. */
  command(service: string, connection: Connection): string;
  /** Arguments of the program, before those of the user. */
  args(service: string, connection: Connection): readonly string[];
  /** Arguments of a program for a local port without TLS, before those of the user. */
  localArgs(port: number, connection: Connection, program: string): readonly string[];
  /** Address of a database behind a local port, to be typed. */
  localCommand(port: number, connection: Connection, isPlain: boolean): string;
}

const postgres: Launch = {
  programs: ["psql"],
  install: "install PostgreSQL's client (Debian: postgresql-client; macOS: libpq)",
  ownPort: false,
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
  file: (powers) => ({
    path: powers.env("PGSERVICEFILE") ?? `${homeOf(powers)}/.pg_service.conf`,
    quoted: (value) => value,
    elsewhere: "rename it, or use another file: PGSERVICEFILE=FILE tsh db login ...",
  }),
  groups: ({ service, host, port, user, database, ca, cert, key }) => {
    const values: FileGroup["values"] = [
      ["host", host],
      ["port", String(port)],
      ...(user === null ? [] : [["user", user] as const]),
      ...(database === null ? [] : [["dbname", database] as const]),
      ["sslmode", "verify-full"],
      ["sslrootcert", ca],
      ["sslcert", cert],
      ["sslkey", key],
    ];
    return Promise.resolve([{ header: service, values }]);
  },
  fileVariables: ({ path }) => ({ PGSERVICEFILE: path }),
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

const table: Readonly<Record<string, Launch>> = { postgres, mysql, redis };

/** The row of a protocol; null for one that this `tsh` doesn't know. */
export function launchFor(protocol: string): Launch | null {
  return Object.hasOwn(table, protocol) ? table[protocol] ?? null : null;
}

export function launchOf(protocol: string): Launch {
  const found = launchFor(protocol);
  if (found !== null) return found;
  throw new Fault({
    kind: "invalid",
    code: "client.unknown-protocol",
    message: `this tsh does not know the protocol ${protocol}`,
    hint: "get a newer tsh",
  });
}

/** The first of its programs that is installed: its name; null where none is. */
export async function installed(
  { programs }: Launch,
  { findProgram }: Pick<ClientPowers, "findProgram">,
): Promise<string | null> {
  for (const program of programs) if (await findProgram(program) !== null) return program;
  return null;
}

/** Programs can't come to the proxy by themselves, but only over a local port of `tsh`. */
export function needsLocalPort(
  { protocol, native, require_end_to_end }: Pick<
    Route,
    "protocol" | "native" | "require_end_to_end"
  >,
): boolean {
  return require_end_to_end || (launchOf(protocol).ownPort && native === null);
}

/** The command to type for a route and its connection. */
export function commandFor(route: Route, connection: Connection): string {
  const { service, protocol } = route;
  if (needsLocalPort(route)) return `tsh db connect ${service}`;
  return launchOf(protocol).command(service, connection);
}

export function connectionOf(profile: Profile, login: Login, route: Route): Connection {
  const { host, port } = readProxyAddress(route.native ?? login.proxy);
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

/** Writes how to connect into the file of the programs; gives the variables that name it. */
export async function writeConnection(
  connection: Connection,
  powers: ClientPowers,
): Promise<Readonly<Record<string, string>>> {
  const launch = launchOf(connection.protocol);
  const file = launch.file(powers);
  if (file === null) return {};
  const groups = await launch.groups(connection, powers);
  await writeGroups(file, connection.service, groups, powers);
  return launch.fileVariables(file);
}

/** Takes it out again. */
export async function removeConnection(
  { service, protocol }: Pick<Route, "service" | "protocol">,
  powers: ClientPowers,
): Promise<void> {
  const file = launchFor(protocol)?.file(powers) ?? null;
  if (file !== null) await removeGroups(file, service, powers);
}

/** The group that is missing from the file of the programs; null where none is. */
export async function missingGroup(
  connection: Connection,
  powers: ClientPowers,
): Promise<{ readonly path: string; readonly header: string } | null> {
  const launch = launchOf(connection.protocol);
  const file = launch.file(powers);
  if (file === null) return null;
  const text = await powers.files.readText(file.path) ?? "";
  const groups = await launch.groups(connection, powers);
  const missing = groups.find(({ header }) => !hasGroup(text, header));
  return missing === undefined ? null : { path: file.path, header: missing.header };
}

/** A value in a connection string ("Keyword/Value Connection Strings"). */
function quoted(value: string): string {
  return /^[\w.@-]+$/.test(value) ? value : `'${value.replaceAll(/['\\]/g, "\\$&")}'`;
}
