/** The servers that all tests of Redis stand on: they hold what those tests take for granted. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { LabAuthority } from "../../scripts/lab/certificates.ts";
import { join } from "../../scripts/lab/paths.ts";
import { freshFolder } from "../../scripts/lab/site.ts";
import { have } from "../site.ts";
import { clusterRedis, newerRedis, serverTls, singleRedis } from "./server.ts";

const installed = await have("redis-server", "Redis servers");

Deno.test({
  name: "a server speaks TLS only and lets nobody in without a password",
  ignore: !installed,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const dir = await freshFolder("remoteler-redis-");
    const server = await singleRedis({ dir, tls: await serverTls(await LabAuthority.make()) });
    try {
      strictEqual(await server.mustCli(["acl", "whoami"]), "admin\n");
      const users = await server.mustCli(["acl", "users"]);
      deepStrictEqual(users.trim().split("\n").sort(), ["admin", "alice", "default", "reader"]);
      const nobody = await server.cli(["--user", "default", "--pass", "guess", "ping"]);
      match(nobody.stdout + nobody.stderr, /WRONGPASS/);
    } finally {
      await server.stop();
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test({
  name: "a cluster serves every slot, each by one of three masters with a replica",
  ignore: !installed,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const dir = await freshFolder("remoteler-redis-");
    const tls = await serverTls(await LabAuthority.make());
    const cluster = await clusterRedis({ dir, tls, replicas: 1 });
    try {
      strictEqual(cluster.nodes.length, 6);
      const masters = await cluster.masters();
      const slots = masters.flatMap((master) => master.slots).map(([from, to]) => to - from + 1);
      strictEqual(slots.reduce((sum, count) => sum + count, 0), 16_384);
      const moved = await Promise.all(cluster.nodes.map(async (node) => {
        const { stdout, stderr } = await node.cli(["get", "somewhere"]);
        return /MOVED \d+ /.test(stdout + stderr);
      }));
      strictEqual(moved.filter((elsewhere) => !elsewhere).length, 1, "one node has the slot");
      ok(masters.every(({ port }) => cluster.nodes.some((node) => node.port === port)));
    } finally {
      await cluster.stop();
      await Deno.remove(dir, { recursive: true });
    }
  },
});

for (const product of ["redis", "valkey"] as const) {
  const name = `${product === "redis" ? "Redis" : "Valkey"} of Debian sid`;
  const binaries = await newerRedis(product);
  Deno.test({
    name: `${name} starts as a server and as a cluster`,
    ignore: binaries === null,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      if (binaries === null) return;
      const dir = await freshFolder("remoteler-redis-");
      const tls = await serverTls(await LabAuthority.make());
      const server = await singleRedis({ binaries, dir: join(dir, "single"), tls });
      try {
        match(
          await server.mustCli(["info", "server"]),
          new RegExp(`^${product}_version:[89]`, "m"),
        );
        const cluster = await clusterRedis({ binaries, dir, tls });
        strictEqual((await cluster.masters()).length, 3);
        await cluster.stop();
      } finally {
        await server.stop();
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}
