/** Much at once before a cluster: long pipelines, clients that don't read, values of all nodes. */
import { ok, strictEqual } from "node:assert/strict";
import { command } from "../../lib/wire/redis/resp.ts";
import { delay, residentMiB, waitFor } from "../../scripts/lab/tools.ts";
import { clusterSuite } from "./cluster_site.ts";
import { redisCli } from "./endpoint.ts";
import { PlainClient } from "./plain_client.ts";

const test = clusterSuite();
const mebibyte = 1024 * 1024;

test("redis-cli --pipe loads 50,000 keys into all nodes, each answered", async (at) => {
  const text = new TextDecoder();
  const lines: string[] = [];
  for (let n = 0; n < 50_000; n++) lines.push(text.decode(command("set", `load:${n}`, `${n}`)));
  const done = await redisCli(at.through, ["--pipe"], lines.join(""));
  strictEqual(/errors: 0, replies: 50000/.test(done.stdout), true, done.stdout + done.stderr);
  strictEqual(await at.cli(["dbsize"]), "50000\n");
  strictEqual(await at.cli(["get", "load:49999"]), "49999\n");
  strictEqual(await at.cli(["flushall"]), "OK\n");
});

test("what a client asks for and doesn't read stays with the nodes, not in memory", async (at) => {
  const agent = at.site.agents[0];
  ok(agent);
  const keys = ["foo", "bar", "c"];
  await using writer = await PlainClient.connect(at.through);
  for (const key of keys) {
    strictEqual(await writer.ask("setrange", key, String(4 * mebibyte - 1), "x"), 4 * mebibyte);
  }
  await using client = await PlainClient.connect(at.through);
  strictEqual(await client.ask("ping"), "PONG");
  const before = residentMiB(agent.pid);
  client.pause();
  client.countsOnly = true;
  client.bytes = 0;
  for (let n = 0; n < 90; n++) client.tell("get", keys[n % keys.length] ?? "");
  await delay(3_000);
  const grown = residentMiB(agent.pid) - before;
  ok(grown < 120, `the agent grew by ${Math.round(grown)} MiB of 360`);
  strictEqual(await writer.ask("get", "none"), null, "others are served meanwhile");
  client.resume();
  const whole = 90 * (4 * mebibyte + "$4194304\r\n\r\n".length);
  await waitFor("all of it", 180_000, () => client.bytes === whole);
});
