/** Real drivers through the proxy: results equal to a direct one, and each statement on record. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { PostgresBinaries } from "../../scripts/lab/postgres.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { type Finished, waitFor } from "../../scripts/lab/tools.ts";
import { logEverything, siteSuite, skipped } from "../site.ts";
import type { Driver, MissingDriver } from "./drivers.ts";
import { eventsByPid, loggedByPid, matchStatements } from "./server_log.ts";

/** Drivers that run at the same time; what each makes has names of its own. */
const lanes = 2;

interface Outcome {
  readonly direct: Finished;
  readonly through: Finished;
}

/** Declares one test for each driver, and then that server's log and audit log say the same. */
export function driversSuite(
  found: readonly (Driver | MissingDriver)[],
  binaries?: PostgresBinaries,
): void {
  const outcomes = new Map<string, Promise<Outcome>>();
  const drivers: Driver[] = [];
  for (const driver of found) {
    if ("reason" in driver) skipped(`driver ${driver.name}`, driver.reason);
    else drivers.push(driver);
  }
  const options = { settings: logEverything, ...(binaries ? { binaries } : {}) };
  const test = siteSuite(options, async (site) => {
    const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
    await site.login(alice, "alice");
    await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
    start(drivers, outcomes, {
      direct: await site.direct("alice", "orders"),
      through: await site.through(alice, "orders"),
    });
  });
  for (const { name } of drivers) {
    test(`${name} gives through the proxy what it gives directly`, async () => {
      const outcome = await outcomes.get(name);
      ok(outcome);
      const { direct, through } = outcome;
      strictEqual(direct.code, 0, `direct: ${direct.stderr}\n${direct.stdout.slice(-2000)}`);
      const said = `through the proxy: ${through.stderr}\n${through.stdout.slice(-2000)}`;
      strictEqual(through.code, 0, said);
      deepStrictEqual(lines(through.stdout), lines(direct.stdout));
    });
  }
  test("each statement in the server's log has one event, in order; others are marked", (site) => {
    return matchLog(site, drivers.length);
  });
  test("the log verifies after the run", async (site) => {
    await site.verifyAudit();
  });
}

/** Runs all drivers, some at a time, each one directly first. */
function start(
  drivers: readonly Driver[],
  outcomes: Map<string, Promise<Outcome>>,
  env: Readonly<Record<"direct" | "through", Readonly<Record<string, string>>>>,
): void {
  const after = (before: Promise<unknown>, driver: Driver) => {
    const outcome = before.then(async () => {
      const direct = await driver.run(env.direct);
      return { direct, through: await driver.run(env.through) };
    });
    outcomes.set(driver.name, outcome);
    return outcome.catch(() => {});
  };
  const running: Promise<unknown>[] = Array.from({ length: lanes }, () => Promise.resolve());
  drivers.filter(({ alone }) => !alone).forEach((driver, index) => {
    const lane = index % lanes;
    running[lane] = after(running[lane] ?? Promise.resolve(), driver);
  });
  let last: Promise<unknown> = Promise.all(running);
  for (const driver of drivers) if (driver.alone) last = after(last, driver);
}

/** Each session's statements in the server's log and its events, one to one. */
export async function matchLog(site: Site, sessionsMin: number): Promise<void> {
  const pids = await waitFor("all sessions have ended in the audit log", 20_000, async () => {
    const byPid = eventsByPid(await site.events());
    const open = [...byPid.values()].filter((s) => !s.ended);
    return byPid.size > 0 && open.length === 0 ? byPid : null;
  });
  const logged = loggedByPid(await Deno.readTextFile(site.postgres.logFile));
  ok(pids.size >= sessionsMin, "a session for each driver");
  const problems: string[] = [];
  for (const [pid, session] of pids) {
    strictEqual(session.user, "alice");
    problems.push(...matchStatements(pid, logged.get(pid) ?? [], session.events));
  }
  deepStrictEqual(problems, []);
}

/** Without what differs from one connection to the next. */
function lines(output: string): string[] {
  return output
    .replaceAll(/server process with PID \d+/g, "server process with PID N")
    .split("\n");
}
