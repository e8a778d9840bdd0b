/** Processes that die, drain and come back; and hosts that may not join. */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { type Person, startService, tail } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { siteSuite } from "../site.ts";

let alice: Person;
let env: Env;

const test = siteSuite({ agents: 2 }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
});

test("Auth down: sessions go on, new ones work, their events arrive later", async (site) => {
  const session = await RawClient.login(env);
  await session.query("select 'before'");
  const address = Number((site.auth.ready.auth_address ?? "").split(":").at(-1));
  await site.auth.kill();
  await session.query("select 'while Auth is away'");
  const other = await within("a new session", 5000, RawClient.login(env));
  await other.query("select 'new while Auth is away'");
  other.close();
  session.close();
  await site.startAuth(address);
  await waitFor("the events arrive", 20_000, async () => {
    const texts = (await site.events()).map((e) => e["db_query"]);
    return texts.includes("select 'while Auth is away'") &&
      texts.includes("select 'new while Auth is away'");
  });
});

test("an agent killed: its sessions end, another agent takes new ones", async (site) => {
  const sessions = await Promise.all(Array.from({ length: 6 }, () => RawClient.login(env)));
  const victim = site.agents[0];
  await victim?.kill();
  const outcomes = await within(
    "every session answers or ends",
    10_000,
    Promise.all(
      sessions.map((s) => s.query("select 1").then(() => "works", () => "ended")),
    ),
  );
  for (const s of sessions) s.close();
  ok(outcomes.length === 6);
  const fresh = await within("a new session", 5000, retryLogin());
  strictEqual((await fresh.query("select 2"))[0]?.[0], "2");
  fresh.close();
  await site.startAgent(0);
});

test("a proxy killed: sessions end, new ones work within 5 s of its return", async (site) => {
  const session = await RawClient.login(env);
  await site.proxy.kill();
  await rejects(within("the session ends", 10_000, session.query("select 1")));
  session.close();
  await site.startProxy();
  const fresh = await within("a new session", 5000, retryLogin());
  fresh.close();
});

test("SIGTERM drains: an open session finishes, new ones go to the other agent", async (site) => {
  const session = await waitFor("a session on agent 1", 10_000, () => sessionOn(site, 1));
  const running = session.query("select pg_sleep(2), 'finished'");
  await delay(300);
  const agent = site.agents[1];
  agent?.signal("SIGTERM");
  await delay(300);
  const fresh = await within("a new session meanwhile", 5000, retryLogin());
  strictEqual((await fresh.query("select 3"))[0]?.[0], "3");
  fresh.close();
  strictEqual((await within("the statement finishes", 10_000, running))[0]?.[1], "finished");
  session.close();
  strictEqual(await agent?.ended(15_000), 0);
  await site.startAgent(1);
});

test("a reused token is refused", async (site) => {
  const token = await site.token("db");
  await joinsOrThrows(site, "first-use", { token });
  await rejects(joinsOrThrows(site, "second-use", { token }), /token/);
});

test("a wrong token is refused", async (site) => {
  await rejects(joinsOrThrows(site, "wrong-token", { token: "0".repeat(32) }), /token/);
});

test("a wrong CA pin stops the join before anything is sent", async (site) => {
  const pin = "sha256:" + "ab".repeat(32);
  await rejects(joinsOrThrows(site, "wrong-pin", { token: await site.token("db"), pin }), /pin/i);
});

test("an agent may not serve what its token doesn't allow", async (site) => {
  const token = await site.token("db", "other-*");
  const log = await joinsOrThrows(site, "not-allowed", { token }, /refused|not allow/);
  match(log, /orders/);
  const agents = JSON.parse(await site.remoteler(["get", "agent", "--format=json"]));
  ok(!JSON.stringify(agents).includes("not-allowed"), "Auth took its heartbeat");
});

async function retryLogin(): Promise<RawClient> {
  return await waitFor("a login", 6000, () => RawClient.login(env).catch(() => null));
}

/** A new session, if it happens to be on this agent: told by the agent's own connections. */
async function sessionOn(site: Site, index: number): Promise<RawClient | null> {
  const client = await retryLogin();
  const [[port] = []] = await client.query("select inet_client_port()");
  const pid = site.agents[index]?.pid ?? 0;
  const owned = await ownsPort(pid, Number(port));
  if (owned) return client;
  client.close();
  return null;
}

async function ownsPort(pid: number, port: number): Promise<boolean> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    const text = await Deno.readTextFile(`/proc/net/${table}`);
    for (const line of text.split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hex}`) && fields[9]) inodes.add(fields[9]);
    }
  }
  for await (const entry of Deno.readDir(`/proc/${pid}/fd`)) {
    const link = await Deno.readLink(`/proc/${pid}/fd/${entry.name}`).catch(() => "");
    const inode = /socket:\[(\d+)\]/.exec(link)?.[1];
    if (inode && inodes.has(inode)) return true;
  }
  return false;
}

/** Starts one more agent and stops it; throws with its log where it doesn't get ready. */
async function joinsOrThrows(
  site: Site,
  name: string,
  join_: { token: string; pin?: string },
  until?: RegExp,
): Promise<string> {
  const dir = join(site.dir, name);
  await Deno.mkdir(dir, { recursive: true });
  const service = await startService({
    name,
    dir,
    noWait: true,
    config: {
      remoteler: {
        proxy_server: site.proxyAddress,
        join: { method: "token", token: join_.token },
        ca_pin: join_.pin ?? site.caPin,
      },
      db_service: {
        enabled: true,
        databases: [{
          name: "orders",
          protocol: "postgres",
          uri: `localhost:${site.postgres.port}`,
          tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
        }],
      },
    },
  });
  const outcome = await waitFor("ready or an end", 20_000, async () => {
    if (!service.running) return "ended";
    if (until) return until.test(await tail(service.logFile)) ? "ready" : null;
    const ready = await Deno.stat(join(dir, "ready.json")).then(() => true, () => false);
    return ready ? "ready" : null;
  }).catch(() => "neither");
  await service.stop();
  const log = await tail(service.logFile);
  if (outcome !== "ready") throw new Error(log);
  return log;
}

test("the joins above left no agent behind that serves", async (site) => {
  match(await site.remoteler(["get", "agent"]), /agent-0|orders|[0-9a-f-]{36}/);
});
