/** Each line of the server's own MONITOR has one recorded command, in order, and the reverse. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { redisAdmin } from "../../scripts/lab/redis.ts";
import { run, waitFor } from "../../scripts/lab/tools.ts";
import { commandNames } from "../../lib/wire/redis/commands.ts";
import { commandsOf, tableOf } from "../../scripts/redis_commands.ts";
import { commandTable } from "../../lib/wire/redis/command_table.ts";
import { directTo, optionsOf, redisCli } from "./endpoint.ts";
import {
  commandsIn,
  commandsOnce,
  type RecordedCommand,
  type RedisSite,
  redisSuite,
  through,
} from "./site.ts";

const test = redisSuite();

/** Typed into one session; binary, empty and long arguments, errors, transactions, scripts. */
const session = String.raw`
set "a key" "\x00\xff\r\n\"\\ text"
get "a key"
set empty ""
lpush empty x
nosuchcommand 1
get
multi
incr n
lpush n wrong
exec
multi
set never 1
nosuchcommand
exec
watch n
multi
incr n
discard
eval "redis.call('set', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])" 1 k v
rpush queue 1
blpop queue 1
blpop queue 0.1
xadd stream 1-1 f v
xread count 1 streams stream 0
echo ${"long-".repeat(1000)}
ping
select 1
set in-one 1
select 0
client setname me
publish channel message
object encoding n
reset
get n
quit
`;

test("MONITOR and the record have the same commands in the same order", async (on) => {
  const monitor = new Monitor(on);
  await monitor.ready();
  const before = (await commandsIn(on.site)).length;
  await redisCli(await through(on.alice), [], session.trimStart());
  // What was pipelined through a pipe of its own.
  const piped = Array.from({ length: 500 }, (_, at) => `set piped:${at} ${at}\r\n`).join("");
  await redisCli(await through(on.alice), ["--pipe"], piped);
  const shown = await monitor.lines("piped:499");
  const all = await commandsOnce(on.site, ({ args }) => args[1] === "piped:499");
  const recorded = all.slice(before);
  deepStrictEqual(recorded.filter(isShown).map(shownAs), shown);
  ok(shown.length > 520);
});

test("the table knows every command of the server, its categories and its keys", async (on) => {
  const rows = tableOf([await commandsOf(optionsOf(directTo(on.server, redisAdmin)))]);
  const known = flat(commandTable);
  for (const [name, of] of flat(rows)) deepStrictEqual([name, known.get(name)], [name, of]);
  ok(commandNames().length >= rows.length);
});

function flat(rows: readonly (readonly [string, string, string])[]): Map<string, string> {
  return new Map(
    rows.flatMap(([categories, keys, names]) =>
      names.split(" ").map((name): [string, string] => [name, `${categories} / ${keys}`])
    ),
  );
}

/**
 * The rule of docs/audit-redis.md: what the server refuses before it runs it, what it never shows,
 * and what is answered by the Database Service.
 */
function isShown({ args, reply, error = "" }: RecordedCommand, at: number, all: RecordedCommand[]) {
  const name = (args[0] ?? "").toLowerCase();
  if (["auth", "hello", "quit", "reset", "monitor"].includes(name)) return false;
  if (/^(?:ERR unknown|ERR wrong number|NOPERM)/.test(error)) return false;
  return reply !== "queued" || isExecuted(at, all);
}

/** Of a transaction that is refused here the server is told to discard it. */
function shownAs({ args, error = "" }: RecordedCommand): string[] {
  return (error.startsWith("EXECABORT") ? ["DISCARD"] : args).map(bytesOf);
}

/** Whether the transaction that a queued command is in was run. */
function isExecuted(at: number, all: RecordedCommand[]): boolean {
  const end = all.slice(at).find(({ args }) => /^(?:exec|discard)$/i.test(args[0] ?? ""));
  return end?.reply === "array";
}

/** Text of a recorded argument, or of MONITOR between its quotes, as bytes. */
function bytesOf(text: string): string {
  const plain = text.replace(
    /\\(?:x([0-9a-f]{2})|(.))/g,
    (_, hex: string | undefined, sign: string | undefined) =>
      hex === undefined
        ? { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b" }[sign ?? ""] ?? sign ?? ""
        : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // Of a longer one its front is recorded.
  const codes = [...plain.slice(0, 4096)].map((character) => character.charCodeAt(0));
  return codes.map((code) => code.toString(16)).join(" ");
}

/** redis-cli's MONITOR as the administrator, straight at the server. */
class Monitor {
  readonly #file: string;
  readonly #done: Promise<unknown>;

  constructor(on: RedisSite) {
    this.#file = join(on.site.dir, "monitor");
    const options = optionsOf(directTo(on.server, redisAdmin));
    const words = [...options, "monitor"].map((word) => `'${word}'`);
    const script = `timeout 120 redis-cli ${words.join(" ")} > '${this.#file}'`;
    this.#done = run("sh", ["-c", script], { timeoutMs: 130_000 });
  }

  async ready(): Promise<void> {
    await waitFor("MONITOR is on", 10_000, async () => (await this.#text()).includes("OK"));
  }

  /** Commands so far that a client of the site sent, once one holds `last`. */
  async lines(last: string): Promise<string[][]> {
    await waitFor("MONITOR has all", 20_000, async () => (await this.#text()).includes(last));
    const found: string[][] = [];
    for (const line of (await this.#text()).split("\n")) {
      const [, client, rest] = /^\d+\.\d+ \[\d+ (\S+)\] (.*)$/.exec(line) ?? [];
      if (client === undefined || client === "lua") continue;
      const args = [...(rest ?? "").matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text ?? "");
      if (!isLogin(args)) found.push(args.map(bytesOf));
    }
    return found;
  }

  #text(): Promise<string> {
    return Deno.readTextFile(this.#file).catch(() => "");
  }

  get done(): Promise<unknown> {
    return this.#done;
  }
}

/** What the Database Service asks by itself, for its login and in place of RESET. */
function isLogin(args: readonly string[]): boolean {
  const line = args.join(" ");
  return line.startsWith("AUTH ") ||
    ["HELLO", "UNWATCH", "CLIENT SETNAME ", "SELECT 0"].includes(line);
}
