/** A cluster through the proxy is one big Redis for clients that know nothing of clusters. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { waitFor } from "../../scripts/lab/tools.ts";
import { clusterSuite } from "./cluster_site.ts";
import { directTo, endpointOf } from "./endpoint.ts";
import { PlainClient } from "./plain_client.ts";

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

test("a transaction is at the node of its first key, and honest about others", async (at) => {
  await using client = await PlainClient.connect(at.through);
  await using other = await PlainClient.connect(at.through);
  const said = await Promise.all([
    ...[client.ask("multi"), client.ask("ping"), client.ask("set", "{bar}:a", "1")],
    ...[client.ask("incr", "{bar}:a"), client.ask("exec"), client.ask("get", "{bar}:a")],
  ]);
  deepStrictEqual(said, ["OK", "QUEUED", "QUEUED", "QUEUED", ["PONG", "OK", 2], "2"]);
  strictEqual(await client.ask("watch", "{bar}:a"), "OK");
  await other.ask("set", "{bar}:a", "theirs");
  await client.ask("multi");
  await client.ask("set", "{bar}:a", "mine");
  strictEqual(await client.ask("exec"), null, "what was watched has changed");
  await client.ask("multi");
  strictEqual(await client.ask("set", "{bar}:a", "1"), "QUEUED");
  match(String(await client.ask("set", "foo", "1")), /^CROSSSLOT/);
  match(String(await client.ask("exec")), /^EXECABORT/);
  strictEqual(await client.ask("get", "{bar}:a"), "theirs");
  await client.ask("multi");
  deepStrictEqual(await client.ask("exec"), []);
  match(String(await client.ask("exec")), /^ERR EXEC without MULTI/);
  strictEqual(await client.ask("watch", "foo"), "OK");
  match(String(await client.ask("watch", "bar")), /^CROSSSLOT/);
  strictEqual(await client.ask("unwatch"), "OK");
});

test("messages arrive whatever node they came by, and subscriptions are counted", async (at) => {
  await using client = await PlainClient.connect(at.through);
  await using other = await PlainClient.connect(at.through);
  await client.ask("hello", "3");
  client.tell("subscribe", "news", "more");
  client.tell("psubscribe", "n*");
  const shards = ["foo", "bar", "c"];
  for (const shard of shards) client.tell("ssubscribe", shard);
  await waitFor("confirmations", 5_000, () => client.heard.length === 6);
  deepStrictEqual(client.heard.slice(3), [
    ...[["ssubscribe", "foo", 1], ["ssubscribe", "bar", 2], ["ssubscribe", "c", 3]],
  ]);
  strictEqual(await client.ask("set", "beside", "it"), "OK");
  client.heard.length = 0;
  await other.ask("publish", "news", "1");
  for (const shard of shards) strictEqual(await other.ask("spublish", shard, `to ${shard}`), 1);
  await waitFor("messages", 5_000, () => client.heard.length === 5);
  deepStrictEqual(client.heard.map((one) => JSON.stringify(one)).sort(), [
    ...['["message","news","1"]', '["pmessage","n*","news","1"]', '["smessage","bar","to bar"]'],
    ...['["smessage","c","to c"]', '["smessage","foo","to foo"]'],
  ]);
  client.heard.length = 0;
  client.tell("sunsubscribe");
  client.tell("unsubscribe");
  await waitFor("goodbyes", 5_000, () => client.heard.length === 5);
  // What is left is the pattern.
  deepStrictEqual(client.heard.slice(-2).map((one) => Array.isArray(one) && one[2]), [2, 1]);
  strictEqual(await client.ask("get", "beside"), "it");
});

test("a blocked client waits at its node, and what it sent after that waits too", async (at) => {
  await using client = await PlainClient.connect(at.through);
  await using other = await PlainClient.connect(at.through);
  const popped = client.ask("blpop", "queue:foo", "0");
  const after = client.ask("get", "after:bar");
  await waitFor("somebody is blocked", 5_000, async () => {
    const infos = await Promise.all(at.cluster.nodes.map((n) => n.mustCli(["info", "clients"])));
    return infos.some((info) => info.includes("blocked_clients:1"));
  });
  await other.ask("set", "after:bar", "set meanwhile");
  await other.ask("rpush", "queue:foo", "job");
  deepStrictEqual(await popped, ["queue:foo", "job"]);
  strictEqual(await after, "set meanwhile");
});

test("settings of a connection hold at every node, and caches hear of every key", async (at) => {
  await using client = await PlainClient.connect(at.through);
  await using other = await PlainClient.connect(at.through);
  await client.ask("hello", "3", "setname", "mine");
  strictEqual(await client.ask("client", "tracking", "on"), "OK");
  const keys = ["foo", "bar", "c"];
  for (const key of keys) await client.ask("get", key);
  for (const key of keys) await other.ask("set", key, "changed");
  await waitFor("invalidations", 5_000, () => client.heard.length === keys.length);
  deepStrictEqual(client.heard.map((one) => JSON.stringify(one)).sort(), [
    ...['["invalidate",["bar"]]', '["invalidate",["c"]]', '["invalidate",["foo"]]'],
  ]);
  for (const node of at.cluster.nodes) {
    match(await node.mustCli(["client", "list"]), /name=mine /);
  }
  client.tell("client", "reply", "off");
  client.tell("set", "foo", "unanswered");
  strictEqual(await client.ask("client", "reply", "on"), "OK");
  strictEqual(await client.ask("get", "foo"), "unanswered");
  match(String(await other.ask("client", "tracking", "on", "redirect", "7")), /^ERR .*RESP3/);
});

test("scripts and functions are known at every node once they were loaded", async (at) => {
  await using client = await PlainClient.connect(at.through);
  const digest = String(await client.ask("script", "load", "return KEYS[1]"));
  for (const key of ["foo", "bar", "c"]) {
    strictEqual(await client.ask("evalsha", digest, "1", key), key);
  }
  deepStrictEqual(await client.ask("script", "exists", digest, "0".repeat(40)), [1, 0]);
  const code = "#!lua name=lib\nredis.register_function('f', function(k) return k[1] end)";
  strictEqual(await client.ask("function", "load", code), "lib");
  for (const key of ["foo", "bar", "c"]) {
    strictEqual(await client.ask("fcall", "f", "1", key), key);
  }
  strictEqual(await client.ask("function", "delete", "lib"), "OK");
  match(String(await client.ask("eval", "return 1", "2", "foo", "bar")), /^CROSSSLOT/);
});

test("who asks for the cluster sees one node at the proxy's address with all slots", async (at) => {
  await using client = await PlainClient.connect(at.through);
  const slots = await client.ask("cluster", "slots");
  const [range] = Array.isArray(slots) ? slots : [];
  const [from, to, node] = Array.isArray(range) ? range : [];
  deepStrictEqual([from, to], [0, 16_383]);
  deepStrictEqual(Array.isArray(node) ? node.slice(0, 2) : null, ["localhost", at.through.port]);
  match(String(await client.ask("cluster", "info")), /cluster_state:ok/);
  strictEqual(await client.ask("cluster", "keyslot", "foo"), 12_182);
  match(String(await client.ask("cluster", "forget", "x")), /^ERR .*not let through/);
  strictEqual(await at.cli(["-c", "set", "foo", "by -c"]), "OK\n");
  strictEqual(await at.cli(["-c", "get", "foo"]), "by -c\n");
});

test("each command is recorded once, and each node's MONITOR shows its part", async (at) => {
  const monitors = await Promise.all(at.cluster.nodes.map(async (node) => {
    const direct = directTo(node);
    const monitor = await PlainClient.connect(direct);
    await monitor.ask("auth", "alice", direct.account?.password ?? "");
    await monitor.ask("monitor");
    return monitor;
  }));
  const keys = ["foo", "bar", "c"].map((key) => `recorded:${key}`);
  await using client = await PlainClient.connect(at.through);
  for (const key of keys) await client.ask("set", key, "1");
  await client.ask("mget", ...keys);
  await client.ask("dbsize");
  const shown = () =>
    monitors.flatMap(({ heard }) => heard.map(String)).map((line) => line.replace(/^.*?\] /, ""))
      .filter((line) => /recorded:|dbsize/i.test(line));
  await waitFor("all that nodes were told", 5_000, () => shown().length >= 3 + 3 + 3);
  deepStrictEqual(shown().sort(), [
    ...['"dbsize"', '"dbsize"', '"dbsize"'],
    ...keys.map((key) => `"mget" "${key}"`).sort(),
    ...keys.map((key) => `"set" "${key}" "1"`).sort(),
  ]);
  for (const monitor of monitors) await monitor[Symbol.asyncDispose]();
  const events = await at.site.events();
  const recorded = events.flatMap(({ commands }) => Array.isArray(commands) ? commands : [])
    .map(({ args }) => args.join(" ")).filter((line) => line.includes("recorded:"));
  deepStrictEqual(recorded, [...keys.map((key) => `set ${key} 1`), `mget ${keys.join(" ")}`]);
});

test("an account that may not ask for the slots is told so", async (at) => {
  await at.alice.mustTsh(["db", "login", "read", "--db-user=reader", "--db-name=0"]);
  await using client = await PlainClient.connect(await endpointOf(at.alice, "read"));
  match(String(await client.ask("get", "foo")), /CLUSTER SLOTS.*NOPERM/);
});

test("RESET makes a connection as it was, whatever it was used for", async (at) => {
  await using client = await PlainClient.connect(at.through);
  await client.ask("hello", "3", "setname", "mine");
  client.tell("subscribe", "news");
  client.tell("ssubscribe", "foo");
  await waitFor("confirmations", 5_000, () => client.heard.length === 2);
  await client.ask("watch", "foo");
  await client.ask("multi");
  await client.ask("set", "foo", "never");
  strictEqual(await client.ask("reset"), "RESET");
  deepStrictEqual(await client.ask("hgetall", "none"), [], "it speaks RESP2 again");
  strictEqual(await client.ask("client", "getname"), null);
  strictEqual(await client.ask("get", "reset:foo"), null);
});
