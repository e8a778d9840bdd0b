/** What a person does with `tsh`, by real processes; and what `remoteler` says of its settings. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { serverUser } from "../../scripts/lab/postgres.ts";
import { type Person, programs } from "../../scripts/lab/services.ts";
import { password } from "../../scripts/lab/site.ts";
import { delay, run, waitFor } from "../../scripts/lab/tools.ts";
import { untilSleeping } from "../postgres/activity.ts";
import { have, siteSuite, skipped } from "../site.ts";

let alice: Person;

const test = siteSuite({}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
});

test("a wrong password is refused without saying whether the user exists", async (site) => {
  const login = (user: string) =>
    alice.tsh([
      ...["login", `--proxy=${site.proxyAddress}`, `--user=${user}`, "--password-stdin"],
      `--ca-pin=${site.caPin}`,
    ], "not the password\n");
  const wrong = await login("alice");
  const unknown = await login("nobody-here");
  strictEqual(wrong.code, 4, wrong.stderr);
  strictEqual(unknown.stderr.replaceAll("nobody-here", "alice"), wrong.stderr);
});

test("a wrong CA pin stops the login before the password is sent", async (site) => {
  const done = await alice.tsh([
    ...["login", `--proxy=${site.proxyAddress}`, "--user=alice", "--password-stdin"],
    "--ca-pin=sha256:" + "cd".repeat(32),
  ], password + "\n");
  ok(done.code !== 0);
  match(done.stderr, /pin/i);
});

test("login, status, db ls, db login, psql with no tsh running, logout", async (site) => {
  await site.login(alice, "alice");
  match(await alice.mustTsh(["status"]), /alice/);
  const listed = JSON.parse(await alice.mustTsh(["db", "ls", "--format=json"]));
  strictEqual(listed[0].name, "orders");
  match(
    await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]),
    /psql/,
  );
  if (await have("psql", "psql service=NAME")) {
    const done = await alice.run("psql", ["service=orders", "-XAtc", "select current_user"]);
    strictEqual(done.stdout.trim(), "alice", done.stderr);
  }
  for (const file of Deno.readDirSync(join(alice.home, ".tsh"))) {
    const info = Deno.statSync(join(alice.home, ".tsh", file.name));
    strictEqual((info.mode ?? 0) & 0o077, 0, `${file.name} can be read by others`);
  }
});

test("db config and db env are for machines and for people", async () => {
  const config = JSON.parse(await alice.mustTsh(["db", "config", "orders", "--format=json"]));
  ok(config.host && config.port, JSON.stringify(config));
  match(await alice.mustTsh(["db", "env", "orders"]), /export PG/);
});

test("db connect runs psql", async () => {
  if (!(await have("psql", "tsh db connect"))) return;
  const out = await alice.mustTsh(["db", "connect", "orders", "--", "-XAtc", "select 'connected'"]);
  match(out, /connected/);
});

test("proxy db --tunnel: one local port for programs without certificates", async (site) => {
  if (!(await have("psql", "tsh proxy db"))) return;
  const first = await localProxy(["--tunnel"]);
  const url = (port: number) =>
    `host=127.0.0.1 port=${port} user=alice dbname=orders sslmode=disable`;
  const done = await alice.run("psql", [url(first.port), "-XAtc", "select 'through the tunnel'"]);
  strictEqual(done.stdout.trim(), "through the tunnel", done.stderr);
  const sleeping = new Deno.Command("psql", {
    args: [url(first.port), "-XAtc", "select pg_sleep(20)"],
    env: { ...alice.env },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  await untilSleeping(await site.through(alice, "orders"));
  sleeping.kill("SIGINT");
  match(new TextDecoder().decode((await sleeping.output()).stderr), /canceling statement/);
  await first.stop();
  const second = await localProxy(["--tunnel"]);
  strictEqual(second.port, first.port);
  await second.stop();
});

test("a --tunnel listener refuses other users of the machine", async () => {
  const other = await serverUser();
  if (other === null) {
    return skipped("proxy db --tunnel and other users", "only root can become one");
  }
  if (!(await have("psql", "tsh proxy db"))) return;
  const local = await localProxy(["--tunnel"]);
  const done = await run("psql", [
    `host=127.0.0.1 port=${local.port} user=alice dbname=orders sslmode=disable`,
    ...["-XAtc", "select 'let in'"],
  ], { as: other, cwd: "/" });
  await local.stop();
  ok(done.code !== 0 && !done.stdout.includes("let in"), "another user was let in");
});

test("proxy db without --tunnel passes the client's own TLS on", async (site) => {
  if (!(await have("psql", "tsh proxy db"))) return;
  const local = await localProxy([]);
  const env = await site.through(alice, "orders");
  const done = await run("psql", ["-XAtc", "select 'own TLS'"], {
    env: { ...env, PGHOST: "localhost", PGPORT: String(local.port) },
  });
  strictEqual(done.stdout.trim(), "own TLS", done.stderr);
  await local.stop();
});

test("an unknown database names near ones; an unknown command says what there is", async () => {
  const done = await alice.tsh(["db", "login", "order"]);
  ok(done.code !== 0);
  match(done.stderr, /^tsh: error: /);
  match(done.stderr, /orders/);
  strictEqual((await alice.tsh(["nonsense"])).code, 2);
});

test("logout removes keys, and psql no longer gets in", async () => {
  await alice.mustTsh(["db", "logout", "orders"]);
  await alice.mustTsh(["logout"]);
  const done = await alice.tsh(["db", "ls"]);
  strictEqual(done.code, 4, done.stderr);
  match(done.stderr, /tsh login/);
});

test("a configuration with ten mistakes reports all ten, each with its line", async (site) => {
  const file = join(site.dir, "mistakes.yaml");
  await Deno.writeTextFile(
    file,
    `version: v7
remoteler:
  nodename: 12
  data_dir: relative/path
  log: { level: loud }
  unknown_key: 1
auth_service:
  enabled: perhaps
  listen_addr: nowhere
proxy_service:
  enabled: true
  web_listen_addr: "0.0.0.0:99999"
db_service:
  enabled: true
  databases:
    - name: "bad name!"
      protocol: cobol
      uri: no-port
`,
  );
  const [program = "", ...args] = programs().remoteler;
  const done = await run(program, [...args, "start", "-c", file]);
  strictEqual(done.code, 2, done.stderr);
  const lines = new Set([...done.stderr.matchAll(/mistakes\.yaml:(\d+)/g)].map((m) => m[1]));
  ok(lines.size >= 10, done.stderr);
});

interface LocalProxy {
  readonly port: number;
  stop(): Promise<void>;
}

async function localProxy(flags: readonly string[]): Promise<LocalProxy> {
  const [program = "", ...args] = programs().tsh;
  const child = new Deno.Command(program, {
    args: [...args, "proxy", "db", "orders", ...flags],
    env: { ...alice.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said: string[] = [];
  const reading = [child.stdout, child.stderr].map(async (stream) => {
    for await (const chunk of stream) said.push(new TextDecoder().decode(chunk));
  });
  const port = await waitFor("the local port", 10_000, () => {
    const found = /(?:127\.0\.0\.1|localhost)[: ](\d+)/.exec(said.join(""))?.[1];
    return found ? Number(found) : null;
  }).catch((e) => {
    child.kill("SIGKILL");
    throw new Error(`${e.message}: ${said.join("")}`);
  });
  return {
    port,
    stop: async () => {
      child.kill("SIGTERM");
      await child.status;
      await Promise.all(reading);
      await delay(0);
    },
  };
}
