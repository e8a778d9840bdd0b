/** TLS that ends at the Database Service: `tsh` past a proxy that passes everything on unread. */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { serverNameOf } from "../../lib/core/server_name.ts";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, type Finished, run, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { have, siteSuite } from "../site.ts";
import { untilSleeping } from "./activity.ts";
import { LocalPort } from "./local_port.ts";
import { type Env, errorText, RawClient, startup } from "./raw_client.ts";

/** A name that is no DNS name, so that it is escaped in a ClientHello. */
const oddName = "Orders_EU@1";
const agents = 2;
let alice: Person;
let env: Env;
let local: LocalPort;

const test = siteSuite({
  agents,
  databases: { orders: { env: "test" }, billing: { env: "test" }, [oddName]: {} },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  for (const name of ["orders", "billing", oddName]) {
    await alice.mustTsh(["db", "login", name, "--db-user=alice", "--db-name=orders"]);
  }
  env = await site.through(alice, "orders");
  local = await LocalPort.open(alice, "orders", ["--end-to-end"]);
}, async () => await local?.stop());

function psql(args: readonly string[], input?: string, port = local): Promise<Finished> {
  return alice.run("psql", [port.url("alice", "orders"), "-XAt", ...args], input);
}

test("psql gets what it gets directly: rows, errors, 1 MiB, COPY in and out", async (site) => {
  if (!await have("psql", "end to end with psql")) return;
  const script = `
create temporary table e2e (n int primary key, t text);
insert into e2e select g, repeat('z', g % 40) from generate_series(1, 2000) g;
copy e2e from stdin;
3001\tone
3002\t\\N
\\.
select count(*), sum(length(t)) from e2e;
copy (select * from e2e order by n) to stdout;
select nothing;
select repeat('0123456789abcdef', 65536);
\\echo :SQLSTATE
`;
  const file = join(site.dir, "script.sql");
  await Deno.writeTextFile(file, script);
  const through = await psql(["-f", file]);
  const direct = await run("psql", ["-XAt", "-f", file], {
    env: await site.direct("alice", "orders"),
  });
  strictEqual(direct.code, 0, direct.stderr);
  ok(direct.stdout.length > 1_048_576);
  strictEqual(through.stdout, direct.stdout, through.stderr);
  strictEqual(through.stderr, direct.stderr);
});

test("the start event says end_to_end, and statements are recorded as ever", async (site) => {
  if (!await have("psql", "end to end with psql")) return;
  await psql(["-c", "select 'seen end to end'"]);
  const [query] = await waitFor("the statement's event", 10_000, async () => {
    const found = await site.events(["--text=seen end to end"]);
    return found.length > 0 ? found : null;
  });
  ok(query);
  const all = await site.events();
  const start = all.find((e) => e["event"] === "db.session.start" && e["sid"] === query["sid"]);
  strictEqual(start?.["end_to_end"], true);
  strictEqual(start?.["success"], true);
  const plain = await RawClient.login(env);
  plain.close();
  await waitFor(
    "a session that a proxy could read says so",
    10_000,
    async () =>
      (await site.events()).some((e) =>
        e["event"] === "db.session.start" && e["end_to_end"] === false
      ),
  );
});

test("the server whose TLS it is is an agent, also for a name that is escaped", async (site) => {
  const theirs = new Set<string>();
  for (const { dataDir } of site.agents) {
    const pem = await Deno.readTextFile(join(dataDir, "host", "db", "cert.pem"));
    theirs.add(pem.replaceAll(/-----[^-]+-----|\s/g, ""));
  }
  for (const name of ["orders", oddName]) {
    const socket = await dialService(site, name);
    const shown = new Uint8Array(socket.getPeerCertificate(true).raw);
    ok(theirs.has(shown.toBase64()), `${name}: the certificate is not an agent's`);
    strictEqual(socket.alpnProtocol, "remoteler-postgres");
    socket.destroy();
  }
  const odd = await alice.mustTsh(["db", "exec", "select 7", oddName, "--end-to-end"]);
  match(odd, /\n7\n/);
});

test("db exec, db shell and db connect go end to end where they are told to", async () => {
  const json = ["--end-to-end", "--format=json"];
  const both = JSON.parse(
    await alice.mustTsh(["db", "exec", "select 1", "orders", "billing", ...json]),
  );
  strictEqual(both.every((one: { ok: boolean }) => one.ok), true, JSON.stringify(both));
  match(await alice.mustTsh(["db", "shell", "orders", "--end-to-end"], "select 42;"), /\n42\n/);
  if (!await have("psql", "tsh db connect --end-to-end")) return;
  const args = ["--", "-XAtc", "select current_user || ' past the proxy'"];
  const said = await alice.tsh(["db", "connect", "orders", "--end-to-end", ...args]);
  strictEqual(said.stdout, "alice past the proxy\n", said.stderr);
});

test("Ctrl-C in psql cancels, on whichever agent the session is", async () => {
  if (!await have("psql", "cancel end to end")) return;
  for (let i = 0; i < 2 * agents; i++) {
    const sleeping = new Deno.Command("psql", {
      args: [local.url("alice", "orders"), "-XAtc", "select pg_sleep(30)"],
      env: { ...alice.env },
      stdout: "null",
      stderr: "piped",
    }).spawn();
    await untilSleeping(env);
    sleeping.kill("SIGINT");
    const { stderr } = await within("psql ends", 15_000, sleeping.output());
    match(new TextDecoder().decode(stderr), /canceling statement/);
    await delay(200);
  }
});

test("a certificate for another service is refused natively", async (site) => {
  const socket = await dialService(site, "orders", "billing");
  const words = await within("an answer", 10_000, answerTo(socket, startup(hello)));
  match(words, /^FATAL 28000 .*not for the database orders/);
});

test("no certificate is refused natively", async (site) => {
  const socket = await dialService(site, "orders", null);
  const words = await within("an answer", 10_000, answerTo(socket, startup(hello)));
  match(words, /^FATAL 28000 .*no client certificate/);
});

test("a name that no agent may serve gets an alert", async (site) => {
  await rejects(dialService(site, "nowhere", "orders"), /UnrecognisedName/);
});

test("a lock ends a session past the proxy within a second, with words", async (site) => {
  const session = await RawClient.loginLocally(local.port, env);
  const at = performance.now();
  const made = await site.remoteler([
    ...["lock", "--user=alice", "--message=for the test", "--ttl=1h", "--format=json"],
  ]);
  const commandMs = performance.now() - at;
  const said = await within("the session ends", commandMs + 1500, session.until("E"));
  match(
    errorText(said.at(-1) ?? { type: "", body: new Uint8Array(0) }),
    /^FATAL 57P01 .*for the test/,
  );
  session.close();
  const refused = await alice.run("psql", [local.url("alice", "orders"), "-XAtc", "select 1"]);
  match(refused.stderr, /access is locked: for the test/);
  const found = JSON.parse(made);
  await site.remoteler(["rm", `lock/${(Array.isArray(found) ? found[0] : found).metadata.name}`]);
  await waitFor("the lock is gone", 10_000, async () => {
    const done = await psql(["-c", "select 1"]);
    return done.stdout.trim() === "1";
  });
});

test("an agent killed: its sessions end, another agent takes new ones", async (site) => {
  const open = await Promise.all(
    Array.from({ length: 6 }, () => RawClient.loginLocally(local.port, env)),
  );
  await site.agents[0]?.kill();
  const outcomes = await within(
    "every session answers or ends",
    15_000,
    Promise.all(open.map((one) => one.query("select 1").then(() => "works", () => "ended"))),
  );
  for (const one of open) one.close();
  ok(outcomes.includes("works") && outcomes.includes("ended"), outcomes.join());
  for (let i = 0; i < 3; i++) {
    const done = await within("a new session", 15_000, psql(["-c", "select 'next agent'"]));
    strictEqual(done.stdout.trim(), "next agent", done.stderr);
  }
  await site.startAgent(0);
});

test("an agent that freezes: the other takes the handshake", async (site) => {
  await waitFor("both agents are connected", 15_000, async () => {
    const logs = await Promise.all(site.agents.map((a) => Deno.readTextFile(a.logFile)));
    return logs.every((log) => log.includes("a tunnel is up"));
  });
  site.agents[1]?.signal("SIGSTOP");
  try {
    for (let i = 0; i < 2; i++) {
      const done = await within("a session", 30_000, psql(["-c", "select 'not frozen'"]));
      strictEqual(done.stdout.trim(), "not frozen", done.stderr);
    }
  } finally {
    site.agents[1]?.signal("SIGCONT");
  }
});

test("tsh says where no agent is left", async (site) => {
  for (const agent of site.agents) await agent.stop();
  const done = await alice.tsh(["db", "shell", "orders", "--end-to-end"], "select 1;");
  strictEqual(done.code, 7, done.stderr);
  match(done.stderr, /no connected Database Service serves orders\ntsh: hint: .*tsh db ls/);
  const through = await psql(["-c", "select 1"]);
  match(through.stderr, /no connected Database Service serves orders/);
});

const hello = { user: "alice", database: "orders" };

/** TLS to the proxy's port by a service's name, with the certificate of a route. */
async function dialService(
  site: Site,
  service: string,
  route: string | null = service,
): Promise<TLSSocket> {
  const files = route === null ? null : await site.through(alice, route);
  const socket = connectTls({
    host: "127.0.0.1",
    port: site.proxyPort,
    servername: serverNameOf(service, "lab") ?? "",
    ALPNProtocols: ["remoteler-postgres"],
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(files === null ? {} : {
      cert: await Deno.readTextFile(files["PGSSLCERT"] ?? ""),
      key: await Deno.readTextFile(files["PGSSLKEY"] ?? ""),
    }),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", () => resolve());
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  return socket;
}

/** The ErrorResponse that these bytes are answered with, for people. */
function answerTo(socket: TLSSocket, bytes: Uint8Array): Promise<string> {
  let held = new Uint8Array(0);
  return new Promise((resolve) => {
    socket.on("data", (chunk: Uint8Array) => {
      const joined = new Uint8Array(held.length + chunk.length);
      joined.set(held);
      joined.set(chunk, held.length);
      held = joined;
    });
    socket.on("close", () => {
      const length = new DataView(held.buffer, held.byteOffset).getInt32(1);
      const type = String.fromCharCode(held[0] ?? 0);
      resolve(errorText({ type, body: held.subarray(5, 1 + length) }));
    });
    socket.on("end", () => socket.end());
    socket.write(bytes);
  });
}
