/** Real Redis servers for tests and benchmarks, of this Debian or newer ones. */
import { join } from "./paths.ts";
import { type SidProgram, sidPrograms } from "./sid.ts";
import { exists, type Finished, freePort, run, waitFor, which } from "./tools.ts";

export interface RedisBinaries {
  readonly server: SidProgram;
  readonly cli: SidProgram;
}

export interface RedisTls {
  /** PEM texts of the server's certificate and key, and of the CA of client certificates. */
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
  /** PEM of the CA that signed `cert`, for redis-cli. */
  readonly serverCa: string;
  /** What redis-cli shows, and a cluster's node to other nodes: `cert` is good for servers only. */
  readonly client: { readonly cert: string; readonly key: string };
  /** Refuse clients without a certificate; by default they may have none. */
  readonly clientCertificates?: "required" | "optional";
}

/** The administrator of every server of the lab. */
export const redisAdmin = { user: "admin", password: "admin of the lab" } as const;

export interface RedisOptions {
  readonly binaries: RedisBinaries;
  /** An existing folder; data, certificates and log go below it. */
  readonly dir: string;
  readonly tls: RedisTls;
  /** Lines `user NAME ...`, beside the administrator's; the default user is off. */
  readonly users: readonly string[];
  /** Further lines of redis.conf. */
  readonly settings?: readonly string[];
  readonly port?: number;
}

export interface RedisServer {
  readonly port: number;
  readonly dir: string;
  readonly logFile: string;
  readonly pid: number;
  readonly running: boolean;
  /** Runs redis-cli as the administrator with these arguments. */
  cli(args: readonly string[], input?: string): Promise<Finished>;
  /** The same, gives what it printed, and throws where it failed. */
  mustCli(args: readonly string[], input?: string): Promise<string>;
  stop(): Promise<void>;
  signal(name: Deno.Signal): void;
}

/** The Redis of this system, or null. */
export async function installedRedis(): Promise<RedisBinaries | null> {
  const server = await which("redis-server");
  const cli = await which("redis-cli");
  if (server === null || cli === null) return null;
  return { server: { program: server, args: [] }, cli: { program: cli, args: [] } };
}

/** The newest Redis or Valkey of Debian sid in a folder of its own; null where it can't be had. */
export async function sidRedis(product: "redis" | "valkey"): Promise<RedisBinaries | null> {
  const server = await sidPrograms(`${product}-server`);
  if (server === null) return null;
  return { server: server(`usr/bin/${product}-server`), cli: server(`usr/bin/${product}-cli`) };
}

/** Starts a server that speaks TLS only, and waits until it answers. */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  const { dir, binaries: { server: { program, args } } } = options;
  const port = options.port ?? freePort();
  const logFile = join(dir, "redis.log");
  const configFile = await writeFiles(options, port, logFile);
  const child = new Deno.Command(program, {
    args: [...args, configFile],
    cwd: dir,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  const status = child.status.then(() => {
    ended = true;
  });
  const cli = (args: readonly string[], input?: string) => redisCli(options, port, args, input);
  const mustCli = async (args: readonly string[], input?: string) => {
    const done = await cli(args, input);
    if (done.code === 0) return done.stdout;
    throw new Error(`redis-cli ${args.join(" ")} failed: ${done.stderr}${done.stdout}`);
  };
  const signal = (name: Deno.Signal) => {
    if (!ended) child.kill(name);
  };
  await waitFor("Redis is ready", 10_000, async () => {
    if (ended) throw new Error(`Redis ended:\n${await Deno.readTextFile(logFile)}`);
    return (await cli(["ping"])).stdout.trim() === "PONG";
  });
  return {
    port,
    dir,
    logFile,
    pid: child.pid,
    get running() {
      return !ended;
    },
    cli,
    mustCli,
    signal,
    async stop() {
      // One that was told to stand still has to hear it too.
      signal("SIGCONT");
      signal("SIGKILL");
      await status;
    },
  };
}

async function writeFiles(options: RedisOptions, port: number, logFile: string): Promise<string> {
  const { dir, tls, users, settings = [] } = options;
  const texts = [
    ["server.pem", tls.cert],
    ["server.key", tls.key],
    ["client-ca.pem", tls.clientCa],
    ["server-ca.pem", tls.serverCa],
    ["client.pem", tls.client.cert],
    ["client.key", tls.client.key],
  ] as const;
  for (const [name, text] of texts) {
    await Deno.writeTextFile(join(dir, name), text, { mode: 0o600 });
  }
  const configFile = join(dir, "redis.conf");
  // A cluster's node writes into its configuration what it has learnt: a restart keeps the file.
  if (await exists(configFile)) return configFile;
  const { user, password } = redisAdmin;
  await Deno.writeTextFile(
    configFile,
    [
      ...["bind 127.0.0.1", "port 0", `tls-port ${port}`, `dir "${dir}"`, `logfile "${logFile}"`],
      `tls-cert-file "${join(dir, "server.pem")}"`,
      `tls-key-file "${join(dir, "server.key")}"`,
      `tls-client-cert-file "${join(dir, "client.pem")}"`,
      `tls-client-key-file "${join(dir, "client.key")}"`,
      `tls-ca-cert-file "${join(dir, "client-ca.pem")}"`,
      `tls-auth-clients ${tls.clientCertificates === "required" ? "yes" : "optional"}`,
      ...['save ""', "appendonly no"],
      "user default off",
      `user ${user} on "#${await sha256(password)}" ~* &* +@all`,
      ...users,
      ...settings,
    ].join("\n") + "\n",
    { mode: 0o600 },
  );
  return configFile;
}

function redisCli(
  { binaries: { cli: { program, args: first } }, dir }: Pick<RedisOptions, "binaries" | "dir">,
  port: number,
  args: readonly string[],
  input?: string,
): Promise<Finished> {
  const { user, password } = redisAdmin;
  return run(program, [
    ...[...first, "-h", "localhost", "-p", String(port), "--user", user, "--no-auth-warning"],
    ...["--tls", "--cacert", join(dir, "server-ca.pem"), "--cert", join(dir, "client.pem")],
    ...["--key", join(dir, "client.key"), ...args],
  ], { env: { REDISCLI_AUTH: password }, ...(input === undefined ? {} : { input }) });
}

/** A password as redis.conf keeps it: `user NAME on #HASH`. */
export async function sha256(password: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(password));
  return new Uint8Array(hash).toHex();
}
