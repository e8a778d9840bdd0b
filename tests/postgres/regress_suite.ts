/** Suites of regression scripts, each through the proxy and directly: what they print is equal. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import {
  type PostgresBinaries,
  type PostgresServer,
  serverUser,
  startPostgres,
} from "../../scripts/lab/postgres.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { logEverything, plainSql, siteSuite } from "../site.ts";
import { matchLog } from "./drivers_suite.ts";
import { type RegressPrograms, runSuite, type Suite, type Where } from "./regress.ts";

const settings = [
  ...logEverything,
  // What runs behind their backs would change what some of them print.
  ...["max_prepared_transactions = 2", "autovacuum = off", "jit = off", "wal_level = logical"],
  "compute_query_id = regress",
];
const hba = [
  "local all all trust",
  "hostssl all all 127.0.0.1/32 cert clientcert=verify-full",
  "hostnossl all all 127.0.0.1/32 trust",
];

export interface RegressOptions {
  readonly binaries: PostgresBinaries;
  readonly programs: RegressPrograms;
  readonly suites: readonly Suite[];
  /** Libraries that some of the extensions have to have loaded at the start. */
  readonly preload?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Declares a test for each suite, and that server's log and audit log say the same after all. */
export function regressSuite(options: RegressOptions): void {
  const { binaries, programs } = options;
  // Some connect from the server to itself.
  const env = { ...binaries.env, PGHOST: "127.0.0.1", PGSSLMODE: "disable" };
  const preload = options.preload ? [`shared_preload_libraries = '${options.preload}'`] : [];
  const server = {
    ...{ binaries: { ...binaries, env }, sql: plainSql, hba },
    settings: [...settings, ...preload],
  };
  let direct: PostgresServer;
  let ways: Readonly<Record<"through" | "direct", Where>>;
  let scripts = 0;
  const test = siteSuite(server, async (site) => {
    const alice = await site.addUser("alice", { dbUsers: ["*"], dbNames: ["*"] });
    await site.login(alice, "alice");
    await alice.mustTsh(["db", "login", "orders"]);
    // A second server with nothing of ours before it, made in the same way.
    direct = await startPostgres({
      ...server,
      dir: join(site.dir, "direct-postgres"),
      tls: { ...await site.authority.server("localhost"), clientCa: site.authority.pem },
    });
    const common = { programs, serverUser: await serverUser() };
    const own = { PGHOST: direct.socketDir, PGPORT: String(direct.port) };
    const through = await site.through(alice, "orders");
    ways = {
      through: {
        ...{ ...common, dir: join(site.dir, "through"), server: site.postgres },
        env: { ...options.env, ...through, PGUSER: "postgres" },
      },
      direct: {
        ...{ ...common, dir: join(site.dir, "direct"), server: direct },
        env: { ...options.env, ...own, PGUSER: "postgres" },
      },
    };
  }, () => direct?.stop("immediate"));

  for (const suite of options.suites) {
    test(`the scripts of ${suite.name} print what they print directly`, async () => {
      const plain = await runSuite(suite, ways.direct);
      const possible = suite.isolation ? withoutWaiting(suite, plain) : suite;
      const through = await runSuite(possible, ways.through);
      scripts += through.size;
      ok(through.size >= ("names" in possible.scripts ? possible.scripts.names.length : 200));
      if (!suite.isolation) deepStrictEqual([...through.keys()].sort(), [...plain.keys()].sort());
      deepStrictEqual(differences(through, plain), []);
    });
  }

  test("each statement in the server's log has one event, in order", (site: Site) => {
    return matchLog(site, scripts);
  });

  test("the log verifies after the run", async (site) => {
    await site.verifyAudit();
  });
}

/**
 * Those where no session waits for another. To know of the others the tester asks the server by
 * the process ids in the sessions' cancel keys, and ours are not the server's.
 */
function withoutWaiting(suite: Suite, direct: ReadonlyMap<string, string>): Suite {
  const names = [...direct].filter(([, text]) => !text.includes("waiting")).map(([name]) => name);
  ok(names.length >= 30, `only ${names.length} of ${direct.size}`);
  return { ...suite, scripts: { names } };
}

/** The first lines that differ, of each script where any do. */
function differences(
  through: ReadonlyMap<string, string>,
  direct: ReadonlyMap<string, string>,
): string[] {
  return [...through].flatMap(([name, text]) => {
    const [got, want] = [lines(text), lines(direct.get(name) ?? "")];
    const at = got.findIndex((line, index) => line !== want[index]);
    if (at < 0 && got.length === want.length) return [];
    const line = at < 0 ? Math.min(got.length, want.length) : at;
    return [`${name}:${line + 1}: ${got[line] ?? "(end)"} | directly: ${want[line] ?? "(end)"}`];
  });
}

/** Without what differs from one run to the next. */
function lines(text: string): string[] {
  return text
    .replaceAll(/server process with PID \d+/g, "server process with PID N")
    // The tester knows its own sessions by the process ids in their keys, which are ours.
    .replaceAll(/^(\w+: NOTIFY .*) from (?:PID \d+|\w+)$/gm, "$1 from N")
    .split("\n");
}
