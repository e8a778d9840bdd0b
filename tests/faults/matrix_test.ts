/**
 * Each fault while work stands in its middle: the client sees an error or the right result within
 * 10 s, never a hang and never a silent half; the database keeps all or nothing of what is atomic;
 * and each statement that the server logged has exactly one audit event.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { isRoot, must, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { loggedByPid } from "../postgres/server_log.ts";
import { logEverything, siteSuite, skipped } from "../site.ts";
import { type Moment, moments, momentTable, type Outcome, type Running } from "./moments.ts";

interface Fault {
  readonly name: string;
  /** What every client must see; "either" where both are right. */
  readonly sees: "done" | "error" | "either";
  /** A command brings it: work that ends by itself may be over before. */
  readonly comesLate?: true;
  inject(site: Site, running: readonly Running[]): Promise<void>;
  /** Ends the trouble. */
  mend?(site: Site): Promise<void>;
}

const hangMs = 10_000;
const backMs = 5_000;
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

for (const fault of [...faults, ...(isRoot() ? [diskFull] : [])]) {
  test(`${fault.name}: in each moment an error or the right result`, (site) => strike(site, fault));
}
if (!isRoot()) skipped("fault spool full", "only root can mount a small disk");

test("each statement that the server logged has exactly one event", async (site) => {
  const log = await Deno.readTextFile(site.postgres.logFile);
  const logged = [...loggedByPid(log).values()].flat().filter((text) => text.includes("/* moment"));
  ok(logged.length > faults.length * moments.length, `only ${logged.length} logged`);
  let counts = new Map<string, number>();
  await waitFor("all events", 20_000, async () => {
    counts = await countEvents(site);
    return logged.every((text) => counts.has(text));
  }).catch(() => {});
  deepStrictEqual(logged.filter((text) => !counts.has(text)), [], "without an event");
  deepStrictEqual(logged.filter((text) => (counts.get(text) ?? 0) > 1), [], "more than one event");
});

test("the log verifies", async (site) => {
  await site.remoteler(["audit", "verify"]);
});

async function strike(site: Site, fault: Fault): Promise<void> {
  const cells = await Promise.all(moments.map(async (moment) => {
    const tag = `${fault.name}, ${moment.name}`;
    return { moment, tag, running: await moment.begin(env, tag) };
  }));
  const outcomes: Outcome[] = [];
  try {
    await fault.inject(site, cells.map(({ running }) => running));
    outcomes.push(
      ...await Promise.all(
        cells.map(({ tag, running }) => within(tag, hangMs, running.finish())),
      ),
    );
  } finally {
    for (const { running } of cells) running.client.close();
    await fault.mend?.(site);
  }
  const fresh = await within(
    `a new session after ${fault.name}`,
    backMs + 1000,
    waitFor("a login", backMs, () => RawClient.login(env).catch(() => null)),
  );
  await nobodyElse(fresh);
  const problems: string[] = [];
  for (const [index, { moment, tag }] of cells.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    const isOver = fault.comesLate && !moment.waits && outcome.seen === "done";
    if (fault.sees !== "either" && outcome.seen !== fault.sees && !isOver) {
      problems.push(`${tag}: ${outcome.seen} ${outcome.said}`);
    }
    problems.push(...judge(moment, tag, outcome, await rowsOf(fresh, tag)));
  }
  fresh.close();
  deepStrictEqual(problems, []);
}

/** Backends whose client or agent is gone end soon, and their transactions with them. */
async function nobodyElse(client: RawClient): Promise<void> {
  const others = "select pid, state, query from pg_stat_activity " +
    "where usename = 'alice' and pid <> pg_backend_pid()";
  let left: string[][] = [];
  await waitFor("other backends end", hangMs, async () => {
    left = await client.query(others);
    return left.length === 0;
  }).catch((e) => {
    throw new Error(`${e.message}: ${JSON.stringify(left)}`);
  });
}

async function rowsOf(client: RawClient, tag: string): Promise<{ rows: number; last: number }> {
  const [row = []] = await client.query(
    `select count(*), coalesce(max(n), 0) from moment where tag = '${tag}'`,
  );
  return { rows: Number(row[0]), last: Number(row[1]) };
}

function judge(
  moment: Moment,
  tag: string,
  outcome: Outcome,
  { rows, last }: { rows: number; last: number },
): string[] {
  const problems: string[] = [];
  const seen = `${tag}: ${outcome.seen} ${outcome.said}`;
  if (outcome.problem !== "") problems.push(`${seen}: ${outcome.problem}`);
  if (rows !== last) problems.push(`${seen}: ${rows} rows, the last is ${last}`);
  if (rows < outcome.stored) {
    problems.push(`${seen}: ${rows} rows, told of ${outcome.stored}`);
  }
  if (moment.atomic && rows !== 0 && rows !== outcome.most) {
    problems.push(`${seen}: ${rows} of ${outcome.most} rows`);
  }
  return problems;
}

async function countEvents(site: Site): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const event of await site.events(["--events=db.session.query"])) {
    const text = String(event["db_query"]);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

async function enter(site: Site): Promise<void> {
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
}

async function kill(service: Site["proxy"] | undefined): Promise<void> {
  service?.signal("SIGKILL");
  await service?.ended();
}
