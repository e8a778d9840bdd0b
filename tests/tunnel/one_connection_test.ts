/**
 * `tsh proxy db --tunnel` with real programs: all its sessions go over one TLS connection, and none
 * of them notices the others.
 */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, residentMiB, run, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { pythonWith } from "../postgres/drivers.ts";
import { LocalPort } from "../postgres/local_port.ts";
import { type Env, errorText, message, RawClient } from "../postgres/raw_client.ts";
import { have, siteSuite, skipped } from "../site.ts";

let alice: Person;
let env: Env;
let local: LocalPort;

const account = ["--db-user=alice", "--db-name=orders"];
const test = siteSuite({}, async (site) => {
  // Certificates are renewed 5 minutes before their end: soon.
  await site.putRole("brief", { allow: {}, deny: {}, options: { max_session_ttl: "312s" } });
  alice = await person(site, "alice", ["access"]);
  env = await site.through(alice, "orders");
  local = await LocalPort.open(alice, "orders", ["--tunnel"]);
}, async () => await local?.stop());

async function person(site: Site, name: string, roles: readonly string[]): Promise<Person> {
  const made = await site.addUser(name, { roles, dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(made, name);
  await made.mustTsh(["db", "login", "orders", ...account]);
  return made;
}

/** Established TCP connections of a process to this port (Linux). */
function connectionsTo(port: number, pid: number): number {
  const own = new Set<string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined) own.add(inode);
    } catch {
      // closed meanwhile
    }
  }
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = ["tcp", "tcp6"].flatMap((table) =>
    Deno.readTextFileSync(`/proc/${pid}/net/${table}`).split("\n").slice(1)
  );
  return rows.map((row) => row.trim().split(/\s+/)).filter((fields) =>
    fields[2]?.endsWith(`:${hex}`) && fields[3] === "01" && own.has(fields[9] ?? "")
  ).length;
}

async function activeNow(watcher: RawClient, marked: string): Promise<number> {
  const [[found] = []] = await watcher.query(
    `select count(*) from pg_stat_activity where query like '%${marked}%' ` +
      "and pid <> pg_backend_pid() and state = 'active'",
  );
  return Number(found);
}

const sum = "select sum(i), md5(string_agg(i::text, ',')) from generate_series(1, 20000) i";

const python = `
import sys, threading, psycopg
lines, barrier = [], threading.Barrier(25)
def work(n):
    with psycopg.connect(sys.argv[1], autocommit=True) as conn:
        barrier.wait()
        conn.execute("select pg_sleep(6) /* together */")
        lines.append(conn.execute("${sum} where i %% 25 <> %s", (n,), prepare=True).fetchone())
threads = [threading.Thread(target=work, args=(n,)) for n in range(25)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(lines))
`;

test("psql and psycopg: 50 sessions over one TLS connection, results as direct", async (site) => {
  if (!(await have("psql", "50 sessions over one connection"))) return;
  const program = await pythonWith(["psycopg[binary]==3.2.13"]);
  if (typeof program !== "string") {
    return skipped("psycopg over one connection", program.reason);
  }
  const direct = { ...await site.direct("alice", "orders"), PGDATABASE: "orders", PGUSER: "alice" };
  const psql = ["-XAtq", "-c", `select pg_sleep(6) /* together */`, "-c", sum];
  const both = async (url: string, variables: Env) => {
    const seen = await Promise.all([
      run(program, ["-c", python, url], { env: { ...alice.env, ...variables } }),
      ...Array.from(
        { length: 25 },
        () => run("psql", [url, ...psql], { env: { ...alice.env, ...variables } }),
      ),
    ]);
    for (const { code, stderr } of seen) strictEqual(code, 0, stderr);
    return seen.map(({ stdout }) => stdout);
  };
  const expected = await both("", direct);
  const watcher = await RawClient.login(env);
  const through = both(local.url("alice", "orders"), {});
  await waitFor("50 sessions", 30_000, async () => await activeNow(watcher, "together") === 50);
  strictEqual(connectionsTo(site.proxyPort, local.pid), 1);
  deepStrictEqual(await within("all of them", 60_000, through), expected);
  strictEqual(connectionsTo(site.proxyPort, local.pid), 1);
  watcher.close();
});

/** 100 MB out of one session and into another. */
const copies = `
psql "$1" -XAtqc "copy (select repeat('x', 1023) from generate_series(1, 102400)) to stdout" |
psql "$1" -XAtq -c "create temporary table t (x text)" -c "copy t from stdin" \
  -c "select count(*), sum(length(x)) from t"
`;

test("100 MB of COPY out of one session into another; a third is answered meanwhile", async () => {
  if (!(await have("psql", "COPY over one connection"))) return;
  const other = await RawClient.loginLocally(local.port, env);
  let isDone = false;
  const copying = alice.run("sh", ["-c", copies, "sh", local.url("alice", "orders")])
    .finally(() => (isDone = true));
  let [asked, slowest] = [0, 0];
  while (!isDone) {
    const began = performance.now();
    await other.query("select 1");
    [asked, slowest] = [asked + 1, Math.max(slowest, performance.now() - began)];
    await delay(10);
  }
  const { stdout, stderr } = await copying;
  strictEqual(stdout, "102400|104755200\n", stderr);
  ok(asked > 10 && slowest < 2_000, `${asked} answers, the slowest after ${slowest} ms`);
  other.close();
});

test("a reader that stalls costs no memory, and no other session its time", async (site) => {
  const warm = await RawClient.loginLocally(local.port, env);
  await warm.query("select repeat('x', 1048576) from generate_series(1, 64)");
  const memory = () => ({
    tsh: residentMiB(local.pid),
    proxy: residentMiB(site.proxy.pid),
    agent: residentMiB(site.agents[0]?.pid ?? 0),
  });
  const before = memory();
  const stalled: RawClient[] = [];
  for (let i = 0; i < 4; i++) {
    const client = await RawClient.loginLocally(local.port, env);
    const text = "select repeat('x', 1048576) from generate_series(1, 1024)";
    await client.send(message("Q", text, "\0"));
    stalled.push(client);
  }
  const until = performance.now() + 6_000;
  let slowest = 0;
  while (performance.now() < until) {
    const began = performance.now();
    await warm.query("select 1");
    slowest = Math.max(slowest, performance.now() - began);
    await delay(50);
  }
  const now = memory();
  for (const name of ["tsh", "proxy", "agent"] as const) {
    const grown = now[name] - before[name];
    ok(grown < 32, `${name} grew by ${grown.toFixed(1)} MiB`);
  }
  ok(slowest < 1_500, `an answer took ${slowest} ms`);
  for (const client of stalled) client.close();
  strictEqual((await warm.query("select 42"))[0]?.[0], "42");
  warm.close();
});

test("psql's Ctrl-C cancels, and needs no connection of its own", async (site) => {
  if (!(await have("psql", "cancelling over one connection"))) return;
  const watcher = await RawClient.login(env);
  const sleeping = new Deno.Command("psql", {
    args: [local.url("alice", "orders"), "-XAtc", "select pg_sleep(30) /* cancelled */"],
    env: { ...alice.env },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  await waitFor("it sleeps", 15_000, async () => await activeNow(watcher, "cancelled") === 1);
  sleeping.kill("SIGINT");
  const { stderr } = await within("psql ends", 15_000, sleeping.output());
  match(new TextDecoder().decode(stderr), /canceling statement/);
  strictEqual(connectionsTo(site.proxyPort, local.pid), 1);
  watcher.close();
});

test("a lock ends its sessions within a second; new ones hear why", async (site) => {
  const sessions = [];
  for (let i = 0; i < 5; i++) sessions.push(await RawClient.loginLocally(local.port, env));
  const began = Date.now();
  const made = await site.remoteler([
    ...["lock", "--user=alice", "--message=for the test", "--ttl=1h", "--format=json"],
  ]);
  const commandMs = Date.now() - began;
  const ends = sessions.map((one) => within("the end", commandMs + 1_500, one.until("E")));
  for (const said of await Promise.all(ends)) {
    const error = said.at(-1);
    match(error ? errorText(error) : "", /^FATAL 57P01 .*for the test/s);
  }
  for (const session of sessions) session.close();
  await rejects(RawClient.loginLocally(local.port, env), /^Error: FATAL \w{5} .*for the test/s);
  const found = JSON.parse(made);
  const { name } = (Array.isArray(found) ? found[0] : found).metadata;
  await site.remoteler(["rm", `lock/${name}`]);
  await again(5_000);
  await waitFor("one connection", 5_000, () => connectionsTo(site.proxyPort, local.pid) === 1);
});

test("a renewed certificate: a new connection, and old sessions go on", async (site) => {
  const bob = await person(site, "bob", ["access", "brief"]);
  const port = await LocalPort.open(bob, "orders", ["--tunnel"]);
  try {
    const old = await RawClient.loginLocally(port.port, env);
    strictEqual(connectionsTo(site.proxyPort, port.pid), 1);
    await delay(13_000);
    await site.login(bob, "bob");
    const young = await RawClient.loginLocally(port.port, env);
    strictEqual(connectionsTo(site.proxyPort, port.pid), 2);
    for (const one of [old, young]) strictEqual((await one.query("select 3"))[0]?.[0], "3");
    old.close();
    await waitFor("the old one closes", 5_000, () => connectionsTo(site.proxyPort, port.pid) === 1);
    strictEqual((await young.query("select 4"))[0]?.[0], "4");
    young.close();
  } finally {
    await port.stop();
  }
});

test("a proxy that is killed: a clear error, and all is well after its return", async (site) => {
  const session = await RawClient.loginLocally(local.port, env);
  await site.proxy.kill();
  await rejects(
    within("the session ends", 10_000, session.query("select 1")),
    /connection was lost/,
  );
  session.close();
  await rejects(RawClient.loginLocally(local.port, env), /^Error: FATAL 08006 .*proxy/s);
  await site.startProxy();
  await again(5_000);
  strictEqual(connectionsTo(site.proxyPort, local.pid), 1);
});

/** Waits until a session through the local port is possible. */
async function again(timeoutMs: number): Promise<void> {
  await waitFor("a session", timeoutMs, async () => {
    const client = await RawClient.loginLocally(local.port, env).catch(() => null);
    client?.close();
    return client !== null;
  });
}
