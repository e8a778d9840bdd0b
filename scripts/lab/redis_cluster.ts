/** A real Redis Cluster of the lab: some masters, each with as many replicas as asked for. */
import { join } from "./paths.ts";
import { redisAdmin, type RedisOptions, type RedisServer, startRedis } from "./redis.ts";
import { freePort, waitFor } from "./tools.ts";

export interface RedisCluster {
  /** In the order they were started; the masters of the beginning come first. */
  readonly nodes: readonly RedisServer[];
  /** Ports of the masters that a node which runs knows of, with the slots they serve. */
  masters(): Promise<readonly ClusterMaster[]>;
  stop(): Promise<void>;
}

export interface ClusterMaster {
  readonly id: string;
  readonly port: number;
  /** Ranges of slots, ends included. */
  readonly slots: readonly (readonly [first: number, last: number])[];
}

export interface RedisClusterOptions extends Omit<RedisOptions, "port"> {
  readonly masters?: number;
  /** For each master. */
  readonly replicas?: number;
}

/** Starts all nodes, joins them, and waits until each of them finds the cluster in order. */
export async function startRedisCluster(options: RedisClusterOptions): Promise<RedisCluster> {
  const { masters = 3, replicas = 0 } = options;
  const nodes: RedisServer[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let at = 0; at < masters * (1 + replicas); at++) {
      const dir = join(options.dir, `node-${at}`);
      await Deno.mkdir(dir, { recursive: true });
      nodes.push(await startRedis({ ...options, ...nodeOptions(options), dir }));
    }
    await meet(nodes, replicas);
    await waitFor("the cluster is in order", 60_000, () => inOrder(nodes, masters));
  } catch (e) {
    await stop();
    throw e;
  }
  return { nodes, masters: () => mastersOf(nodes), stop };
}

function nodeOptions({ settings = [] }: RedisClusterOptions): Pick<
  RedisOptions,
  "settings" | "port"
> {
  const { user, password } = redisAdmin;
  const port = busablePort();
  return {
    port,
    settings: [
      ...["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000"],
      ...["tls-cluster yes", "tls-replication yes", "cluster-announce-hostname localhost"],
      ...[`masteruser ${user}`, `masterauth "${password}"`, "repl-diskless-sync-delay 0"],
      ...settings,
    ],
  };
}

/** A free port whose number plus 10,000, where nodes speak to each other, is free too. */
function busablePort(): number {
  for (;;) {
    const port = freePort();
    if (port + 10_000 > 65_535) continue;
    try {
      Deno.listen({ hostname: "127.0.0.1", port: port + 10_000 }).close();
      return port;
    } catch {
      // taken
    }
  }
}

async function meet(nodes: readonly RedisServer[], replicas: number): Promise<void> {
  const [first] = nodes;
  if (first === undefined) throw new Error("a cluster without nodes");
  await first.mustCli([
    ...["--cluster", "create", ...nodes.map(({ port }) => `127.0.0.1:${port}`)],
    ...["--cluster-replicas", String(replicas), "--cluster-yes"],
  ]);
}

async function inOrder(nodes: readonly RedisServer[], masters: number): Promise<boolean> {
  for (const node of nodes) {
    const info = await node.mustCli(["cluster", "info"]);
    const wanted = ["cluster_state:ok", `cluster_known_nodes:${nodes.length}`];
    if (!wanted.every((line) => info.includes(line))) return false;
    if ((await mastersOf([node])).length !== masters) return false;
    const replication = await node.mustCli(["info", "replication"]);
    if (replication.includes("master_link_status:down")) return false;
  }
  return true;
}

async function mastersOf(nodes: readonly RedisServer[]): Promise<readonly ClusterMaster[]> {
  const node = nodes.find(({ running }) => running);
  if (node === undefined) throw new Error("no node runs");
  const masters: ClusterMaster[] = [];
  for (const line of (await node.mustCli(["cluster", "nodes"])).split("\n")) {
    const [id = "", address = "", flags = "", , , , , , ...slots] = line.trim().split(" ");
    if (!/\bmaster\b/.test(flags) || /\bfail\b/.test(flags)) continue;
    masters.push({
      id,
      port: Number(/:(\d+)@/.exec(address)?.[1]),
      // What is on the move stands in brackets.
      slots: slots.filter((range) => !range.startsWith("[")).map((range) => {
        const [from = "", to = from] = range.split("-");
        return [Number(from), Number(to)] as const;
      }),
    });
  }
  return masters;
}
