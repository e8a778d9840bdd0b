/** A site with a real Redis behind it, and how its clients are told where to connect. */
import { join } from "../../scripts/lab/paths.ts";
import type { RedisServer } from "../../scripts/lab/redis.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { type Finished, freePort, run } from "../../scripts/lab/tools.ts";
import { siteSuite } from "../site.ts";
import { passwords, serverTls, singleRedis } from "./server.ts";

/** What the tests of one file share. */
export interface RedisSite {
  readonly site: Site;
  readonly server: RedisServer;
  /** Starts the server again where it was, once it has ended. */
  restart(): Promise<void>;
  /** May be `alice` of the server, in the databases 0 and 1; logged in to `cache`. */
  readonly alice: Person;
}

export type RedisTest = (on: RedisSite) => Promise<void>;

/** Declares tests that share one site; its database `cache` is a single server. */
export function redisSuite(
  settings: readonly string[] = [],
): (name: string, run: RedisTest) => void {
  let server: RedisServer;
  let alice: Person;
  const restart = async (site: Site) => {
    server = await startServer(site, settings, server.port);
  };
  const test = siteSuite({
    moreDatabases: async (site) => {
      server ??= await startServer(site, settings);
      return [await cacheOf(site, server)];
    },
  }, async (site) => {
    alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["0", "1"] });
    await site.login(alice, "alice");
    await alice.mustTsh(["db", "login", "cache", "--db-user=alice", "--db-name=0"]);
  }, async () => await server?.stop());
  return (name, promise) =>
    test(name, (site) => promise({ site, server, alice, restart: () => restart(site) }));
}

async function startServer(
  site: Site,
  settings: readonly string[],
  port: number = freePort(),
): Promise<RedisServer> {
  const tls = await serverTls(site.authority, await site.databaseClientCa(), "required");
  return await singleRedis({ dir: join(site.dir, "redis"), tls, settings, port });
}

async function cacheOf(site: Site, server: RedisServer): Promise<Record<string, unknown>> {
  const file = join(site.dir, "redis-password");
  await Deno.writeTextFile(file, passwords["alice"] ?? "", { mode: 0o600 });
  return {
    name: "cache",
    protocol: "redis",
    uri: `localhost:${server.port}`,
    labels: { env: "test" },
    tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
    credentials: { type: "secret", password_file: file },
  };
}

/** Variables of drivers/README.md for the way through the proxy. */
export async function through(person: Person): Promise<Record<string, string>> {
  const { host, port, ca, cert, key } = JSON.parse(
    await person.mustTsh(["db", "config", "cache", "--format=json"]),
  );
  return {
    REDIS_HOST: host,
    REDIS_PORT: String(port),
    REDIS_CA: ca,
    REDIS_CERT: cert,
    REDIS_KEY: key,
  };
}

/** The same straight to the server, as its user `alice`. */
export function direct({ site, server: { dir, port } }: RedisSite): Record<string, string> {
  return {
    REDIS_HOST: "localhost",
    REDIS_PORT: String(port),
    REDIS_CA: join(site.dir, "server-ca.pem"),
    REDIS_CERT: join(dir, "client.pem"),
    REDIS_KEY: join(dir, "client.key"),
    REDIS_USER: "alice",
    REDIS_PASSWORD: passwords["alice"] ?? "",
  };
}

/** Options of redis-cli and redis-benchmark for such variables. */
export function optionsOf(env: Readonly<Record<string, string>>): readonly string[] {
  const { REDIS_HOST, REDIS_PORT, REDIS_CA, REDIS_CERT, REDIS_KEY, REDIS_USER } = env;
  return [
    ...["-h", REDIS_HOST ?? "", "-p", REDIS_PORT ?? "", "--tls", "--cacert", REDIS_CA ?? ""],
    ...["--cert", REDIS_CERT ?? "", "--key", REDIS_KEY ?? ""],
    ...(REDIS_USER === undefined ? [] : ["--user", REDIS_USER, "-a", env["REDIS_PASSWORD"] ?? ""]),
  ];
}

/** redis-cli; what it says of a password on its command line is left out. */
export async function redisCli(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  input?: string | undefined,
): Promise<Finished> {
  const options = { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) };
  return await run("redis-cli", [...optionsOf(env), "--no-auth-warning", ...args], options);
}

/** A command as the audit log has it. */
export interface RecordedCommand {
  readonly args: readonly string[];
  readonly reply?: string;
  readonly error?: string;
  readonly cut?: readonly { readonly index: number; readonly bytes: number; sha256?: string }[];
}

/** All commands of the log, in its order. */
export async function commandsIn(site: Site): Promise<readonly RecordedCommand[]> {
  const events = await site.events(["--events=db.session.query"]);
  return events.flatMap(({ commands }) => Array.isArray(commands) ? commands : []);
}
