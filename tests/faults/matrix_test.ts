/**
 * Each fault while work stands in its middle: the client sees an error or the right result within
 * 10 s, never a hang and never a silent half; the database keeps all or nothing of what is atomic;
 * and each statement that the server logged has exactly one audit event.
 */
import { strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, isRoot, must } from "../../scripts/lab/tools.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { logEverything, siteSuite, skipped } from "../site.ts";
import { moments, momentTable } from "./moments.ts";
import { eachOnce, type Fault, strike } from "./strike.ts";

/** Each time the fault finds the work at another place. */
const rounds = Deno.env.get("REMOTELER_TEST_ALL") ? 8 : 1;
/** What Auth is told reaches every session within a second. */
const reachedMs = 1500;
let alice: Person;
let env: Env;
let disk = "";

const faults: readonly Fault[] = [
  {
    name: "agent killed",
    sees: "error",
    inject: (site) => kill(site.agents[0]),
    mend: (site) => site.startAgent(0),
  },
  {
    name: "proxy killed",
    sees: "error",
    inject: (site) => kill(site.proxy),
    mend: (site) => site.startProxy(),
  },
  {
    name: "Auth killed",
    sees: "done",
    inject: (site) => kill(site.auth),
    mend: (site) => site.restartAuth(),
  },
  {
    name: "database stopped",
    sees: "error",
    inject: (site) => site.postgres.stop("immediate"),
    mend: (site) => site.startPostgres(),
  },
  {
    name: "agent drains",
    sees: "done",
    inject: (site) => Promise.resolve(site.agents[0]?.signal("SIGTERM")),
    mend: async (site) => {
      strictEqual(await site.agents[0]?.ended(15_000), 0);
      await site.startAgent(0);
    },
  },
  {
    name: "proxy drains",
    sees: "done",
    inject: (site) => Promise.resolve(site.proxy.signal("SIGTERM")),
    mend: async (site) => {
      strictEqual(await site.proxy.ended(15_000), 0);
      await site.startProxy();
    },
  },
  {
    name: "user locked",
    sees: "error",
    comesLate: true,
    inject: async (site) => {
      await site.remoteler(["lock", "--user=alice", "--message=matrix", "--ttl=1h"]);
      await delay(reachedMs);
    },
    mend: async (site) => {
      const locks = JSON.parse(await site.remoteler(["get", "lock", "--format=json"]));
      for (const lock of locks) await site.remoteler(["rm", `lock/${lock.metadata.name}`]);
    },
  },
  {
    name: "role taken away",
    sees: "error",
    comesLate: true,
    inject: async (site) => {
      await site.remoteler(["users", "update", "alice", "--roles=auditor"]);
      await delay(reachedMs);
    },
    mend: async (site) => {
      await site.remoteler(["users", "update", "alice", "--roles=access"]);
      await enter(site);
    },
  },
  {
    name: "client half-closes",
    sees: "either",
    inject: async (_, running) => {
      for (const one of running) {
        one.quiet();
        await one.client.closeWrite();
      }
    },
  },
  {
    name: "client vanishes",
    sees: "error",
    // What it has not read makes the kernel send RST.
    inject: (_, running) => Promise.resolve(running.forEach(({ client }) => client.close())),
  },
];

const diskFull: Fault = {
  name: "spool full",
  sees: "either",
  inject: async () => {
    await must("sh", ["-c", `dd if=/dev/zero of='${disk}/filler' bs=4096 2>/dev/null; true`]);
  },
  mend: () => Deno.remove(join(disk, "filler")),
};

const test = siteSuite({
  settings: logEverything,
  dbService: { drain_timeout: "10s" },
  proxyService: { drain_timeout: "10s" },
  prepareData: async (dataDir) => {
    if (!isRoot()) return;
    disk = dataDir;
    await Deno.mkdir(dataDir, { recursive: true });
    await must("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", dataDir]);
  },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await enter(site);
  const client = await RawClient.login(env);
  await client.query(momentTable);
  client.close();
}, async () => {
  if (disk !== "") await must("umount", ["-l", disk]);
});

const struck = [...faults, ...(isRoot() ? [diskFull] : [])];
for (const fault of Array.from({ length: rounds }, () => struck).flat()) {
  test(`${fault.name}: in each moment an error or the right result`, (site) =>
    strike(site, fault, () => env));
}
if (!isRoot()) skipped("fault spool full", "only root can mount a small disk");

test("each statement that the server logged has exactly one event", async (site) => {
  await eachOnce(site, faults.length * moments.length);
});

test("the log verifies", async (site) => {
  await site.remoteler(["audit", "verify"]);
});

async function enter(site: Site): Promise<void> {
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
}

async function kill(service: Site["proxy"] | undefined): Promise<void> {
  service?.signal("SIGKILL");
  await service?.ended();
}
