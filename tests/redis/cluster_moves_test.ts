/** A cluster that changes under a session: slots move, nodes die, replicas take over. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { slotOf } from "../../lib/wire/redis/cluster/slots.ts";
import type { ClusterMaster, RedisCluster } from "../../scripts/lab/redis_cluster.ts";
import type { RedisServer } from "../../scripts/lab/redis.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { clusterSuite } from "./cluster_site.ts";
import { PlainClient } from "./plain_client.ts";

const test = clusterSuite({ replicas: 1 });

interface Sides {
  readonly slot: number;
  readonly from: ClusterMaster;
  readonly to: ClusterMaster;
  readonly fromNode: RedisServer;
  readonly toNode: RedisServer;
}

async function sidesOf(cluster: RedisCluster, key: string): Promise<Sides> {
  const slot = slotOf(new TextEncoder().encode(key));
  const masters = await cluster.masters();
  const has = ({ slots }: ClusterMaster) => slots.some(([a, b]) => a <= slot && slot <= b);
  const from = masters.find(has);
  const to = masters.find((master) => !has(master));
  const node = (master?: ClusterMaster) => cluster.nodes.find(({ port }) => port === master?.port);
  const [fromNode, toNode] = [node(from), node(to)];
  ok(from && to && fromNode && toNode);
  return { slot, from, to, fromNode, toNode };
}

/** How often a node has told somebody so. */
async function told(node: RedisServer, error: "MOVED" | "ASK" | "TRYAGAIN"): Promise<number> {
  const stats = await node.mustCli(["info", "errorstats"]);
  return Number(new RegExp(`errorstat_${error}:count=(\\d+)`).exec(stats)?.[1] ?? 0);
}

test("a slot moves key by key under a session, which sees nothing of it", async (at) => {
  const keys = Array.from({ length: 40 }, (_, n) => `{moving}:${n}`);
  const { slot, from, to, fromNode, toNode } = await sidesOf(at.cluster, "{moving}");
  await using client = await PlainClient.connect(at.through);
  for (const key of keys) strictEqual(await client.ask("set", key, "0"), "OK");
  const before = { ask: await told(fromNode, "ASK"), moved: await told(fromNode, "MOVED") };
  match(await at.cli(["-c", "get", keys[0] ?? ""]), /^0\n$/);
  await toNode.mustCli(["cluster", "setslot", String(slot), "importing", from.id]);
  await fromNode.mustCli(["cluster", "setslot", String(slot), "migrating", to.id]);
  let rounds = 0;
  let isMoving = true;
  const working = (async () => {
    while (isMoving) {
      const answers = await Promise.all(keys.map((key) => client.ask("incr", key)));
      rounds += 1;
      deepStrictEqual(answers, keys.map(() => rounds), `round ${rounds}`);
    }
  })();
  const where = ["127.0.0.1", String(to.port)];
  const login = ["AUTH2", "admin", "admin of the lab"];
  const move = async (some: readonly string[]) => {
    const rest = ["", "0", "5000", ...login, "KEYS", ...some];
    await fromNode.mustCli(["migrate", ...where, ...rest]);
  };
  await move(keys.slice(0, 20));
  await waitFor("ASK is really said", 20_000, async () => {
    return await told(fromNode, "ASK") > before.ask;
  });
  await using other = await PlainClient.connect(at.through);
  // Half here and half there: it waits until all are at one node.
  const all = other.ask("mget", ...keys);
  await waitFor("TRYAGAIN is really said", 20_000, async () => {
    return await told(fromNode, "TRYAGAIN") > 0;
  });
  await move(keys.slice(20));
  for (const node of [toNode, fromNode]) {
    await node.mustCli(["cluster", "setslot", String(slot), "node", to.id]);
  }
  const seen = rounds;
  await waitFor("rounds after the move", 20_000, () => rounds > seen + 2);
  isMoving = false;
  await working;
  const got = await all;
  ok(Array.isArray(got) && got.length === keys.length && got.every((value) => value !== null));
  ok(await told(fromNode, "MOVED") > before.moved, "MOVED was really said");
  strictEqual((await toNode.mustCli(["get", keys[0] ?? ""])).trim(), String(rounds));
});

test("a killed node costs its own commands an error, then its replica serves", async (at) => {
  const { fromNode } = await sidesOf(at.cluster, "{victim}");
  await using client = await PlainClient.connect(at.through);
  strictEqual(await client.ask("set", "{victim}:a", "1"), "OK");
  strictEqual(await client.ask("set", "{moving}:other", "1"), "OK");
  strictEqual(await client.ask("wait", "1", "2000"), 1);
  const blocked = client.ask("blpop", "{victim}:queue", "0");
  await waitFor("the client waits", 5_000, async () => {
    return /blocked_clients:1/.test(await fromNode.mustCli(["info", "clients"]));
  });
  fromNode.signal("SIGKILL");
  match(String(await blocked), /^CLUSTERDOWN/);
  match(String(await client.ask("get", "{victim}:a")), /^CLUSTERDOWN/);
  strictEqual(await client.ask("get", "{moving}:other"), "1", "other nodes go on");
  await waitFor("the replica serves", 30_000, async () => {
    return await client.ask("get", "{victim}:a") === "1";
  });
  strictEqual(await client.ask("set", "{victim}:a", "2"), "OK");
});

test("a node that hangs is given up once the cluster has replaced it", async (at) => {
  const { fromNode } = await sidesOf(at.cluster, "{moving}");
  await using client = await PlainClient.connect(at.through);
  strictEqual(await client.ask("set", "{moving}:hang", "1"), "OK");
  strictEqual(await client.ask("wait", "1", "2000"), 1);
  fromNode.signal("SIGSTOP");
  try {
    match(String(await client.ask("get", "{moving}:hang")), /^CLUSTERDOWN .*lost/);
    strictEqual(await client.ask("get", "{moving}:hang"), "1");
  } finally {
    fromNode.signal("SIGCONT");
  }
});
