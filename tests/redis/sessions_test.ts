/** What roles, locks and limits do to real sessions, and the programs around these. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { run, waitFor } from "../../scripts/lab/tools.ts";
import { LocalPort } from "../postgres/local_port.ts";
import { optionsOf, redisCli, type RedisEndpoint } from "./endpoint.ts";
import { commandsOnce, type RecordedCommand, type RedisSite, redisSuite, through } from "./site.ts";

const test = redisSuite();

/** Gives alice the roles, each as its spec in JSON, and a certificate for them. */
async function withRoles(
  { site, alice }: RedisSite,
  roles: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Promise<RedisEndpoint> {
  for (const [name, spec] of Object.entries(roles)) await site.putRole(name, spec);
  const names = Object.keys(roles).join(",") || "access";
  await site.remoteler(["users", "update", "alice", `--roles=${names}`]);
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "cache", "--db-user=alice", "--db-name=0"]);
  return await through(alice);
}

const everything = { db_labels: { "*": "*" }, db_users: ["alice"], db_names: ["0", "1"] };

test("roles allow commands by category and name, and keys by pattern", async (on) => {
  const env = await withRoles(on, {
    "app-reader": {
      allow: { ...everything, redis_commands: ["@read", "set"], redis_keys: ["app:*"] },
      deny: { redis_keys: ["app:secret:*"] },
    },
  });
  const say = async (line: string) => (await redisCli(env, [], `${line}\n`)).stdout.trim();
  strictEqual(await say("set app:1 x"), "OK");
  strictEqual(await say("get app:1"), "x");
  match(await say("get other"), /^NOPERM .*key "other"/);
  match(await say("mget app:1 app:secret:1"), /^NOPERM .*app:secret:1/);
  match(await say("del app:1"), /^NOPERM .*command del/);
  match(await say("keys *"), /^NOPERM .*command keys/);
  match(await say("eval \"return redis.call('get', 'other')\" 0"), /^NOPERM .*command eval/);
  match(await say("sort app:1 by other_*"), /^NOPERM /);
  match(await say("zunion 2 app:1 other"), /^NOPERM .*"other"/);
  strictEqual(await say("ping"), "PONG");
  const events = await on.site.events(["--events=db.session.query.failed"]);
  ok(events.some(({ db_query, code }) => db_query === "get other" && code === "TDB02W"));
});

test("a role may name what is dangerous, open databases, or allow reading only", async (on) => {
  let env = await withRoles(on, {
    operator: { allow: { ...everything, redis_commands: ["@default", "config|get"] } },
  });
  match((await redisCli(env, ["config", "get", "maxmemory"])).stdout, /^maxmemory\n/);
  match((await redisCli(env, ["config", "set", "maxmemory", "0"])).stdout, /^NOPERM/);
  match((await redisCli(env, [], "select 1\nselect 2\nping\n")).stdout, /^OK\nNOPERM[^]*PONG/);
  env = await withRoles(on, { looker: { allow: everything, options: { read_only: true } } });
  match((await redisCli(env, ["set", "a", "1"])).stdout, /^NOPERM .*reading only/);
  match((await redisCli(env, ["get", "greeting"])).stdout, /^\n|hello/);
});

test("a role may keep values out of the record", async (on) => {
  const env = await withRoles(on, {
    discreet: { allow: everything, options: { redis_values: "none" } },
  });
  await redisCli(env, ["mset", "kept-key", "a very private value", "kept-key-2", "x"]);
  const isKept = ({ args }: RecordedCommand) => args[1] === "kept-key";
  const found = (await commandsOnce(on.site, isKept)).find(isKept);
  deepStrictEqual(found?.args, ["mset", "kept-key", "", "kept-key-2", ""]);
  deepStrictEqual(found?.cut, [{ index: 2, bytes: 20 }, { index: 4, bytes: 1 }]);
  const text = JSON.stringify(await on.site.events());
  ok(!text.includes("a very private value"));
});

test("a statement timeout ends a blocked command with words", async (on) => {
  const env = await withRoles(on, {
    hasty: { allow: everything, options: { statement_timeout: "1s" } },
  });
  const said = await redisCli(env, ["blpop", "nobody-pushes", "0"]);
  match(said.stdout + said.stderr, /statement took longer than 1 s/);
});

test("a lock ends blocked sessions within a second, with words", async (on) => {
  const env = await withRoles(on, {});
  const commands = ["blpop nobody-pushes 0", "xread block 0 streams nobody-adds $"];
  const blocked = Promise.all(commands.map((line) => redisCli(env, line.split(" "))));
  await waitFor("both wait", 10_000, async () => {
    return /blocked_clients:2/.test(await on.server.mustCli(["info", "clients"]));
  });
  const at = performance.now();
  const made = await on.site.remoteler([
    ...["lock", "--user=alice", "--message=for the test", "--ttl=1h", "--format=json"],
  ]);
  const commandMs = performance.now() - at;
  const said = await blocked;
  ok(performance.now() - at < commandMs + 1500, "it took longer");
  for (const { stdout, stderr } of said) match(stdout + stderr, /access is locked: for the test/);
  const found = JSON.parse(made);
  const name = (Array.isArray(found) ? found[0] : found).metadata.name;
  await on.site.remoteler(["rm", `lock/${name}`]);
});

test("a client may connect and say its first word much later", async (on) => {
  const env = await withRoles(on, {});
  const tls = [
    ...["s_client", "-quiet", "-connect", `${env.host}:${env.port}`],
    ...["-cert", env.cert, "-key", env.key],
  ];
  const script = `(sleep 12; printf 'PING\\r\\nQUIT\\r\\n'; sleep 1) | openssl ${tls.join(" ")}`;
  const done = await run("sh", ["-c", script]);
  strictEqual(done.stdout, "+PONG\r\n+OK\r\n");
});

test("redis-benchmark runs through, one command at a time and pipelined", async (on) => {
  const env = await withRoles(on, {
    bench: { allow: { ...everything, redis_commands: ["@default", "config|get"] } },
  });
  for (const pipeline of ["1", "16"]) {
    const how = ["--csv", "-n", "320", "-c", "4", "-P", pipeline];
    const done = await run("redis-benchmark", [...optionsOf(env), ...how]);
    strictEqual(done.code, 0, done.stderr);
    const rows = done.stdout.trim().split("\n").slice(1);
    ok(rows.length >= 18, done.stdout);
    for (const row of rows) ok(Number(row.split(",")[1]?.replaceAll('"', "")) > 0, row);
  }
});

test("tsh runs redis-cli, runs commands itself, and opens a local port", async (on) => {
  await withRoles(on, {});
  const { alice } = on;
  strictEqual(await alice.mustTsh(["db", "connect", "cache", "--", "set", "by-tsh", "1"]), "OK\n");
  match(await alice.mustTsh(["db", "exec", "mget by-tsh nothing", "cache"]), /\n1\s*\nNULL/);
  match(await alice.mustTsh(["db", "shell", "cache"], 'set a "b c"\nget a\n'), /OK\n[^]*b c/);
  const failed = await alice.tsh(["db", "exec", "lpush by-tsh x", "cache"]);
  match(failed.stderr, /WRONGTYPE/);
  strictEqual(failed.code, 1);
  match(await alice.mustTsh(["db", "env", "cache"]), /REDIS_URL=rediss:\/\//);
  match(await alice.mustTsh(["db", "config", "cache", "--format=cmd"]), /^redis-cli -h .*--tls/);
  const local = await LocalPort.open(alice, "cache", ["--tunnel"]);
  try {
    const done = await alice.run("redis-cli", ["-p", String(local.port), "get", "by-tsh"]);
    strictEqual(done.stdout, "1\n");
    match(local.said(), /redis-cli -h 127\.0\.0\.1 -p \d+/);
  } finally {
    await local.stop();
  }
});

test("an administrator tries the way to the server", async ({ site }) => {
  const said = await site.remoteler(["db", "test", "cache", "--db-user=alice", "--db-name=0"]);
  match(said, /login.*alice is let into 0, version 7/);
  match(said, /PING is answered/);
  const signed = join(site.dir, "signed");
  const how = ["--format=redis", "--host=cache.internal", `--out=${signed}`];
  match(await site.remoteler(["auth", "sign", ...how]), /tls-cert-file ".*server.crt"/);
});
