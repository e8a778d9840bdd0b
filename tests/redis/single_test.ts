/** A single real server behind a real site, by its own client. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { waitFor } from "../../scripts/lab/tools.ts";
import { redisCli } from "./endpoint.ts";
import { commandsIn, commandsOnce, type RedisSite, redisSuite, through } from "./site.ts";

const test = redisSuite();

async function cli({ alice }: RedisSite, args: readonly string[], input?: string): Promise<string> {
  const done = await redisCli(await through(alice), args, input);
  return done.stdout + done.stderr;
}

test("redis-cli with the certificate's files is the routed user at the server", async (on) => {
  strictEqual(await cli(on, ["acl", "whoami"]), "alice\n");
  strictEqual(await cli(on, ["set", "greeting", "hello"]), "OK\n");
  strictEqual(await on.server.mustCli(["get", "greeting"]), "hello\n");
  match(await cli(on, ["-3", "hello"]), /proto\s+3|"proto"/);
  strictEqual(await cli(on, [], "multi\nincr n\nincr n\nexec\n"), "OK\nQUEUED\nQUEUED\n1\n2\n");
});

test("another user's name is refused, the routed one needs no password", async (on) => {
  match(await cli(on, [], "auth admin x\nacl whoami\n"), /WRONGPASS[^]*alice/);
  match(await cli(on, [], "auth alice whatever\nacl whoami\n"), /OK\n\n?alice/);
  match(await cli(on, [], "reset\nacl whoami\n"), /RESET\n\n?alice/);
});

test("what needs a role is refused in Redis' own words, and fails its transaction", async (on) => {
  match(await cli(on, ["config", "get", "maxmemory"]), /^NOPERM your roles do not allow/);
  const said = await cli(on, [], "multi\nset a 1\nshutdown\nexec\nget a\n");
  match(said, /NOPERM[^]*EXECABORT/);
  ok(!said.endsWith("1\n"));
});

test("each command is recorded with its arguments and what came of it", async (on) => {
  await cli(on, ["set", "recorded", "value"]);
  await cli(on, ["lpush", "greeting", "x"]);
  const commands = await commandsOnce(on.site, ({ args }) => args[0] === "lpush");
  const set = commands.find(({ args }) => args[1] === "recorded");
  deepStrictEqual(set?.args, ["set", "recorded", "value"]);
  strictEqual(set.reply, "status");
  const wrong = commands.find(({ args }) => args[0] === "lpush");
  match(wrong?.error ?? "", /^WRONGTYPE/);
  ok(!JSON.stringify(await on.site.events()).includes("whatever"), "a password is in the log");
});

test("of a long pipeline every command is recorded once, in order", async (on) => {
  const count = 20_000;
  const sent = Array.from({ length: count }, (_, at) => `set long:${at} ${at}\r\n`).join("");
  match(await cli(on, ["--pipe"], sent), /errors: 0, replies: 20000/);
  const commands = await waitFor("all are recorded", 30_000, async () => {
    const found = await commandsIn(on.site);
    const long = found.filter(({ args, reply }) => args[1]?.startsWith("long:") && reply);
    return long.length >= count ? long : null;
  });
  deepStrictEqual(
    commands.map(({ args }) => args[1]),
    Array.from({ length: count }, (_, at) => `long:${at}`),
  );
});

test("the way past the proxy is the same", async ({ alice }) => {
  const said = await alice.mustTsh(["db", "exec", "acl whoami", "cache", "--end-to-end"]);
  match(said, /\nalice/);
});
