/** Two agents serve one name, each with a PostgreSQL of its own; one of these goes and is back. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { type PostgresServer, startPostgres } from "../../scripts/lab/postgres.ts";
import { type Person, type Service, startService } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { freePort, waitFor } from "../../scripts/lab/tools.ts";
import { RawClient } from "../postgres/raw_client.ts";
import { anyPostgres, plainSql, siteSuite } from "../site.ts";

let second: PostgresServer;
let agent: Service;
let proxy: Service;
let diagnostics: string;
let alice: Person;
let env: Record<string, string>;

async function startSecond(site: Site): Promise<PostgresServer> {
  return await startPostgres({
    binaries: await anyPostgres(),
    dir: join(site.dir, "postgres-2"),
    tls: {
      ...await site.authority.server("localhost", "127.0.0.1"),
      clientCa: await site.databaseClientCa(),
    },
    sql: plainSql,
    ...(second === undefined ? {} : { port: second.port }),
  });
}

/** A folder, and what a further service needs to join. */
async function place(site: Site, name: string, type: "db" | "proxy") {
  const dir = join(site.dir, name);
  const token_file = join(dir, "token");
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(token_file, await site.token(type), { mode: 0o600 });
  return { dir, joining: { join: { method: "token", token_file }, ca_pin: site.caPin } };
}

/** A further proxy, which tells what it counts. */
async function startProxy(site: Site): Promise<Service> {
  const { dir, joining } = await place(site, "proxy-second", "proxy");
  const { auth_address: auth_server } = site.auth.ready;
  const port = freePort();
  const service = await startService({
    name: "proxy-second",
    dir,
    config: {
      remoteler: { auth_server, ...joining, diag_addr: "127.0.0.1:0" },
      proxy_service: {
        web_listen_addr: `127.0.0.1:${port}`,
        public_addr: `localhost:${port}`,
      },
    },
  });
  diagnostics = JSON.parse(await Deno.readTextFile(join(dir, "ready.json"))).diag_address;
  return service;
}

async function startAgent(site: Site): Promise<Service> {
  const { dir, joining } = await place(site, "agent-second", "db");
  return await startService({
    name: "agent-second",
    dir,
    config: {
      remoteler: { proxy_server: site.proxyAddress, ...joining },
      db_service: {
        databases: [{
          name: "orders",
          protocol: "postgres",
          uri: `localhost:${second.port}`,
          labels: { env: "test" },
          tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
        }],
      },
    },
  });
}

const test = siteSuite({}, async (site) => {
  second = await startSecond(site);
  agent = await startAgent(site);
  proxy = await startProxy(site);
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
}, async () => {
  await agent?.stop();
  await proxy?.stop();
  await second?.stop("immediate");
});

interface Health {
  readonly status: string;
  readonly since: string;
  readonly reason: string;
}

/** As `tsh db ls` tells a person. */
async function shown(): Promise<Health> {
  return JSON.parse(await alice.mustTsh(["db", "ls", "--format=json"]))[0].health;
}

/** As `remoteler db ls` tells an administrator, by agent. */
async function found(site: Site): Promise<ReadonlyMap<string, Health>> {
  const [row] = JSON.parse(await site.remoteler(["db", "ls", "--format=json"]));
  return new Map(row.found.map((one: Health & { agent: string }) => [one.agent, one]));
}

async function untilFound(site: Site, name: string, status: string): Promise<void> {
  await waitFor(`${name} says ${status}`, 60_000, async () => {
    return (await found(site)).get(name)?.status === status;
  });
}

/** How many agents the other proxy has, by what they find of the database. */
async function counted(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://${diagnostics}/metrics`)).text();
  const series = /^remoteler_database_agents\{db="orders",status="(\w+)"\} (\d+)$/gm;
  return Object.fromEntries([...text.matchAll(series)].map(([, is, n]) => [is, Number(n)]));
}

async function untilCounted(expected: Readonly<Record<string, number>>): Promise<void> {
  await waitFor(`the proxy counts ${JSON.stringify(expected)}`, 20_000, async () => {
    const { healthy = 0, unhealthy = 0 } = await counted();
    return healthy === (expected["healthy"] ?? 0) && unhealthy === (expected["unhealthy"] ?? 0);
  });
}

/** The ports of the servers that so many sessions, one after another, came to. */
async function ports(count: number): Promise<readonly number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) {
    const client = await RawClient.login(env);
    const [[port = ""] = []] = await client.query("show port");
    seen.push(Number(port));
    client.close();
  }
  return seen;
}

/** How many sessions the second agent could not begin. */
async function failures(site: Site): Promise<number> {
  const uri = `localhost:${second.port}`;
  const starts = await site.events(["--events=db.session.start"]);
  return starts.filter((one) => one["success"] === false && one["db_uri"] === uri).length;
}

test("two healthy agents take turns", async (site) => {
  await untilFound(site, "agent-0", "healthy");
  await untilFound(site, "agent-second", "healthy");
  strictEqual((await shown()).status, "healthy");
  const both = new Set([site.postgres.port, second.port]);
  await waitFor("both agents have a tunnel", 20_000, async () => {
    return new Set(await ports(4)).size === 2;
  });
  deepStrictEqual(new Set(await ports(6)), both);
  await untilCounted({ healthy: 2 });
});

test("sessions go where the database is healthy, and lists say where it isn't", async (site) => {
  await second.stop("immediate");
  // One of these comes to the agent whose database is gone, which then asks it again at once.
  deepStrictEqual(new Set(await ports(2)), new Set([site.postgres.port]));
  const since = Date.now();
  await untilFound(site, "agent-second", "unhealthy");
  ok(Date.now() - since < 15_000, "health took too long to be told");
  const said = (await found(site)).get("agent-second");
  match(said?.reason ?? "", /can't be reached: connection refused/);
  ok(Math.abs(Date.parse(said?.since ?? "") - Date.now()) < 60_000);
  strictEqual((await shown()).status, "healthy");
  await untilCounted({ healthy: 1, unhealthy: 1 });
  const before = await failures(site);
  deepStrictEqual(new Set(await ports(12)), new Set([site.postgres.port]));
  strictEqual(await failures(site), before);
});

test("with no healthy agent left it says so, and the databases are still tried", async (site) => {
  await site.postgres.stop("immediate");
  const refused = async (): Promise<string> => {
    try {
      (await RawClient.login(env)).close();
      return "";
    } catch (e) {
      return String(e);
    }
  };
  const before = await failures(site);
  match(await refused(), /can't be reached/);
  await untilCounted({ unhealthy: 2 });
  await waitFor("both agents were asked", 10_000, async () => await failures(site) > before);
  await untilFound(site, "agent-0", "unhealthy");
  // An agent says this once it has tried.
  match(await refused(), /can't be reached: connection refused/);
  const { status, reason } = await shown();
  deepStrictEqual([status, /connection refused/.test(reason)], ["unhealthy", true]);
  const table = await alice.tsh(["db", "ls"]);
  match(table.stdout, /^orders \* +postgres +unhealthy /m);
  match(table.stderr, /^orders is unhealthy since \d{4}-.*connection refused/m);
  await site.startPostgres();
  await waitFor("sessions begin again", 20_000, async () => await refused() === "");
  deepStrictEqual(await ports(1), [site.postgres.port]);
});

test("a database that came back is used again", async (site) => {
  second = await startSecond(site);
  await untilFound(site, "agent-second", "healthy");
  await untilFound(site, "agent-0", "healthy");
  strictEqual((await shown()).status, "healthy");
  await untilCounted({ healthy: 2 });
  await waitFor("both are used", 20_000, async () => new Set(await ports(4)).size === 2);
});
