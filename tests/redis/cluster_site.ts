/** A real cluster behind a real site, and ways to ask it as a plain client. */
import { join } from "../../scripts/lab/paths.ts";
import type { RedisBinaries, RedisServer } from "../../scripts/lab/redis.ts";
import type { RedisCluster } from "../../scripts/lab/redis_cluster.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { endpointOf, redisCli, type RedisEndpoint } from "./endpoint.ts";
import { anyRedis, clusterRedis, serverTls, singleRedis } from "./server.ts";
import { everythingRole, redisDatabase, redisSiteSuite } from "./site.ts";

export interface ClusterSite {
  readonly site: Site;
  readonly cluster: RedisCluster;
  /** A server of its own with the same users: what "one big Redis" is held against. */
  readonly single: RedisServer;
  readonly alice: Person;
  /** The cluster through the proxy. */
  readonly through: RedisEndpoint;
  /** redis-cli through the proxy, with the words of standard error after those of the output. */
  cli(args: readonly string[], input?: string): Promise<string>;
}

/** Declares tests that share a site with a cluster. */
export function clusterSuite(
  options: { readonly replicas?: number; readonly binaries?: RedisBinaries } = {},
): (name: string, run: (at: ClusterSite) => Promise<void>) => void {
  let cluster: RedisCluster;
  let single: RedisServer;
  let at: ClusterSite;
  const test = redisSiteSuite({
    serve: async (site) => {
      const tls = await serverTls(site.authority, await site.databaseClientCa());
      const { binaries = await anyRedis() } = options;
      single = await singleRedis({ binaries, dir: join(site.dir, "single"), tls });
      cluster = await clusterRedis({ dir: join(site.dir, "cluster"), tls, ...options });
      const port = cluster.nodes[0]?.port ?? 0;
      return [
        await redisDatabase(site, "shop", port),
        await redisDatabase(site, "read", port, "reader"),
      ];
    },
    prepare: async (site) => {
      const roles = [await everythingRole(site)];
      const alice = await site.addUser("alice", { roles, dbUsers: ["*"], dbNames: ["*"] });
      await site.login(alice, "alice");
      await alice.mustTsh(["db", "login", "shop", "--db-user=alice", "--db-name=0"]);
      const through = await endpointOf(alice, "shop");
      at = { site, cluster, single, alice, through, cli: cliAt(through) };
    },
    stop: async () => {
      await cluster?.stop();
      await single?.stop();
    },
  });
  return (name, run) => test(name, () => run(at));
}

function cliAt(endpoint: RedisEndpoint): ClusterSite["cli"] {
  return async (args, input) => {
    const done = await redisCli(endpoint, args, input);
    return done.stdout + done.stderr;
  };
}
