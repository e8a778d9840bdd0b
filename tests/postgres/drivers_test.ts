/** Real drivers through the proxy: results as from a direct connection, and all of it on record. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { logEverything, siteSuite, skipped } from "../site.ts";
import { allDrivers } from "./drivers.ts";
import { eventsByPid, loggedByPid, matchStatements } from "./server_log.ts";

let alice: Person;
const drivers = await allDrivers();

const test = siteSuite({ settings: logEverything }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
});

for (const driver of drivers) {
  if ("reason" in driver) {
    skipped(`driver ${driver.name}`, driver.reason);
    continue;
  }
  test(`${driver.name} gives through the proxy what it gives directly`, async (site) => {
    const direct = await driver.run(await site.direct("alice", "orders"));
    strictEqual(direct.code, 0, `direct: ${direct.stderr}`);
    const through = await driver.run(await site.through(alice, "orders"));
    strictEqual(
      through.code,
      0,
      `through the proxy: ${through.stderr}\n${through.stdout.slice(-2000)}`,
    );
    deepStrictEqual(lines(through.stdout), lines(direct.stdout));
  });
}

test("each statement in the server's log has exactly one event, in order", async (site) => {
  const pids = await waitFor("all sessions have ended in the audit log", 20_000, async () => {
    const byPid = eventsByPid(await site.events());
    const open = [...byPid.values()].filter((s) => !s.ended);
    return byPid.size > 0 && open.length === 0 ? byPid : null;
  });
  const logged = loggedByPid(await Deno.readTextFile(site.postgres.logFile));
  ok(pids.size >= drivers.filter((d) => !("reason" in d)).length, "a session for each driver");
  const problems: string[] = [];
  for (const [pid, session] of pids) {
    strictEqual(session.user, "alice");
    problems.push(...matchStatements(pid, logged.get(pid) ?? [], session.events));
  }
  deepStrictEqual(problems, []);
});

test("the log verifies after the run", async (site) => {
  await site.remoteler(["audit", "verify"]);
});

/** Without what differs from one connection to the next. */
function lines(output: string): string[] {
  return output
    .replaceAll(/server process with PID \d+/g, "server process with PID N")
    .split("\n");
}
