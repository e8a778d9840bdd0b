/** Function calls as psql makes them for large objects: named, with their arguments, as logged. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { functionOf, knownFunctions } from "../../lib/wire/postgres/functions.ts";
import { join } from "../../scripts/lab/paths.ts";
import { run, waitFor } from "../../scripts/lab/tools.ts";
import { have, logEverything, siteSuite } from "../site.ts";
import { type Env, RawClient } from "./raw_client.ts";
import { eventsByPid, loggedByPid, matchStatements } from "./server_log.ts";

let env: Env;

const test = siteSuite({ settings: logEverything }, async (site) => {
  const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
});

test("the functions we know are those of the database's catalogue", async () => {
  const client = await RawClient.login(env);
  const rows = await client.query(
    `select oid, proname, proargtypes::text from pg_proc
     where oid in (${[...knownFunctions()].join()}) order by oid`,
  );
  client.close();
  const known = [...knownFunctions()].sort((a, b) => a - b).map((oid) => {
    const found = functionOf(oid);
    return [String(oid), found?.name, found?.types.join(" ")];
  });
  deepStrictEqual(rows, known);
});

test("psql stores and fetches a large object; each call is an event and a line", async (site) => {
  if (!await have("psql", "large objects by psql")) return;
  const [from, to] = [join(site.dir, "object"), join(site.dir, "object.back")];
  const bytes = crypto.getRandomValues(new Uint8Array(20_000));
  await Deno.writeFile(from, bytes);
  const script = `\\lo_import '${from}'\n\\lo_export :LASTOID '${to}'\n\\lo_unlink :LASTOID\n`;
  const done = await run("psql", ["-X", "-v", "ON_ERROR_STOP=1", "-f", "-"], {
    env: { ...env, PGSSLMODE: "verify-full" },
    input: script,
  });
  strictEqual(done.code, 0, done.stderr);
  deepStrictEqual(await Deno.readFile(to), bytes);
  const sessions = await waitFor("the session has ended in the log", 15_000, async () => {
    const byPid = eventsByPid(await site.events());
    return [...byPid.values()].every((session) => session.ended) ? byPid : null;
  });
  const logged = loggedByPid(await Deno.readTextFile(site.postgres.logFile));
  const problems = [...sessions].flatMap(([pid, { events }]) =>
    matchStatements(pid, logged.get(pid) ?? [], events)
  );
  deepStrictEqual(problems, []);
  const calls = [...sessions.values()].flatMap(({ events }) => events)
    .filter((event) => event["command"] === "function");
  const named = (name: string) => calls.filter((c) => String(c["db_query"]).includes(`"${name}"`));
  const written = named("lowrite");
  strictEqual(written.reduce((sum, call) => sum + lengthOf(call, 1), 0), bytes.length);
  const types = parametersOf(named("lo_open")[0]).map(({ type }) => type);
  deepStrictEqual(types, ["oid", "int4"]);
  ok(calls.every((call) => call["success"] === true && call["outcome"] === "done"));
});

interface Shown {
  readonly type: string;
  readonly value: string;
  readonly bytes?: number;
}

function parametersOf(event: Record<string, unknown> | undefined): readonly Shown[] {
  return JSON.parse(JSON.stringify(event?.["db_query_parameters"] ?? []));
}

/** Bytes of a bytea argument: of a long one they are told, a short one is all there. */
function lengthOf(event: Record<string, unknown>, at: number): number {
  const argument = parametersOf(event)[at];
  strictEqual(argument?.type, "bytea");
  return argument.bytes ?? (argument.value.length - 2) / 2;
}
