/**
 * Message for message, a session through the proxy hears what a direct one hears: each answer of
 * every case that is also held against the server's log, and what comes unasked, in its place.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { embeddedPostgres } from "../../scripts/lab/postgres.ts";
import { within } from "../deadline.ts";
import {
  bind,
  call,
  close,
  copyData,
  copyDone,
  copyFail,
  describe,
  execute,
  flush,
  parse,
  query,
  run,
  sync,
} from "../fakes/postgres_messages.ts";
import { siteSuite } from "../site.ts";
import { logCases, type Round } from "./log_cases.ts";
import { parserCases } from "./parser_cases.ts";
import { concat, type Env, type Message, RawClient } from "./raw_client.ts";

const copyHead = concat([
  Uint8Array.of(...[80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0]), // PGCOPY and its check
  new Uint8Array(8),
]);
const copyRow = Uint8Array.of(0, 1, 0, 0, 0, 4, 0, 0, 1, 2);
const copyTail = Uint8Array.of(255, 255);

type Case = Readonly<{ name: string; rounds: readonly Round[] }>;

const ask = (...parts: Uint8Array[]): Round => ({ send: concat(parts), until: "Z" });
const upTo = (until: string, ...parts: Uint8Array[]): Round => ({ send: concat(parts), until });
const noisy = "do $$ begin raise notice 'one'; raise warning 'two'; end $$";

const cases: readonly Case[] = [
  ...logCases,
  ...parserCases,
  {
    name: "notices, a changed setting and rows in one Query",
    rounds: [
      ask(query(`select 1; ${noisy}; set timezone = 'Asia/Tokyo'; select 2; ${noisy}; select 3`)),
    ],
  },
  {
    name: "notices and a changed setting in a pipeline",
    rounds: [ask(run(noisy), run("set datestyle = 'German'"), run("select now() is null"), sync)],
  },
  {
    name: "a setting that a function changes",
    rounds: [ask(query(
      "select set_config('application_name', 'n' || g, false) from " +
        "generate_series(1, 3) g",
    ))],
  },
  {
    name: "notifications of its own, in order and after the results",
    rounds: [
      ask(query("listen here; listen there")),
      ask(query("notify here, 'a'; select 1; notify there; notify here, 'b'")),
      upTo("ZZZ", query("begin"), query("notify here, 'rolled back'"), query("rollback")),
      upTo("ZZ", query("begin; notify here, 'c'"), query("select pg_notify('there', 'd')")),
      upTo("Z", query("commit")),
    ],
  },
  {
    name: "Flush brings answers before Sync",
    rounds: [
      upTo("1t", parse("f", "select $1::int + 1"), describe("S", "f"), flush),
      upTo("2T", bind("fp", "f", ["1"]), describe("P", "fp"), flush),
      upTo("C", execute("fp"), flush),
      ask(close("P", "fp"), close("S", "f"), sync),
    ],
  },
  {
    name: "Describe of what returns nothing, of what is not there, and Close of nothing",
    rounds: [
      ask(
        parse("", "create temp table nothing ()"),
        describe("S"),
        bind("", ""),
        describe("P"),
        sync,
      ),
      ask(describe("S", "nix"), sync),
      ask(describe("P", "nix"), sync),
      ask(close("S", "nix"), close("P", "nix"), sync),
    ],
  },
  {
    name: "empty texts",
    rounds: [
      ask(query("")),
      ask(query(";;")),
      ask(parse("", ""), describe("S"), bind("", ""), sync),
    ],
  },
  {
    name: "function calls, and one that fails",
    rounds: [ask(call(1317, ["abcd"])), ask(call(1317, [null])), ask(call(1))],
  },
  {
    name: "binary COPY both ways, and a COPY given up in the extended protocol",
    rounds: [
      upTo("Z", query("create temp table c (n int4)")),
      upTo("G", query("copy c from stdin (format binary)")),
      ask(copyData(copyHead), copyData(copyRow), copyData(copyTail), copyDone),
      ask(query("copy c to stdout (format binary)")),
      upTo("G", run("copy c from stdin"), sync),
      ask(copyData("1\n"), copyFail("enough"), sync),
      ask(query("select n from c")),
    ],
  },
  {
    name: "a row of 3 MiB and 5000 small ones",
    rounds: [
      ask(query("select repeat('x', 3145728)")),
      ask(query("select g, g::text from generate_series(1, 5000) g")),
    ],
  },
  {
    name: "data and the end of a COPY that nobody began",
    rounds: [ask(copyData("1\n"), copyDone, copyFail("no"), query("select 1"))],
  },
];

let direct: Env;
let through: Env;

const test = siteSuite({ binaries: await embeddedPostgres(() => {}) }, async (site) => {
  const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  [through, direct] = [await site.through(alice, "orders"), await site.direct("alice", "orders")];
});

for (const { name, rounds } of cases) {
  test(`the same messages in the same order: ${name}`, async () => {
    const want = await heard(direct, rounds);
    ok(want.length >= rounds.length);
    deepStrictEqual(await heard(through, rounds), want);
  });
}

test("a notification of another session comes by itself, to one that rests", async () => {
  const [listener, other] = [await RawClient.login(through), await RawClient.login(through)];
  await listener.query("listen news");
  await other.query("notify news, 'here'");
  const came = await within("the notification", 5000, listener.next());
  deepStrictEqual([came?.type, asText(came?.body.slice(4))], ["A", "news\0here\0"]);
  for (const client of [listener, other]) client.close();
});

/** What a session hears in these rounds, without what differs from one session to the next. */
async function heard(env: Env, rounds: readonly Round[]): Promise<string[]> {
  const client = await RawClient.login(env);
  const found: string[] = [];
  for (const { send, until } of rounds) {
    await client.send(concat([send]));
    for (const type of until) {
      const came = await within(`${type} after ${rounds.length}`, 20_000, client.until(type));
      found.push(...came.map(shown));
    }
  }
  client.close();
  return found;
}

function shown({ type, body }: Message): string {
  const text = asText(body);
  // Its length depends on how many digits the time of day has.
  if (type === "V" && text.endsWith("NOW")) return "V NOW";
  if (type === "A") return `A ${text.slice(4)}`;
  if (type === "T") return `T ${columns(body).join()}`;
  return `${type} ${text.length > 1000 ? `${text.length} ${text.slice(0, 1000)}` : text}`;
}

/** Of each column all but the number of its table, which is another one in each session. */
function columns(body: Uint8Array): string[] {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  let at = 2;
  return Array.from({ length: view.getInt16(0) }, () => {
    const end = body.indexOf(0, at);
    const name = asText(body.subarray(at, end));
    at = end + 1 + 18;
    return `${name} ${body.subarray(end + 5, at).toHex()}`;
  });
}

function asText(bytes: Uint8Array | undefined): string {
  return new TextDecoder("latin1").decode(bytes)
    .replaceAll(/pg_temp_\d+/g, "pg_temp_N")
    .replaceAll(/\d{4}-\d\d-\d\d [\d:]+(?:\.\d+)?\+00/g, "NOW");
}
