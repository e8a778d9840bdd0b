/** Clusters of newer servers, out of Debian sid: what is theirs alone, and what could differ. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { clusterSuite } from "./cluster_site.ts";
import { PlainClient } from "./plain_client.ts";
import { newerRedis } from "./server.ts";

/** Declares the tests where they are asked for and the servers can be had. */
export async function newerCluster(product: "redis" | "valkey"): Promise<void> {
  const binaries = await newerRedis(product);
  if (binaries === null) return;
  const test = clusterSuite({ binaries });

  test(`${product}: one client has the keys of all nodes`, async (at) => {
    await using client = await PlainClient.connect(at.through);
    match(String(await client.ask("info", "server")), new RegExp(`^${product}_version:[89]`, "m"));
    const keys = Array.from({ length: 500 }, (_, n) => `key:${n}`);
    const set = await Promise.all(keys.map((key) => client.ask("set", key, key)));
    deepStrictEqual(set, keys.map(() => "OK"));
    deepStrictEqual(await client.ask("mget", ...keys), keys);
    strictEqual(await client.ask("dbsize"), keys.length);
  });

  test(`${product}: SCAN sees every key, whatever the nodes' cursors mean`, async (at) => {
    await using client = await PlainClient.connect(at.through);
    const seen = new Set<string>();
    let cursor = "0";
    do {
      const page = await client.ask("scan", cursor, "count", "20");
      const [next, keys] = Array.isArray(page) ? page : [];
      for (const key of Array.isArray(keys) ? keys : []) seen.add(String(key));
      cursor = String(next);
    } while (cursor !== "0");
    strictEqual(seen.size, 500);
  });

  test(`${product}: transactions, shard channels and scripts at their nodes`, async (at) => {
    await using client = await PlainClient.connect(at.through);
    await client.ask("hello", "3");
    for (const key of ["foo", "bar", "c"]) {
      await client.ask("multi");
      strictEqual(await client.ask("set", key, "1"), "QUEUED");
      deepStrictEqual(await client.ask("exec"), ["OK"]);
      strictEqual(await client.ask("eval", "return redis.call('get', KEYS[1])", "1", key), "1");
      client.tell("ssubscribe", key);
      strictEqual(await client.ask("spublish", key, "hello"), 1);
    }
    if (product === "redis") {
      // Not in the table of commands: where its key is, is guessed and put right by redirects.
      strictEqual(await client.ask("hsetex", "h:c", "ex", "100", "fields", "1", "f", "v"), 1);
    }
  });
}
