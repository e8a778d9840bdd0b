/** `remoteler db test` against a real PostgreSQL: each way to fail is told by its step. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { certificatePem, generateKey, issueDatabaseServer } from "../../lib/ca/mod.ts";
import { type KeyPair, LabAuthority, random } from "../../scripts/lab/certificates.ts";
import { join } from "../../scripts/lab/paths.ts";
import { type PostgresServer, startPostgres } from "../../scripts/lab/postgres.ts";
import { remoteler, type Service, startService } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { freePort, waitFor } from "../../scripts/lab/tools.ts";
import { anyPostgres, plainSql, siteSuite } from "../site.ts";

const secret = "hush, a stored password";
const sql = `${plainSql}
create role scram login password '${secret}';
`;
let expired: PostgresServer;
let gone: Service;

const test = siteSuite({
  sql,
  hba: [
    "hostssl all scram 127.0.0.1/32 scram-sha-256",
    "hostssl all alice 127.0.0.1/32 cert clientcert=verify-full",
  ],
  settings: ["log_connections = on"],
  moreDatabases: async (site) => {
    const stranger = await LabAuthority.make("stranger");
    const strangerFile = await written(site, "stranger.pem", stranger.pem);
    expired ??= await startPostgres({
      binaries: await anyPostgres(),
      dir: join(site.dir, "postgres-expired"),
      tls: { ...await expiredPair(site), clientCa: stranger.pem },
      sql: plainSql,
    });
    const at = (port: number) => ({ uri: `localhost:${port}` });
    const right = await written(site, "right.password", secret);
    const wrong = await written(site, "wrong.password", "not it");
    const vanishing = await written(site, "vanishing.password", secret);
    const stored = (password_file: string) => ({
      credentials: { type: "secret", user: "scram", password_file },
    });
    return [
      { ...database(site, "wrong-port"), ...at(freePort()) },
      { ...database(site, "wrong-host"), uri: "no-such-host.invalid:5432" },
      database(site, "wrong-ca", { ca_cert_file: strangerFile }),
      database(site, "wrong-name", { server_name: "elsewhere.test" }),
      { ...database(site, "expired"), ...at(expired.port) },
      { ...database(site, "not-trusting", { mode: "insecure" }), ...at(expired.port) },
      { ...database(site, "stored"), ...stored(right) },
      { ...database(site, "wrong-password"), ...stored(wrong) },
      { ...database(site, "vanishing"), ...stored(vanishing) },
      { ...database(site, "no-postgres"), uri: site.auth.ready.auth_address },
    ];
  },
}, async (site) => {
  gone = await startGone(site);
  gone.signal("SIGKILL");
}, async () => {
  await expired?.stop("immediate");
});

function database(site: Site, name: string, tls: Record<string, string> = {}) {
  const ca_cert_file = join(site.dir, "server-ca.pem");
  return {
    name,
    protocol: "postgres",
    uri: `localhost:${site.postgres.port}`,
    tls: tls["mode"] === "insecure" ? tls : { ca_cert_file, ...tls },
  };
}

async function written(site: Site, name: string, text: string): Promise<string> {
  const path = join(site.dir, name);
  await Deno.writeTextFile(path, `${text}\n`, { mode: 0o600 });
  return path;
}

/** For the right name, by the right CA, until an hour ago. */
async function expiredPair({ authority }: Site): Promise<KeyPair> {
  const key = await generateKey();
  const now = Date.now() - 7_200_000;
  const order = { spki: key.spki, now, expires: now + 3_600_000, random, names: ["localhost"] };
  const { der } = await issueDatabaseServer(authority.issuer, order);
  return { cert: certificatePem(der), key: key.privatePem() };
}

/** An agent that served `ghost`, until it was killed. */
async function startGone(site: Site): Promise<Service> {
  const dir = join(site.dir, "agent-gone");
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(join(dir, "token"), await site.token("db"), { mode: 0o600 });
  const service = await startService({
    name: "agent-gone",
    dir,
    config: {
      remoteler: {
        proxy_server: site.proxyAddress,
        join: { method: "token", token_file: join(dir, "token") },
        ca_pin: site.caPin,
      },
      db_service: { databases: [database(site, "ghost"), database(site, "orders")] },
    },
  });
  await waitFor("ghost is served", 20_000, async () => {
    return (await site.remoteler(["db", "ls"])).includes("ghost");
  });
  return service;
}

interface Step {
  readonly step: string;
  readonly state: string;
  readonly found: string;
  readonly hint: string | null;
}

interface Report {
  readonly database: string;
  readonly ok: boolean;
  readonly steps: readonly Step[];
  readonly agents: readonly {
    readonly agent: string;
    readonly ok: boolean;
    readonly steps: readonly Step[];
  }[];
}

async function tried(site: Site, args: readonly string[]): Promise<Report & { code: number }> {
  const all = ["db", "test", ...args, "--format=json"];
  const { code, stdout, stderr } = await remoteler(site.auth.configFile, all);
  ok(stdout !== "", stderr);
  return { ...JSON.parse(stdout), code };
}

const asAlice = ["--db-user=alice", "--db-name=orders", "--agent=agent-0"];
const asScram = ["--db-user=scram", "--db-name=postgres"];
const everyStep = [
  ...["tunnel", "address", "tcp", "tls", "certificate", "credentials", "login", "statement"],
];

test("an agent that was killed a moment ago holds the others up for seconds", async (site) => {
  const began = Date.now();
  const { code, agents } = await tried(site, ["orders"]);
  ok(Date.now() - began < 20_000, "it took too long");
  deepStrictEqual([code, agents.map(({ agent, ok }) => [agent, ok])], [1, [
    ["agent-0", true],
    ["agent-gone", false],
  ]]);
  match(agents[1]?.steps[0]?.found ?? "", /no answer in time/);
});

test("a database that works: every step is ok, up to a statement", async (site) => {
  const report = await tried(site, ["orders", ...asAlice]);
  deepStrictEqual([report.code, report.ok, report.database], [0, true, "orders"]);
  deepStrictEqual(report.steps.map(({ step, state }) => [step, state]), [
    ["name", "ok"],
    ["agents", "ok"],
  ]);
  const [agent] = report.agents;
  deepStrictEqual([report.agents.length, agent?.agent, agent?.ok], [1, "agent-0", true]);
  deepStrictEqual(agent?.steps.map(({ step }) => step), everyStep);
  deepStrictEqual(agent?.steps.filter(({ state }) => state !== "ok"), []);
  const found = new Map(agent?.steps.map((one) => [one.step, one.found]));
  match(found.get("address") ?? "", /^localhost is .*127\.0\.0\.1/);
  match(found.get("tcp") ?? "", /^127\.0\.0\.1:\d+ answers in \d+ ms$/);
  match(
    found.get("certificate") ?? "",
    /^verify-full: for localhost, 127\.0\.0\.1, by .*lab.* left$/,
  );
  match(found.get("login") ?? "", /^alice is let into orders, version 1\d/);
  strictEqual(found.get("statement"), "SELECT 1 is answered");
  const log = await Deno.readTextFile(site.postgres.logFile);
  match(log, /authorized: user=alice database=orders application_name=remoteler db test/);
});

test("without --db-user no login is tried, and that is no failure", async (site) => {
  const { code, agents } = await tried(site, ["orders", "--agent=agent-0"]);
  const skipped = agents[0]?.steps.filter(({ state }) => state === "skipped");
  deepStrictEqual([code, skipped?.map(({ step }) => step)], [
    0,
    ["credentials", "login", "statement"],
  ]);
  match(skipped?.at(-1)?.found ?? "", /without --db-user/);
});

const failures: readonly [
  what: string,
  args: readonly string[],
  step: string,
  found: RegExp,
  hint: RegExp,
][] = [
  ["a wrong port", ["wrong-port"], "tcp", /connection refused/, /runs and listens .*uri/],
  ["a wrong host", ["wrong-host"], "address", /no such host|resolved/, /uri|name service/],
  ["a wrong CA", ["wrong-ca"], "certificate", /unknown CA: by .*lab/, /tls\.ca_cert_file/],
  [
    "a wrong server name",
    ["wrong-name"],
    "certificate",
    /another name: for localhost, 127\.0\.0\.1, wanted is elsewhere\.test/,
    /tls\.server_name/,
  ],
  ["an expired certificate", ["expired"], "certificate", /expired, since 20\d\d-/, /auth sign/],
  [
    "a database that doesn't trust the cluster",
    ["not-trusting", "--db-user=alice"],
    "login",
    /does not trust the CA of our certificate/,
    /cert_authority\/db_client/,
  ],
  [
    "pg_hba that has no line",
    ["orders", "--db-user=bob", "--db-name=orders", "--agent=agent-0"],
    "login",
    /no pg_hba\.conf entry.*\(28000\)/,
    /pg_hba\.conf has a line/,
  ],
  [
    "a database name that isn't there",
    ["orders", "--db-user=alice", "--db-name=nowhere", "--agent=agent-0"],
    "login",
    /database "nowhere" does not exist \(3D000\)/,
    /--db-name/,
  ],
  [
    "a wrong stored password",
    ["wrong-password", ...asScram],
    "login",
    /password authentication failed.*\(28P01\)/,
    /stored password/,
  ],
  [
    "an account that isn't the password's",
    ["stored", "--db-user=alice"],
    "credentials",
    /stored password is for scram/,
    /--db-user=scram/,
  ],
  [
    "a server of another protocol",
    ["no-postgres"],
    "tls",
    /does not speak postgres as it should: SSLRequest/,
    /uri, protocol/,
  ],
];
for (const [what, args, step, found, hint] of failures) {
  test(`${what} is told by the step, with what to do`, async (site) => {
    const report = await tried(site, args);
    strictEqual(report.code, 1);
    const steps = report.agents[0]?.steps ?? [];
    const failed = steps.filter(({ state }) => state === "failed");
    deepStrictEqual(failed.map((one) => one.step), [step], JSON.stringify(steps));
    match(failed[0]?.found ?? "", found);
    match(failed[0]?.hint ?? "", hint);
    // What depends on it was not tried; what is before it was.
    deepStrictEqual(steps.map((one) => one.step), everyStep);
  });
}

test("a stored password is used, and one that can't be read is told", async (site) => {
  const well = await tried(site, ["stored", ...asScram]);
  deepStrictEqual([well.code, well.ok], [0, true]);
  await Deno.remove(join(site.dir, "vanishing.password"));
  const { agents } = await tried(site, ["vanishing"]);
  const failed = agents[0]?.steps.filter(({ state }) => state === "failed");
  deepStrictEqual(failed?.map(({ step }) => step), ["credentials"]);
  match(failed?.[0]?.found ?? "", /no password in .*vanishing\.password/);
});

test("people get a table: the step that failed, and what to do below it", async (site) => {
  const { code, stdout } = await remoteler(site.auth.configFile, ["db", "test", "wrong-port"]);
  strictEqual(code, 1);
  match(stdout, /^AGENT +STEP +STATE +FOUND\n +name +ok +wrong-port is known\n/);
  match(stdout, /^agent-0 +tcp +failed +connection refused\n +-> see that the database runs/m);
  const yaml = await remoteler(site.auth.configFile, [
    ...["db", "test", "orders", "--agent=agent-0", "--format=yaml"],
  ]);
  match(yaml.stdout, /^database: orders\nok: /);
});

test("a name that isn't there, and an agent that doesn't serve it", async (site) => {
  const unknown = await tried(site, ["ordres"]);
  deepStrictEqual([unknown.code, unknown.agents], [1, []]);
  strictEqual(unknown.steps[0]?.state, "failed");
  strictEqual(unknown.steps[0]?.hint, "did you mean orders?");
  const other = await tried(site, ["stored", "--agent=agent-9"]);
  deepStrictEqual([other.code, other.steps[1]?.state], [1, "failed"]);
  match(other.steps[1]?.hint ?? "", /those that do: agent-0/);
  const without = await remoteler(site.auth.configFile, ["db", "test", "x", "--db-name=y"]);
  strictEqual(without.code, 2);
});

test("a database whose only agent is away", async (site) => {
  await waitFor("the agent's lease is over", 70_000, async () => {
    return /^ghost .* none +offline/m.test(await site.remoteler(["db", "ls"]));
  });
  const { code, steps, agents } = await tried(site, ["ghost"]);
  deepStrictEqual([code, agents], [1, []]);
  deepStrictEqual(steps[1]?.state, "failed");
  match(steps[1]?.found ?? "", /not connected: agent-gone/);
  match(steps[1]?.hint ?? "", /start it/);
  const both = await tried(site, ["orders"]);
  deepStrictEqual([both.code, both.agents.length], [0, 1]);
  match(both.steps[1]?.found ?? "", /connected: agent-0; not connected: agent-gone/);
});

test("every test is in the audit log, with its outcome and no secret anywhere", async (site) => {
  const events = await site.events(["--events=db.test.start,db.test.end"]);
  const of = (service: string) => events.filter((one) => one["db_service"] === service);
  const [start, end] = of("stored").filter((one) => one["db_user"] === "scram");
  deepStrictEqual([start?.["event"], start?.["code"], start?.["user"], start?.["db_user"]], [
    ...["db.test.start", "TDB21I", "admin", "scram"],
  ]);
  deepStrictEqual([end?.["event"], end?.["code"], end?.["success"]], [
    ...["db.test.end", "TDB22I", true],
  ]);
  strictEqual(end?.["test"], start?.["test"]);
  const bad = of("wrong-port").find((one) => one["event"] === "db.test.end");
  deepStrictEqual([bad?.["code"], bad?.["success"]], ["TDB22W", false]);
  match(String(bad?.["message"]), /: tcp$/);
  const made = await site.events(["--events=cert.create"]);
  const ofTests = made.filter((one) => one["test"] !== undefined);
  ok(ofTests.length >= 2);
  ok(ofTests.every((one) => one["cert_type"] === "db_client" && one["user"] === "admin"));
  const logs = [site.agents[0], site.proxy, site.auth].map((one) => one?.logFile ?? "");
  const texts = await Promise.all(logs.map((path) => Deno.readTextFile(path)));
  ok(!(texts.join() + JSON.stringify(await site.events())).includes(secret));
});

test("agents listen for tests again after Auth was killed and is back", async (site) => {
  await site.restartAuth();
  await waitFor("the agent answers", 30_000, async () => {
    return (await tried(site, ["stored", ...asScram])).ok;
  });
});
