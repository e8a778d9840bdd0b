/** A single real server behind a real site, by its own client. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { RedisServer } from "../../scripts/lab/redis.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { run } from "../../scripts/lab/tools.ts";
import { siteSuite } from "../site.ts";
import { passwords, serverTls, singleRedis } from "./server.ts";

let server: RedisServer;
let alice: Person;

async function startServer(site: Site): Promise<readonly Record<string, unknown>[]> {
  const tls = await serverTls(site.authority, await site.databaseClientCa(), "required");
  server = await singleRedis({ dir: join(site.dir, "redis"), tls });
  const file = join(site.dir, "redis-password");
  await Deno.writeTextFile(file, passwords["alice"] ?? "", { mode: 0o600 });
  return [{
    name: "cache",
    protocol: "redis",
    uri: `localhost:${server.port}`,
    labels: { env: "test" },
    tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
    credentials: { type: "secret", password_file: file },
  }];
}

const test = siteSuite({ moreDatabases: startServer }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["0", "1"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "cache", "--db-user=alice", "--db-name=0"]);
}, async () => await server?.stop());

async function cli(args: readonly string[], input?: string): Promise<string> {
  const { host, port, ca, cert, key } = JSON.parse(
    await alice.mustTsh(["db", "config", "cache", "--format=json"]),
  );
  const done = await run("redis-cli", [
    ...["-h", host, "-p", String(port), "--tls", "--cacert", ca, "--cert", cert, "--key", key],
    ...args,
  ], input === undefined ? {} : { input });
  return done.stdout + done.stderr;
}

test("redis-cli with the certificate's files speaks to the server as the routed user", async () => {
  strictEqual(await cli(["acl", "whoami"]), "alice\n");
  strictEqual(await cli(["set", "greeting", "hello"]), "OK\n");
  strictEqual(await server.mustCli(["get", "greeting"]), "hello\n");
  match(await cli(["-3", "hello"]), /proto\s+3|"proto"/);
  deepStrictEqual(await cli([], "multi\nincr n\nincr n\nexec\n"), "OK\nQUEUED\nQUEUED\n1\n2\n");
});

test("another user's name is refused, the routed one needs no password", async () => {
  match(await cli([], "auth admin x\nacl whoami\n"), /WRONGPASS[^]*alice/);
  match(await cli([], "auth alice whatever\nacl whoami\n"), /OK\n\n?alice/);
  match(await cli([], "reset\nacl whoami\n"), /RESET\n\n?alice/);
});

test("what needs a role is refused in Redis' own words, and fails its transaction", async () => {
  match(await cli(["config", "get", "maxmemory"]), /^NOPERM your roles do not allow/);
  const said = await cli([], "multi\nset a 1\nshutdown\nexec\nget a\n");
  match(said, /NOPERM[^]*EXECABORT/);
  ok(!said.endsWith("1\n"));
});

test("each command is recorded with its arguments and what came of it", async (site) => {
  await cli(["set", "recorded", "value"]);
  await cli(["lpush", "greeting", "x"]);
  const events = await site.events(["--events=db.session.query"]);
  const commands = events.flatMap(({ commands }) => Array.isArray(commands) ? commands : []);
  const set = commands.find(({ args }) => args[1] === "recorded");
  deepStrictEqual(set.args, ["set", "recorded", "value"]);
  strictEqual(set.reply, "status");
  const wrong = commands.find(({ args }) => args[0] === "lpush");
  match(wrong.error, /^WRONGTYPE/);
  ok(!JSON.stringify(events).includes("whatever"), "a password is in the log");
});
