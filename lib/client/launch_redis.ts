/** The row of Redis and Valkey: their programs have no file for connections, only options. */
import type { Connection, Launch } from "./launch.ts";

export const redis: Launch = {
  programs: ["redis-cli", "valkey-cli"],
  install: "install a client (Debian: redis-tools; macOS: redis)",
  ownPort: false,
  environment: ({ host, port, database, ca, cert, key }) => ({
    REDIS_URL: `rediss://${host.includes(":") ? `[${host}]` : host}:${port}/${database ?? "0"}`,
    REDIS_TLS_CA: ca,
    REDIS_TLS_CERT: cert,
    REDIS_TLS_KEY: key,
  }),
  file: () => null,
  groups: () => Promise.resolve([]),
  fileVariables: () => ({}),
  command: (_, connection) => `redis-cli ${args(connection).map(shellQuoted).join(" ")}`,
  args: (_, connection) => args(connection),
  localArgs: (port, connection) => local(port, connection),
  localCommand: (port, connection, isPlain) => {
    if (isPlain) return `redis-cli ${local(port, connection).join(" ")}`;
    const { host, ...rest } = connection;
    const all = args({ ...rest, host: "127.0.0.1", port });
    // The certificate is for the proxy's name.
    return `redis-cli ${["--sni", host, ...all].map(shellQuoted).join(" ")}`;
  },
};

function args({ host, port, database, ca, cert, key }: Connection): readonly string[] {
  return [
    ...["-h", host, "-p", String(port), "--tls"],
    ...["--cacert", ca, "--cert", cert, "--key", key],
    ...number(database),
  ];
}

function local(port: number, { database }: Connection): readonly string[] {
  return ["-h", "127.0.0.1", "-p", String(port), ...number(database)];
}

/** The session begins in it anyway; this program shows it in its prompt. */
function number(database: string | null): readonly string[] {
  return database === null || database === "0" ? [] : ["-n", database];
}

function shellQuoted(word: string): string {
  return /^[\w./:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
