/** The row of MySQL and MariaDB, whose programs read `~/.my.cnf` ("Using Option Files"). */
import type { ConnectionFile, FileGroup } from "./connection_file.ts";
import type { Connection, Launch } from "./launch.ts";
import type { ClientPowers } from "./powers.ts";
import { homeOf } from "./profile.ts";

export const mysql: Launch = {
  programs: ["mariadb", "mysql"],
  install: "install a client (Debian: mariadb-client or default-mysql-client; macOS: mysql-client)",
  ownPort: true,
  environment: ({ service, host, port }) => ({
    MYSQL_HOST: host,
    MYSQL_TCP_PORT: String(port),
    // All else stands in the group; there are no variables for it.
    MYSQL_GROUP_SUFFIX: `_${service}`,
  }),
  file: (powers): ConnectionFile => ({
    path: `${homeOf(powers)}/.my.cnf`,
    quoted: (value) => `"${value.replaceAll(/["\\]/g, "\\$&")}"`,
    elsewhere: "rename it; it is named as the groups that tsh writes",
  }),
  groups: async (connection, powers) => [
    client(connection, await hasMysqlsOwn(powers)),
    { header: `client-mariadb_${connection.service}`, values: [["ssl-verify-server-cert", null]] },
    // Other programs of the same group have another meaning for it, or none.
    ...(connection.database === null ? [] : [{
      header: `mysql_${connection.service}`,
      values: [["database", connection.database] as const],
    }]),
  ],
  fileVariables: () => ({}),
  command: (service) => `mysql --defaults-group-suffix=_${service}`,
  args: (service) => [`--defaults-group-suffix=_${service}`],
  localArgs: (port, connection, program) => [
    // What the user's own groups say of other servers must not count.
    ...["--no-defaults", ...localWords(port, connection)],
    // From 11.4 on it wants TLS unless told otherwise; the other name is also that of MySQL's own.
    ...(program === "mariadb" ? ["--skip-ssl"] : []),
    ...(connection.database === null ? [] : [`--database=${connection.database}`]),
  ],
  localCommand: (port, connection, isPlain) => {
    const { service, database } = connection;
    const words = localWords(port, connection).map(shellQuoted).join(" ");
    const name = database === null ? "" : ` ${shellQuoted(database)}`;
    if (isPlain) return `mysql ${words}${name}`;
    return `mysql --defaults-group-suffix=_${service} --host=localhost --port=${port}`;
  },
};

/** Options that all programs of both makers know, but for one. */
function client(
  { service, host, port, user, ca, cert, key }: Connection,
  hasMysqls: boolean,
): FileGroup {
  const values: FileGroup["values"] = [
    ["host", host],
    ["port", String(port)],
    // With "localhost" they would look for a socket's file.
    ["protocol", "TCP"],
    ...(user === null ? [] : [["user", user] as const]),
    ["ssl-ca", ca],
    ["ssl-cert", cert],
    ["ssl-key", key],
    // MariaDB's, whose own is in a group of its own, say a warning of it.
    ...(hasMysqls ? [["loose-ssl-mode", "VERIFY_IDENTITY"] as const] : []),
  ];
  return { header: `client_${service}`, values };
}

/** There are programs of MySQL's own, or none yet. */
async function hasMysqlsOwn({ findProgram, outputOf }: ClientPowers): Promise<boolean> {
  const path = await findProgram("mysql");
  if (path === null) return await findProgram("mariadb") === null;
  return !/MariaDB/.test(await outputOf(path, ["--version"]));
}

function localWords(port: number, { user }: Connection): readonly string[] {
  const words = ["--protocol=tcp", "--host=127.0.0.1", `--port=${port}`];
  return user === null ? words : [...words, `--user=${user}`];
}

function shellQuoted(word: string): string {
  return /^[\w.@=:/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
