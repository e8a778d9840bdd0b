/** `/healthz`, `/readyz` and `/metrics` of a Database Service at work. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { type Service, startService } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { RawClient } from "../postgres/raw_client.ts";
import { siteSuite } from "../site.ts";

let agent: Service | null = null;
let address = "";

/** A further agent, the only one with `shop`, that tells how it is. */
async function startAgent(site: Site): Promise<void> {
  const dir = join(site.dir, "agent-diag");
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(join(dir, "token"), await site.token("db"), { mode: 0o600 });
  agent = await startService({
    name: "agent-diag",
    dir,
    config: {
      remoteler: {
        proxy_server: site.proxyAddress,
        join: { method: "token", token_file: join(dir, "token") },
        ca_pin: site.caPin,
        diag_addr: "127.0.0.1:0",
      },
      db_service: {
        databases: [{
          name: "shop",
          protocol: "postgres",
          uri: `localhost:${site.postgres.port}`,
          tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
        }],
      },
    },
  });
  address = JSON.parse(await Deno.readTextFile(join(dir, "ready.json"))).diag_address;
}

const test = siteSuite({}, startAgent, async () => {
  await agent?.stop();
});

async function get(path: string): Promise<[number, string]> {
  const answer = await fetch(`http://${address}${path}`);
  return [answer.status, await answer.text()];
}

async function readiness(): Promise<{ ready: boolean; problems: string[]; degraded: string[] }> {
  return JSON.parse((await get("/readyz"))[1]);
}

/** The value of one series. */
async function metric(series: string): Promise<number> {
  const [status, text] = await get("/metrics");
  strictEqual(status, 200);
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? NaN);
}

test("an agent is ready once a tunnel is up", async () => {
  deepStrictEqual(await get("/healthz"), [200, "ok\n"]);
  await waitFor("the agent is ready", 10_000, async () => (await readiness()).ready);
  strictEqual(await metric('remoteler_tunnels{role="db"}'), 1);
  strictEqual(await metric('remoteler_auth_reachable{role="db"}'), 1);
  ok(await metric('remoteler_host_certificate_expires_seconds{role="db"}') > Date.now() / 1000);
  ok(await metric('remoteler_ca_certificate_expires_seconds{role="db",type="user"}') > 1e9);
});

test("sessions, statements, errors and refusals are counted", async (site) => {
  const person = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(person, "alice");
  await person.mustTsh(["db", "login", "shop", "--db-user=alice", "--db-name=orders"]);
  const env = await site.through(person, "shop");
  const client = await RawClient.login(env);
  for (let i = 0; i < 5; i++) await client.query("select 1");
  await rejects(client.query("select nonsense"));
  strictEqual(await metric('remoteler_sessions{role="db"}'), 1);
  strictEqual(await metric('remoteler_statements_total{db="shop",outcome="done"}'), 5);
  strictEqual(await metric('remoteler_statements_total{db="shop",outcome="error"}'), 1);
  strictEqual(await metric('remoteler_statement_duration_seconds_count{db="shop"}'), 6);
  const uri = `uri="localhost:${site.postgres.port}"`;
  ok(await metric(`remoteler_database_connect_seconds_count{${uri}}`) >= 1);
  client.close();
  await waitFor("the session's bytes are counted", 5_000, async () => {
    return await metric('remoteler_session_bytes_total{db="shop",direction="sent"}') > 100;
  });
  strictEqual(await metric('remoteler_sessions{role="db"}'), 0);
  await rejects(RawClient.login({ ...env, PGUSER: "bob" }));
  strictEqual(await metric('remoteler_refusals_total{code="db.route-differs"}'), 1);
});

test("a database that doesn't answer is told of, and that it is back", async (site) => {
  await waitFor("it is asked", 10_000, async () => {
    return await metric('remoteler_database_healthy{db="shop"}') === 1;
  });
  deepStrictEqual((await readiness()).degraded, []);
  await site.postgres.stop("immediate");
  await waitFor("it is missed", 60_000, async () => {
    return await metric('remoteler_database_healthy{db="shop"}') === 0;
  });
  match((await readiness()).degraded[0] ?? "", /^db: the database shop can't be reached/);
  await site.startPostgres();
  await waitFor("it is back", 40_000, async () => {
    return await metric('remoteler_database_healthy{db="shop"}') === 1;
  });
});

test("without Auth an agent says so and stays ready; without a proxy it isn't", async (site) => {
  await site.auth.stop();
  await waitFor("Auth is missed", 20_000, async () => (await readiness()).degraded.length > 0);
  match((await readiness()).degraded[0] ?? "", /^db: the Auth Service can't be reached/);
  strictEqual(await metric('remoteler_auth_reachable{role="db"}'), 0);
  ok((await readiness()).ready);
  await site.proxy.stop();
  await waitFor("the tunnel is missed", 20_000, async () => !(await readiness()).ready);
  const [status, text] = await get("/readyz");
  strictEqual(status, 503);
  match(text, /db: no tunnel to a proxy is up/);
});
