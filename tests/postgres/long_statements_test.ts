/**
 * Statements that are too long to be held, by real clients: results as directly, one event for each
 * in the server's log, their text on record to the last byte.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { run, waitFor } from "../../scripts/lab/tools.ts";
import { have, logEverything, siteSuite, skipped } from "../site.ts";
import { longJava } from "./compiled_drivers.ts";
import { type Driver, longPython } from "./drivers.ts";
import { known, longEvents, longLoggedByPid, sha256 } from "./long_log.ts";
import { type Env, message, RawClient } from "./raw_client.ts";
import { eventsByPid, type LoggedSession, matchStatements } from "./server_log.ts";

const timeoutMs = 600_000;
const driverSizes = [2, 17];
let direct: Env;
let through: Env;

const test = siteSuite({ settings: logEverything }, async (site) => {
  const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  direct = await site.direct("alice", "orders");
  through = await site.through(alice, "orders");
});

const encoder = new TextEncoder();
const plainUnit = "0123456 it''s -- $a$ /* \"x\" ";
const unit = `${plainUnit}Grüße 世界 𝄞 `;

/** Text of at least so many MiB for a literal. */
function filler(mib: number, of = unit): string {
  return of.repeat(Math.floor(mib * 1048576 / encoder.encode(of).length) + 1);
}

/** psql sends what `\;` joins as one message. */
const scripts: Readonly<Record<number, () => string>> = {
  2: () => {
    const text = filler(2);
    return `select length('${text}'), md5('${text}');
      create temp table long (t text);
      insert into long values ('${text}');
      select length(t), md5(t) from long;
      select 'first' \\; select length('${text}') \\; select 'last';
      select 1/0, '${text}';
      select '${text}' from where;\n`.replaceAll(/\n +/g, "\n");
  },
  17: () => `create temp table long as select '${filler(17)}' as t;\nselect md5(t) from long;\n`,
  100: () => `select length('${filler(100, plainUnit)}');\n`,
};

for (const [mib, script] of Object.entries(scripts)) {
  test(`psql runs statements of ${mib} MiB as directly`, async (site) => {
    if (!await have("psql", "long statements by psql")) return;
    const file = join(site.dir, `long-${mib}.sql`);
    await Deno.writeTextFile(file, script());
    const outputs = [];
    for (const env of [direct, through]) {
      const options = { timeoutMs, env: { ...env, PGSSLMODE: "verify-full" } };
      const { code, stdout, stderr } = await run("psql", ["-XAt", "-f", file], options);
      outputs.push({ code, stdout, stderr: known(stderr) });
    }
    strictEqual(outputs[1]?.code, 0, outputs[1]?.stderr);
    deepStrictEqual(outputs[1], outputs[0]);
  });
}

for (const driver of [await longPython(driverSizes), await longJava(driverSizes)]) {
  if ("reason" in driver) skipped(driver.name, driver.reason);
  else test(`${driver.name} of ${driverSizes.join(" and ")} MiB as directly`, () => same(driver));
}

async function same(driver: Driver): Promise<void> {
  const [wanted, got] = [await driver.run(direct), await driver.run(through)];
  strictEqual(wanted.code, 0, wanted.stderr);
  strictEqual(got.code, 0, got.stderr);
  deepStrictEqual(got.stdout.split("\n"), wanted.stdout.split("\n"));
}

test("each statement in the server's log has one event with the same text", async (site) => {
  const sessions = await allEnded(site);
  const logged = await longLoggedByPid(site.postgres.logFile);
  const problems = [...sessions].flatMap(([pid, { events }]) =>
    matchStatements(pid, logged.get(pid) ?? [], events)
  );
  deepStrictEqual(problems, []);
  const all = [...sessions.values()].flatMap(({ events }) => events);
  const long = all.filter((event) => Number(event["db_query_characters"]) > 1_000_000);
  const ways = new Set(long.map(({ command, outcome }) => `${command} ${outcome}`));
  for (const way of ["query done", "execute done", "prepare done", "query parse_error"]) {
    ok(ways.has(way), `no long ${way}`);
  }
  const largest = Math.max(...long.map((event) => Number(event["db_query_characters"])));
  ok(largest > 100 * 1048576, `${largest} characters`);
});

test("a statement's parts join to what was sent, also one that is no UTF-8", async (site) => {
  const client = await RawClient.login(through);
  const [[pid] = []] = await client.query("select pg_backend_pid()");
  const utf8 = encoder.encode(`/* ${filler(3)} */ select 1`);
  const bytes = new Uint8Array(3 * 1048576).map((_, at) => 1 + (at * 7) % 255);
  const other = Uint8Array.from([
    ...encoder.encode("/*"),
    ...bytes,
    ...encoder.encode("*/select 2"),
  ]);
  for (const text of [utf8, other]) {
    await client.send(message("Q", text, "\0"));
    await client.until("Z");
  }
  client.close();
  const [, first, second] = (await allEnded(site)).get(Number(pid))?.events ?? [];
  strictEqual(fullText(first).sha256, sha256(utf8));
  // Each byte is the character of its number.
  const latin1 = Array.from(other, (byte) => String.fromCharCode(byte)).join("");
  strictEqual(second?.["db_query"], known(latin1));
});

test("a password deep in a long statement is in no event and in no spool", async (site) => {
  const secret = "planted-7f3a-9c1e";
  const client = await RawClient.login(through);
  const [[pid] = []] = await client.query("select pg_backend_pid()");
  const texts = [];
  for (const before of [2 * 1048576, 65_536 * 17 - 40, 196_608 * 7 - 40]) {
    const padding = `select '${filler(1)}', '${"x".repeat(before)}'; `;
    const text = (hidden: string) =>
      `${padding} alter role alice password '${hidden}'; ` +
      `do $$begin execute 'alter role alice password ''${hidden}'''; end$$; ${padding}`;
    await client.query(text(secret));
    texts.push(known(text("***")));
  }
  client.close();
  const [, ...events] = (await allEnded(site)).get(Number(pid))?.events ?? [];
  deepStrictEqual(events.map((event) => event["db_query"]), texts);
  for (const dir of [site.auth.dataDir, site.agents[0]?.dataDir ?? ""]) {
    const found = await run("grep", ["-rlF", secret, dir]);
    deepStrictEqual([found.code, found.stdout], [1, ""]);
  }
});

test("the log with all of this verifies", async (site) => {
  await site.verifyAudit();
});

function fullText(event: Record<string, unknown> | undefined): { readonly sha256: string } {
  return { sha256: "", ...Object(event?.["full_text"]) };
}

/** Sessions by their backend's process id, once all have ended. */
async function allEnded(site: Site): Promise<Map<number, LoggedSession>> {
  return await waitFor("all sessions have ended in the audit log", 120_000, async () => {
    // While parts are on their way they are no whole.
    const byPid = eventsByPid(await longEvents(site).catch(() => []));
    return byPid.size > 0 && [...byPid.values()].every(({ ended }) => ended) ? byPid : null;
  });
}
