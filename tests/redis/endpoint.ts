/** Where a client of the tests connects and with which files, and redis-cli told so. */
import { join } from "../../scripts/lab/paths.ts";
import type { RedisServer } from "../../scripts/lab/redis.ts";
import type { Person } from "../../scripts/lab/services.ts";
import { type Finished, run } from "../../scripts/lab/tools.ts";
import { passwords } from "./server.ts";

/** Where a client connects, and as whom; the same for both ways. */
export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  /** Paths of PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly account: { readonly user: string; readonly password: string } | null;
}

/** Through the proxy, to a database after `tsh db login`. */
export async function endpointOf(person: Person, database: string): Promise<RedisEndpoint> {
  const { host, port, ca, cert, key } = JSON.parse(
    await person.mustTsh(["db", "config", database, "--format=json"]),
  );
  return { host, port, ca, cert, key, account: null };
}

/** Straight to a server of the lab. */
export function directTo(
  { dir, port }: RedisServer,
  account = { user: "alice", password: passwords["alice"] ?? "" },
): RedisEndpoint {
  const [ca, cert, key] = ["server-ca.pem", "client.pem", "client.key"] as const;
  const file = (name: string) => join(dir, name);
  return { host: "localhost", port, ca: file(ca), cert: file(cert), key: file(key), account };
}

/** Options of redis-cli and redis-benchmark. */
export function optionsOf(
  { host, port, ca, cert, key, account }: RedisEndpoint,
): readonly string[] {
  const files = ["--cacert", ca, "--cert", cert, "--key", key];
  const who = account === null
    ? []
    : ["--user", account.user, "-a", account.password, "--no-auth-warning"];
  return ["-h", host, "-p", String(port), "--tls", ...files, ...who];
}

/** Runs redis-cli. */
export async function redisCli(
  endpoint: RedisEndpoint,
  args: readonly string[],
  input?: string,
): Promise<Finished> {
  const options = { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) };
  return await run("redis-cli", [...optionsOf(endpoint), ...args], options);
}
