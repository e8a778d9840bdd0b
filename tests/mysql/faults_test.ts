/**
 * Faults in the middle of work: the program sees an error or goes on, never a hang; the database
 * keeps all or nothing of a transaction; and each statement that the server logged is on record.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { delay, type Finished, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { mismatches } from "./general_log.ts";
import { addAlice, cli, type MysqlSite, mysqlSuite, native, realServers } from "./site.ts";

interface Fault {
  readonly name: string;
  /** What the program sees. */
  readonly sees: "error" | "done";
  inject(at: MysqlSite): Promise<void>;
  mend(at: MysqlSite): Promise<void>;
}

const servers = await realServers();
let alice: Person;
const drain = { drain_timeout: "15s" };
const site = { dbService: drain, proxyService: drain };
const settings = (maker: string) => maker === "MySQL" ? ["--log-raw=ON"] : [];
const test = mysqlSuite(servers, { site, settings }, async (site) => {
  alice = await addAlice(site, servers);
});

const faults: readonly Fault[] = [
  {
    name: "the Database Service is killed",
    sees: "error",
    inject: async ({ site }) => {
      await site.agents[0]?.kill();
    },
    mend: ({ site }) => site.startAgent(0),
  },
  {
    name: "the proxy is killed",
    sees: "error",
    inject: async ({ site }) => {
      await site.proxy.kill();
    },
    mend: ({ site }) => site.startProxy(),
  },
  {
    name: "Auth is killed",
    sees: "done",
    inject: async ({ site }) => {
      await site.auth.kill();
    },
    mend: ({ site }) => site.restartAuth(),
  },
  {
    name: "the Database Service drains",
    sees: "done",
    inject: ({ site }) => Promise.resolve(site.agents[0]?.signal("SIGTERM")),
    mend: async ({ site }) => {
      strictEqual(await site.agents[0]?.ended(20_000), 0);
      await site.startAgent(0);
    },
  },
  {
    name: "the server ends all connections",
    sees: "error",
    inject: async ({ server }) => {
      const list = await server.query(
        "select id from information_schema.processlist " +
          "where user = 'alice'",
      );
      for (const id of list.split("\n").filter((line) => line !== "")) {
        await server.query(`kill ${id}`).catch(() => {});
      }
    },
    mend: () => Promise.resolve(),
  },
];

const pair = "start transaction; insert into pairs values (1); do sleep(0.02); " +
  "insert into pairs values (2); commit;\n";
/** What ends early has to be still at it on a slow machine. */
const roundsFor = { done: 80, error: 600 } as const;

for (const fault of faults) {
  test(`${fault.name}: ${fault.sees}, and nothing is half done or unrecorded`, async (at) => {
    const way = await native(alice, at.service);
    const rounds = roundsFor[fault.sees];
    const make = "create table if not exists pairs (n int) engine = innodb; delete from pairs;\n";
    const text = make + pair.repeat(rounds);
    const running: Promise<Finished> = cli(at.server.binaries, way, ["--unbuffered"], text);
    await waitFor("it is in the middle", 10_000, async () => {
      const count = await at.server.query("select count(*) from shop.pairs").catch(() => "0");
      return Number(count) > 6;
    });
    await fault.inject(at);
    const { code, stderr } = await within("the program ends", 20_000, running);
    strictEqual(code === 0 ? "done" : "error", fault.sees, stderr);
    await fault.mend(at);
    await delay(500);
    const left = Number(await at.server.query("select count(*) from shop.pairs"));
    strictEqual(left % 2, 0);
    if (fault.sees === "done") strictEqual(left, 2 * rounds);
    await back(at);
  });
}

test("after all of them each line of general_log has one event", async (at) => {
  await waitFor("the spool is empty", 20_000, async () => {
    const all = await at.site.events([`--database=${at.service}`]);
    const open = all.filter(({ outcome }) => outcome === "started");
    return all.length > 0 && open.length === 0;
  });
  const events = await at.site.events([`--database=${at.service}`]);
  const unknown = events.filter(({ outcome }) => outcome === "unknown");
  ok(unknown.length > 0, "statements whose answer was lost");
  deepStrictEqual(mismatches(events, await Deno.readFile(at.server.generalLog)), []);
  await at.site.verifyAudit();
});

/** A session is possible again. */
async function back(at: MysqlSite): Promise<void> {
  await waitFor("she is let in again", 20_000, async () => {
    const way = await native(alice, at.service);
    return (await cli(at.server.binaries, way, ["-e", "select 1"])).code === 0;
  });
}
