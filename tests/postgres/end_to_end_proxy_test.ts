/** What a proxy sees and may do where TLS passes it by: nothing, and nothing it isn't allowed. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { type Person, startService } from "../../scripts/lab/services.ts";
import { password, type Site } from "../../scripts/lab/site.ts";
import { delay, residentMiB, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { have, siteSuite, skipped } from "../site.ts";
import { LocalPort } from "./local_port.ts";
import { holds } from "./process_memory.ts";
import { type Env, message, RawClient } from "./raw_client.ts";
import { Wiretap } from "./wiretap.ts";

const grownMiBMax = 48;
let tap: Wiretap;
/** Comes to the proxy through the tap. */
let alice: Person;
/** Has a role that wants end to end. */
let strict: Person;
let env: Env;

const test = siteSuite({}, async (site) => {
  tap = new Wiretap(site.proxyPort);
  await tap.open();
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await alice.mustTsh([
    ...["login", `--proxy=localhost:${tap.port}`, "--user=alice"],
    ...["--password-stdin", `--ca-pin=${site.caPin}`],
  ], password + "\n");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
  strict = await strictUser(site);
}, async () => await tap?.close());

async function strictUser(site: Site): Promise<Person> {
  await site.putRole("unread", { options: { require_end_to_end: true } });
  const roles = ["access", "unread"];
  const person = await site.addUser("strict", { roles, dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(person, "strict");
  return person;
}

test("neither the wire nor the proxy's memory ever holds what a session says", async (site) => {
  const local = await LocalPort.open(alice, "orders", ["--end-to-end"]);
  const session = await RawClient.loginLocally(local.port, env);
  const [question, answer] = [secret(), secret()];
  const rows = await session.query(
    `select '${question}', repeat(reverse('${
      reversed(answer)
    }'), 20000) from generate_series(1, 20)`,
  );
  strictEqual(rows[0]?.[1]?.startsWith(answer), true);
  ok(tap.taken.length > 0);
  ok(!tap.saw(question) && !tap.saw(answer), "the wire holds plain text");
  const agent = site.agents[0]?.pid ?? 0;
  const inAgent = await holds(agent, answer);
  if (inAgent === null) skipped("a proxy's memory end to end", "no right to read it");
  else {
    ok(inAgent, "the agent, which reads it, should hold it: the search is broken");
    strictEqual(await holds(site.proxy.pid, question), false, "the proxy holds the statement");
    strictEqual(await holds(site.proxy.pid, answer), false, "the proxy holds the result");
    // The very same by way of a TLS that ends at the proxy.
    const plain = await RawClient.login(env);
    await plain.query(`select '${answer}', repeat('${answer}', 20000) from generate_series(1, 20)`);
    strictEqual(await holds(site.proxy.pid, answer), true, "a plain session is seen by the proxy");
    plain.close();
  }
  session.close();
  await local.stop();
});

for (const role of ["proxy", "db"] as const) {
  const what = role === "proxy" ? "a proxy's certificate" : "an agent's for other databases";
  test(`a server with ${what} in the agent's place is told nothing`, async (site) => {
    tap.impostor = role === "proxy"
      ? await hostPair(site.proxy.dataDir, role)
      : await otherAgent(site);
    tap.told = "";
    try {
      const done = await alice.tsh(["db", "shell", "orders", "--end-to-end"], "select 'hush';");
      strictEqual(done.code, 4, done.stderr);
      match(done.stderr, /not the Database Service of orders/);
      const local = await LocalPort.open(alice, "orders", ["--end-to-end"]);
      const refused = await RawClient.loginLocally(local.port, env).then(() => "", String);
      match(refused, /FATAL 28000 .*not the Database Service of orders/);
      await local.stop();
      strictEqual(tap.told, "");
    } finally {
      tap.impostor = null;
    }
  });
}

test("require_end_to_end: what a proxy could read is refused, and recorded", async (site) => {
  const login = await strict.tsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  strictEqual(login.stdout, "tsh db connect orders\n");
  match(login.stderr, /programs need a local port:\n {2}tsh proxy db orders\n/);
  const native = await site.through(strict, "orders");
  const refused = await RawClient.login(native).then(() => "", (e) => String(e.message));
  match(refused, /^FATAL 42501 your roles want end to end .* tsh db connect orders --end-to-end/);
  const event = await waitFor("the refusal's event", 10_000, async () => {
    const all = await site.events(["--user=strict"]);
    return all.find((e) => e["event"] === "db.session.start" && e["success"] === false);
  });
  match(JSON.stringify(event["error"]), /db\.end-to-end-required/);
  strictEqual(event["end_to_end"], false);
});

test("require_end_to_end: every command of tsh goes past the proxy by itself", async () => {
  match(await strict.mustTsh(["db", "shell", "orders"], "select 41 + 1;"), /\n42\n/);
  match(await strict.mustTsh(["db", "exec", "select 6 * 7", "orders"]), /\n42\n/);
  const found = JSON.parse(await strict.mustTsh(["doctor", "--format=json"]));
  const of = (check: string) => found.find((one: { check: string }) => one.check === check)?.found;
  match(of("database orders"), /lets alice in, end to end/);
  const local = await LocalPort.open(strict, "orders", []);
  match(local.said(), /end to end/);
  const session = await RawClient.loginLocally(local.port, env);
  strictEqual((await session.query("select 42"))[0]?.[0], "42");
  session.close();
  await local.stop();
  if (!await have("psql", "tsh db connect end to end")) return;
  const done = await strict.tsh(["db", "connect", "orders", "--", "-XAtc", "select 42"]);
  strictEqual(done.stdout, "42\n", done.stderr);
});

test("a role that comes to want end to end ends sessions that a proxy could read", async (site) => {
  const person = await site.addUser("later", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(person, "later");
  await person.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  const session = await RawClient.login(await site.through(person, "orders"));
  const role = JSON.parse(await site.remoteler(["get", "role/access", "--format=json"]));
  const access = Array.isArray(role) ? role[0] : role;
  const put = async (require_end_to_end: boolean) => {
    const { revision: _, ...metadata } = access.metadata;
    const spec = { ...access.spec, options: { ...access.spec.options, require_end_to_end } };
    const file = join(site.dir, "access.yaml");
    await Deno.writeTextFile(file, JSON.stringify({ ...access, metadata, spec }));
    await site.remoteler(["create", "-f", file, "--force"]);
  };
  await put(true);
  try {
    const said = await within("the session ends", 5_000, session.until("E"));
    match(new TextDecoder().decode(said.at(-1)?.body), /57P01[^]*your roles want end to end/);
  } finally {
    session.close();
    await put(false);
  }
});

for (
  const bytes of ["a 512 MiB result that nobody reads", "an upload that nobody reads"] as const
) {
  test(`${bytes} costs nobody on the way memory`, async (site) => {
    // Not by the tap, which keeps all it gets.
    const local = await LocalPort.open(strict, "orders", ["--end-to-end"]);
    const warm = await RawClient.loginLocally(local.port, env);
    await warm.query("select repeat('x', 1048576) from generate_series(1, 64)");
    warm.close();
    const session = await RawClient.loginLocally(local.port, env);
    const before = memory(site, local);
    const stop = bytes.startsWith("an upload")
      ? await uploadUnread(session)
      : await resultUnread(session);
    try {
      await delay(8_000);
      for (const [name, now] of Object.entries(memory(site, local))) {
        const grown = now - (before[name] ?? 0);
        ok(grown < grownMiBMax, `${name} grew by ${grown.toFixed(1)} MiB`);
      }
    } finally {
      await stop();
    }
    const other = await RawClient.loginLocally(local.port, env);
    strictEqual((await other.query("select 1"))[0]?.[0], "1");
    other.close();
    await local.stop();
  });
}

async function resultUnread(session: RawClient): Promise<() => Promise<void>> {
  await session.send(
    message("Q", "select repeat('x', 1048576) from generate_series(1, 512)", "\0"),
  );
  return () => Promise.resolve(session.close());
}

/** The database's process stands still while a client sends all it can. */
async function uploadUnread(session: RawClient): Promise<() => Promise<void>> {
  const [[pid] = []] = await session.query("select pg_backend_pid()");
  await session.query("create temporary table upload (t text)");
  await session.send(message("Q", "copy upload from stdin", "\0"));
  await session.until("G");
  Deno.kill(Number(pid), "SIGSTOP");
  let sent = 0;
  const chunk = message("d", "x".repeat(1_048_575) + "\n");
  const sending = (async () => {
    for (; sent < 512; sent++) await session.send(chunk);
  })().catch(() => {});
  return async () => {
    const taken = sent;
    Deno.kill(Number(pid), "SIGCONT");
    session.close();
    await sending;
    ok(taken < 200, `${taken} MiB were taken while nobody read them`);
  };
}

function memory(site: Site, local: LocalPort): Record<string, number> {
  const { pid = 0 } = site.agents[0] ?? {};
  return {
    tsh: residentMiB(local.pid),
    proxy: residentMiB(site.proxy.pid),
    agent: residentMiB(pid),
  };
}

function secret(): string {
  return `secret-${crypto.randomUUID()}`;
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

/** Joins an agent that may serve others, and takes what it was given. */
async function otherAgent(site: Site): Promise<{ cert: string; key: string }> {
  const dir = join(site.dir, "other-agent");
  await Deno.mkdir(dir, { recursive: true });
  const file = join(dir, "token");
  await Deno.writeTextFile(file, await site.token("db", "others-*"), { mode: 0o600 });
  const agent = await startService({
    name: "other-agent",
    dir,
    config: {
      remoteler: {
        join: { method: "token", token_file: file },
        ca_pin: site.caPin,
        proxy_server: site.proxyAddress,
      },
      db_service: {
        enabled: true,
        databases: [{ name: "others-1", protocol: "postgres", uri: "localhost:1" }],
      },
    },
  });
  await agent.stop();
  return await hostPair(agent.dataDir, "db");
}

async function hostPair(dataDir: string, role: string): Promise<{ cert: string; key: string }> {
  const folder = join(dataDir, "host", role);
  return {
    cert: await Deno.readTextFile(join(folder, "cert.pem")),
    key: await Deno.readTextFile(join(folder, "key.pem")),
  };
}
