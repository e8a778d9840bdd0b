/** Every line of the server's own log has one event, and every further event has a mark. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { skipped } from "../site.ts";
import { allDrivers, type Driver } from "./drivers.ts";
import { lineCharacters, type LoggedEvent, type LogLine, pair } from "./general_log.ts";
import { addAlice, type MysqlSite, mysqlSuite, native, realServers } from "./site.ts";

const servers = await realServers();
const drivers: Driver[] = [];
for (const driver of await allDrivers(servers)) {
  if ("reason" in driver) skipped(`driver ${driver.name}`, driver.reason);
  else drivers.push(driver);
}

let alice: Person;
const test = mysqlSuite(servers, {}, async (site) => {
  await allowFiles(site);
  alice = await addAlice(site, servers, { roles: ["access", "loader"] });
});

for (const driver of drivers) {
  test(`what ${driver.name} does is in both logs, statement by statement`, async (at) => {
    const { name } = at.server.binaries;
    if (driver.maker !== undefined && driver.maker !== name) return;
    if (driver.readsGreeting === true && name === "MariaDB") return;
    await emptyLog(at);
    const before = await sessionsOf(at);
    const { code, stderr } = await driver.run(await native(alice, at.service));
    strictEqual(code, 0, stderr);
    const sessions = await waitFor("its sessions have ended", 20_000, async () => {
      const found = (await sessionsOf(at)).filter(({ sid }) => !before.some((o) => o.sid === sid));
      return found.length > 0 && found.every(({ isOver }) => isOver) ? found : undefined;
    });
    const lines = await linesOf(at);
    for (const { thread, statements } of sessions) {
      const own = lines.filter((line) => line.thread === thread);
      ok(own.length > 0, `no line of thread ${thread}`);
      ok(pair(own, statements) > 0);
    }
    const threads = sessions.map(({ thread }) => thread);
    const strangers = lines.filter(({ thread, kind, user }) =>
      kind === "Connect" && user.startsWith("alice@") && !threads.includes(thread)
    );
    deepStrictEqual(strangers, []);
  });
}

/** Into a table, from which it can be had whatever the texts have in them. */
async function emptyLog({ server }: MysqlSite): Promise<void> {
  await server.query("set global log_output = 'TABLE'; set global general_log = 0");
  await server.query("truncate mysql.general_log; set global general_log = 1");
}

async function linesOf(
  { server }: MysqlSite,
): Promise<(LogLine & { thread: number; user: string })[]> {
  await server.query("set global general_log = 0");
  const front = `left(argument, ${lineCharacters})`;
  const columns = `thread_id, command_type, hex(user_host), hex(${front})`;
  const all = await server.query(`select ${columns} from mysql.general_log`);
  const text = (hex: string) => new TextDecoder().decode(Uint8Array.fromHex(hex));
  return all.split("\n").filter((line) => line !== "").map((line) => {
    const [thread = "", kind = "", user = "", argument = ""] = line.split("\t");
    const said = text(argument);
    const who = kind === "Connect" ? said : text(user);
    return { thread: Number(thread), kind, user: who, text: said };
  });
}

interface Recorded {
  readonly sid: unknown;
  readonly thread: number;
  readonly isOver: boolean;
  readonly statements: readonly LoggedEvent[];
}

async function sessionsOf({ site, service }: MysqlSite): Promise<Recorded[]> {
  const all = await site.events([`--database=${service}`, "--limit=100000"]);
  return all.filter(({ event }) => event === "db.session.start").map((start) => {
    const own = all.filter(({ sid }) => sid === start["sid"]);
    return {
      sid: start["sid"],
      thread: Number(start["db_pid"]),
      isOver: own.some(({ event }) => event === "db.session.end"),
      statements: own.filter(isStatement).sort((a, b) => Number(a["ei"]) - Number(b["ei"])),
    };
  });
}

/** The event itself and no further part of it. */
function isStatement(event: LoggedEvent): boolean {
  return event["event"] === "db.session.query" && event["outcome"] !== "part" &&
    event["outcome"] !== "started" && !/\.\d+$/.test(String(event["uid"]));
}

/** A role that lets databases ask for files of the client's. */
async function allowFiles(site: Site): Promise<void> {
  const role = {
    kind: "role",
    version: "v1",
    metadata: { name: "loader" },
    spec: {
      allow: { db_labels: { "*": "*" }, db_users: ["alice"], db_names: ["shop"] },
      deny: {},
      options: { local_infile: "allow" },
    },
  };
  await site.remoteler(["create"], JSON.stringify(role));
}
