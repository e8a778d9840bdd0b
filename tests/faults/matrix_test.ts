/**
 * Each fault while work stands in its middle: the client sees an error or the right result within
 * 10 s, never a hang and never a silent half; the database keeps all or nothing of what is atomic;
 * and each statement that the server logged has exactly one audit event.
 */
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, isRoot, must } from "../../scripts/lab/tools.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { logEverything, siteSuite, skipped } from "../site.ts";
import { moments, momentTable } from "./moments.ts";
import { faults } from "./faults.ts";
import { eachOnce, type Fault, strike } from "./strike.ts";

/** Each time the fault finds the work at another place. */
const rounds = Deno.env.get("REMOTELER_TEST_ALL") ? 5 : 1;
/** What Auth is told reaches every session within a second. */
const reachedMs = 1500;
let alice: Person;
let env: Env;
let disk = "";

const roleTaken: Fault = {
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
};

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

const struck = [...faults, roleTaken, ...(isRoot() ? [diskFull] : [])];
for (const fault of Array.from({ length: rounds }, () => struck).flat()) {
  test(`${fault.name}: in each moment an error or the right result`, (site) =>
    strike(site, fault, () => env));
}

/** Limits of a role that are passed in the middle; the clients are of a user of their own. */
const limits: readonly (readonly [options: Record<string, unknown>, fault: Fault])[] = [
  [{ session_ttl: "3s" }, {
    name: "time of the session over",
    sees: "error",
    comesLate: true,
    inject: () => delay(4000),
  }],
  [{ idle_timeout: "1s" }, {
    name: "idle for too long",
    sees: "either",
    inject: () => delay(2500),
  }],
  [{ max_bytes: 300_000 }, { name: "too many bytes", sees: "either", inject: () => delay(500) }],
  [{ statement_timeout: "1s" }, {
    name: "statement takes too long",
    sees: "either",
    inject: () => delay(2500),
  }],
];
for (const [index, [options, fault]] of limits.entries()) {
  test(`${fault.name}: in each moment an error or the right result`, async (site) => {
    const limited = await limitedEnv(site, `limited${index}`, options);
    await strike(site, fault, () => limited);
  });
}
if (!isRoot()) skipped("fault spool full", "only root can mount a small disk");

test("each statement that the server logged has exactly one event", async (site) => {
  await eachOnce(site, faults.length * moments.length);
});

test("the log verifies", async (site) => {
  await site.verifyAudit();
});

async function enter(site: Site): Promise<void> {
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
}

/** A user of their own with these options, whose sessions are alice's in the database. */
async function limitedEnv(
  site: Site,
  name: string,
  options: Record<string, unknown>,
): Promise<Env> {
  await site.putRole(name, { allow: {}, options });
  const person = await site.addUser(name, {
    roles: ["access", name],
    dbUsers: ["alice"],
    dbNames: ["orders"],
  });
  await site.login(person, name);
  await person.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  return await site.through(person, "orders");
}
