/** A cluster through the proxy is one big Redis for clients that know nothing of clusters. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { clusterSuite } from "./cluster_site.ts";

const test = clusterSuite();

test("keys of all nodes are read and written by one plain client", async ({ cli, cluster }) => {
  const keys = Array.from({ length: 60 }, (_, at) => `plain:${at}`);
  const set = await cli([], keys.map((key) => `set ${key} of-${key}\n`).join(""));
  strictEqual(set, "OK\n".repeat(60));
  const got = await cli([], keys.map((key) => `get ${key}\n`).join(""));
  strictEqual(got, keys.map((key) => `of-${key}\n`).join(""));
  const sizes = await Promise.all(cluster.nodes.map((node) => node.mustCli(["dbsize"])));
  ok(sizes.every((size) => Number(size) > 0), `every node has some: ${sizes.join(" ")}`);
  strictEqual(await cli(["dbsize"]), "60\n");
});

test("what a plain client asks of a database it gets of the whole cluster", async ({ cli }) => {
  strictEqual(await cli(["mset", "a", "1", "b", "2", "c", "3"]), "OK\n");
  strictEqual(await cli(["mget", "c", "none", "a", "b"]), "3\n\n1\n2\n");
  strictEqual(await cli(["exists", "a", "b", "c", "none"]), "3\n");
  strictEqual(await cli(["del", "a", "b", "c"]), "3\n");
  match(await cli(["msetnx", "a", "1", "b", "2"]), /^CROSSSLOT/);
  const keys = (await cli(["keys", "plain:*"])).trim().split("\n").sort();
  strictEqual(keys.length, 60);
  const scanned = (await cli(["--scan", "--pattern", "plain:*"])).trim().split("\n").sort();
  deepStrictEqual(scanned, keys);
  match(await cli(["info", "cluster"]), /cluster_enabled:1/);
});
