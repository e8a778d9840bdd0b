/** Redis servers of a test: certificates by an authority of its own, and the users of tests. */
import { LabAuthority } from "../../scripts/lab/certificates.ts";
import {
  installedRedis,
  type RedisBinaries,
  type RedisOptions,
  type RedisServer,
  type RedisTls,
  sha256,
  sidRedis,
  startRedis,
} from "../../scripts/lab/redis.ts";
import {
  type RedisCluster,
  type RedisClusterOptions,
  startRedisCluster,
} from "../../scripts/lab/redis_cluster.ts";
import { skipped } from "../site.ts";

/** Passwords of the users beside the administrator. */
export const passwords: Readonly<Record<string, string>> = {
  alice: 'alice\'s own "secret"',
  reader: "reads only",
};

/** `alice` may do all but run the server; `reader` reads keys below `public:`. */
export async function users(): Promise<readonly string[]> {
  const hash = async (user: string) => `#${await sha256(passwords[user] ?? "")}`;
  return [
    `user alice on "${await hash("alice")}" ~* &* +@all -@admin +config|get +monitor`,
    `user reader on "${await hash("reader")}" ~public:* &public:* +@read +@connection +@pubsub`,
  ];
}

/**
 * Certificates for servers on `localhost`; `clientCa`: what they trust beside the authority's own
 * clients, such as the `db_client` CA of a site.
 */
export async function serverTls(
  authority: LabAuthority,
  clientCa = "",
  clientCertificates: "required" | "optional" = "optional",
): Promise<RedisTls> {
  const { cert, key } = await authority.server("localhost", "127.0.0.1");
  const ca = authority.pem;
  const client = await authority.client("admin");
  return { cert, key, client, clientCa: ca + clientCa, serverCa: ca, clientCertificates };
}

/** The Redis of this system; throws where there is none. */
export async function anyRedis(): Promise<RedisBinaries> {
  const found = await installedRedis();
  if (found === null) throw new Error("redis-server and redis-cli are not installed");
  return found;
}

/** Newer ones out of Debian sid, where all tests are asked for and they can be had; else null. */
export async function newerRedis(product: "redis" | "valkey"): Promise<RedisBinaries | null> {
  if (!Deno.env.get("REMOTELER_TEST_ALL")) return null;
  const name = product === "redis" ? "Redis" : "Valkey";
  const found = await sidRedis(product);
  if (found === null) skipped(`${name} of Debian sid`, "Debian sid's packages can't be had");
  return found;
}

type Some<T> = Partial<T> & { readonly dir: string; readonly tls: RedisTls };

/** One server with the users of the tests. */
export async function singleRedis(options: Some<RedisOptions>): Promise<RedisServer> {
  await Deno.mkdir(options.dir, { recursive: true });
  return await startRedis({ binaries: await anyRedis(), users: await users(), ...options });
}

/** Three masters with the users of the tests. */
export async function clusterRedis(options: Some<RedisClusterOptions>): Promise<RedisCluster> {
  return await startRedisCluster({ binaries: await anyRedis(), users: await users(), ...options });
}
