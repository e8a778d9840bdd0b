/** tsh doctor: nothing is wrong with a site that works; what is with one that doesn't. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type Person } from "../../scripts/lab/services.ts";
import { siteSuite } from "../site.ts";

let alice: Person;

const test = siteSuite({}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
});

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly found: string;
  readonly hint: string | null;
}

async function examine(): Promise<{ code: number; found: Map<string, Finding> }> {
  const { code, stdout } = await alice.tsh(["doctor", "--format=json"]);
  const all: Finding[] = JSON.parse(stdout);
  return { code, found: new Map(all.map((one) => [one.check, one])) };
}

test("doctor without a login says how to log in", async () => {
  const done = await alice.tsh(["doctor"]);
  strictEqual(done.code, 4);
  match(done.stderr, /tsh login/);
});

test("doctor finds every step in order, up to the database itself", async (site) => {
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders"]);
  const { code, found } = await examine();
  const failed = [...found.values()].filter(({ state }) => state !== "ok")
    .filter(({ check }) => check !== "psql");
  deepStrictEqual(failed, []);
  strictEqual(code, 0);
  match(found.get("database orders")?.found ?? "", /^lets alice in/);
  match(found.get("clock")?.found ?? "", /within a minute/);
  match(await alice.mustTsh(["doctor"]), /^CHECK +STATE +FOUND\nlogin +ok /);
});

test("doctor names the step that fails, and goes on", async (site) => {
  await alice.run("sh", ["-c", 'rm "$TSH_HOME"/proxies/*/db/orders/key.pem']);
  await site.postgres.stop("immediate");
  const { code, found } = await examine();
  strictEqual(code, 1);
  strictEqual(found.get("auth")?.state, "ok");
  strictEqual(found.get("database orders")?.state, "fail");
  strictEqual(found.get("files of orders")?.state, "warn");
  match(found.get("files of orders")?.hint ?? "", /tsh db login orders/);
});

test("doctor on a proxy that is away ends soon and says so", async (site) => {
  site.proxy.signal("SIGKILL");
  await site.proxy.ended();
  const { code, found } = await examine();
  strictEqual(code, 1);
  strictEqual(found.get("proxy")?.state, "fail");
  match(found.get("proxy")?.found ?? "", /can't be reached/);
  ok(found.has("psql"));
});
