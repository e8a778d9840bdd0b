/**
 * Faults in the middle of work: every program sees an error or its connection's end, never a hang;
 * what the server ran is in the audit log, each command once; and a new session works.
 */
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Finished, run, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { optionsOf, redisCli, type RedisEndpoint } from "./endpoint.ts";
import { commandsIn, type RedisSite, redisSuite, through } from "./site.ts";

interface Fault {
  readonly name: string;
  inject(on: RedisSite): Promise<void>;
  mend(on: RedisSite): Promise<void>;
}

const faults: readonly Fault[] = [
  {
    name: "the Database Service is killed",
    inject: async ({ site }) => {
      await site.agents[0]?.kill();
    },
    mend: ({ site }) => site.startAgent(0),
  },
  {
    name: "the proxy is killed",
    inject: async ({ site }) => {
      await site.proxy.kill();
    },
    mend: ({ site }) => site.startProxy(),
  },
  {
    name: "the server is killed",
    inject: ({ server }) => server.stop(),
    mend: ({ restart }) => restart(),
  },
];

// What is answered is in the file then: a killed server has it again.
const test = redisSuite({ settings: ["appendonly yes"] });
const endsWithinMs = 10_000;

for (const [at, fault] of faults.entries()) {
  test(`${fault.name}: nobody hangs, and nothing that was run is unrecorded`, async (on) => {
    const env = await through(on.alice);
    const [counter, list] = [`counter:${at}`, `list:${at}`];
    const counting = redisCli(env, ["-e", "-r", "1000000", "incr", counter]);
    const loading = load(env, list);
    const popping = redisCli(env, ["-e", "blpop", "nobody-pushes", "0"]);
    const reading = redisCli(env, ["-e", "xread", "block", "0", "streams", "nobody-adds", "$"]);
    const programs = { counting, loading, popping, reading };
    await waitFor("all are in the middle", 20_000, async () => {
      const sizes = [["get", counter], ["llen", list]].map((args) => on.server.mustCli(args));
      const many = (await Promise.all(sizes)).every((size) => Number(size) > 500);
      return many && /blocked_clients:2/.test(await on.server.mustCli(["info", "clients"]));
    });
    await fault.inject(on);
    for (const [name, program] of Object.entries(programs)) {
      const { code } = await within(`${name} ends`, endsWithinMs, program);
      notStrictEqual(code, 0, `${name} saw no error`);
    }
    await fault.mend(on);
    await waitFor("she is let in again", 20_000, async () => {
      return (await redisCli(env, ["ping"])).stdout === "PONG\n";
    });
    const ran = {
      counted: Number(await on.server.mustCli(["get", counter])),
      loaded: (await on.server.mustCli(["lrange", list, "0", "-1"])).trimEnd().split("\n"),
    };
    const answered = [...(await counting).stdout.matchAll(/^\d+$/gm)].length;
    ok(answered > 500 && answered <= ran.counted, `${answered} of ${ran.counted} were answered`);
    await everythingIsOver(on);
    await isRecorded(on, counter, list, ran);
  });
}

test("a command is unknown that has no answer, and the log verifies", async ({ site }) => {
  const events = await site.events(["--events=db.session.query"]);
  const open = events.filter(({ commands }) =>
    Array.isArray(commands) && commands.some(({ reply, error }) => !reply && !error)
  );
  ok(open.every(({ outcome }) => outcome === "unknown"), "an outcome without an answer");
  const texts = open.map(({ db_query }) => String(db_query));
  for (const blocked of ["blpop nobody-pushes 0", "xread block 0 streams nobody-adds $"]) {
    strictEqual(texts.filter((text) => text === blocked).length, faults.length, blocked);
  }
  await site.verifyAudit();
});

/** Each element of the list once; of commands that look alike no fewer than there were. */
async function isRecorded(
  { site }: RedisSite,
  counter: string,
  list: string,
  ran: { readonly counted: number; readonly loaded: readonly string[] },
): Promise<void> {
  const commands = await commandsIn(site);
  const counts = commands.filter(({ args }) => args[1] === counter);
  const answered = counts.filter(({ reply }) => reply === "integer").length;
  ok(counts.length >= ran.counted, `${counts.length} events of ${ran.counted} commands`);
  ok(answered <= ran.counted, `${answered} are recorded as answered, ${ran.counted} were run`);
  const pushes = commands.filter(({ args }) => args[1] === list);
  const recorded = pushes.map(({ args }) => args[2] ?? "");
  // What the server ran is what it was sent first, and so the record begins with it.
  deepStrictEqual(recorded.slice(0, ran.loaded.length), ran.loaded);
  strictEqual(new Set(recorded).size, recorded.length, "more than one event for a command");
  const done = pushes.filter(({ reply }) => reply === "integer").length;
  ok(done <= ran.loaded.length, `${done} are recorded as answered, ${ran.loaded.length} were run`);
}

/** No command is open any more: each has its answer in the log, or is unknown. */
async function everythingIsOver({ site }: RedisSite): Promise<void> {
  await waitFor("the spool is empty", 30_000, async () => {
    const events = await site.events(["--events=db.session.query"]);
    return events.every(({ outcome }) => outcome !== "started");
  });
}

/** redis-cli --pipe, fed with more and more until it ends. */
function load(env: RedisEndpoint, list: string): Promise<Finished> {
  const words = [...optionsOf(env), "--pipe"].map((word) => `'${word}'`).join(" ");
  const some = `seq -f 'rpush ${list} %.0f' $n $((n + 99))`;
  const more = `n=0; while ${some}; do n=$((n + 100)); sleep 0.02; done`;
  return run("sh", ["-c", `{ ${more}; } | redis-cli ${words}`]);
}
