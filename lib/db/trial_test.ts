import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { error, message } from "../../tests/fakes/postgres_messages.ts";
import type { TrialOrder, TrialStep } from "../api/trials.ts";
import { Fault } from "../core/fault.ts";
import { postgres } from "../wire/postgres/mod.ts";
import type { DatabaseSocket } from "./connect.ts";
import { type DatabaseConfig, readTargets } from "./targets.ts";
import { tryDatabase } from "./trial.ts";
import { type FakeSite, fakeSite } from "./visit_fake.ts";

const order: TrialOrder = { id: "1", database: "shop", db_user: "app", db_name: "shop" };
const noLogin: TrialOrder = { ...order, db_user: null, db_name: null };

interface Scene {
  readonly site: FakeSite;
  /** What Auth says to the request for a certificate; null signs it. */
  refusal: Fault | null;
  tunnels: number;
  resolve: () => Promise<readonly string[]>;
  config: Partial<DatabaseConfig>;
}

async function scene(): Promise<Scene> {
  const resolve = () => Promise.resolve(["192.0.2.51", "2001:db8::1"]);
  return { site: await fakeSite(), refusal: null, tunnels: 1, resolve, config: {} };
}

async function tried(here: Scene, what: TrialOrder = order): Promise<readonly TrialStep[]> {
  const { site } = here;
  const config = { name: "shop", protocol: "postgres", uri: "db.internal:5432", ...here.config };
  const target = readTargets([config], [postgres]).get("shop");
  ok(target !== undefined);
  const auth: Parameters<typeof tryDatabase>[2]["auth"] = {
    call: (name, input, signal) => {
      equal(name, "certificates.trial");
      if (here.refusal !== null) return Promise.reject(here.refusal);
      // What the site's own Auth signs is the same kind of certificate.
      const signed: unknown = site.call("certificates.database", input as never, signal);
      return signed as ReturnType<typeof site.call<typeof name>>;
    },
  };
  return await tryDatabase(target, what, {
    ...site.powers,
    auth,
    resolve: here.resolve,
    tunnels: () => here.tunnels,
  });
}

function states(steps: readonly TrialStep[]): readonly string[] {
  return steps.map(({ step, state }) => `${step} ${state}`);
}

function failed(steps: readonly TrialStep[]): TrialStep {
  const [first, ...more] = steps.filter(({ state }) => state === "failed");
  ok(first !== undefined && more.length === 0, states(steps).join());
  return first;
}

Deno.test("every step of a database that works is ok, and the statement ran", async () => {
  const here = await scene();
  const steps = await tried(here);
  deepStrictEqual(states(steps), [
    ...["tunnel ok", "address ok", "tcp ok", "tls ok", "certificate ok"],
    ...["credentials ok", "login ok", "statement ok"],
  ]);
  equal(steps[1]?.found, "db.internal is 192.0.2.51, 2001:db8::1");
  const last = here.site.servers.at(-1);
  deepStrictEqual(last?.queries, ["SELECT 1"]);
  const opening = new TextDecoder().decode(last?.openings[0]);
  ok(opening.includes("user\0app\0database\0shop\0application_name\0remoteler db test\0"));
  ok(here.site.servers.every(({ end }) => end.isClosed));
});

Deno.test("without a user no certificate is asked for and no login is tried", async () => {
  const here = await scene();
  here.refusal = new Fault({ kind: "denied", code: "test.asked", message: "asked" });
  const steps = await tried(here, noLogin);
  deepStrictEqual(states(steps).slice(-3), [
    ...["credentials skipped", "login skipped", "statement skipped"],
  ]);
  ok(here.site.servers.every(({ openings }) => openings.length === 0));
});

Deno.test("what follows a failed step is skipped, what doesn't depend on it is tried", async () => {
  const here = await scene();
  here.resolve = () =>
    Promise.reject(
      new Fault({ kind: "network", code: "test.dns", message: "", fields: { errno: "ENOTFOUND" } }),
    );
  const steps = await tried(here);
  deepStrictEqual(states(steps), [
    ...["tunnel ok", "address failed", "tcp skipped", "tls skipped", "certificate skipped"],
    ...["credentials ok", "login skipped", "statement skipped"],
  ]);
  deepStrictEqual([failed(steps).found, steps[2]?.found], [
    ...["no such host", "not tried after address failed"],
  ]);
});

Deno.test("an agent without a tunnel says so and tries the rest", async () => {
  const here = await scene();
  here.tunnels = 0;
  match(failed(await tried(here)).found, /no client can come/);
});

Deno.test("Auth's refusal of a certificate is told in its words", async () => {
  const here = await scene();
  here.refusal = new Fault({
    kind: "denied",
    code: "auth.asker-changed",
    message: "internal words",
    shown: "the user changed",
    hint: "log in again",
  });
  const step = failed(await tried(here));
  deepStrictEqual([step.step, step.found, step.hint], [
    ...["credentials", "the user changed", "log in again"],
  ]);
});

Deno.test("a database's own words are cut to one line that fits", async () => {
  const here = await scene();
  here.site.database.prepare = (server) => {
    server.greeting = error("28000", `no\r\n\u001b[31m ${"x".repeat(2000)}`, { S: "FATAL" });
  };
  const step = failed(await tried(here));
  equal(step.step, "login");
  equal(step.found.length, 512);
  match(step.found, /^no \[31m x+$/);
  match(step.hint ?? "", /pg_hba\.conf/);
});

Deno.test("a server that speaks something else, or nothing, is told apart", async () => {
  const here = await scene();
  const { site } = here;
  site.database.prepare = (server) => {
    server.greeting = message("Q", new Uint8Array(4));
  };
  match(failed(await tried(here)).found, /does not speak postgres as it should/);
  site.database.prepare = (server) => server.end.pause();
  const trying = tried(here, noLogin);
  for (let i = 0; i < 40; i++) await site.clock.step(500);
  const step = failed(await trying);
  deepStrictEqual([step.step, step.found], ["tls", "there was no answer within 10 seconds"]);
});

Deno.test("a stored password is read and used, and is in no step", async () => {
  const here = await scene();
  const secret = { user: null, password: () => Promise.resolve("hush, hush") };
  here.config = { secret };
  here.site.database.prepare = (server) => {
    // AuthenticationCleartextPassword: the fake answers nothing more.
    server.greeting = message("R", Uint8Array.of(0, 0, 0, 3));
  };
  const trying = tried(here);
  for (let i = 0; i < 60; i++) await here.site.clock.step(500);
  const steps = await trying;
  equal(failed(steps).step, "login");
  ok(!JSON.stringify(steps).includes("hush"));
  here.config = { secret: { ...secret, user: "other" } };
  match(failed(await tried(here)).hint ?? "", /--db-user=other/);
});

Deno.test("a password that can't be read is told with the file it should be in", async () => {
  const here = await scene();
  const message = "there is no password in /run/secret";
  const password = () =>
    Promise.reject(
      new Fault({ kind: "invalid", code: "service.no-database-password", message, hint: "look" }),
    );
  here.config = { secret: { user: "app", password } };
  const step = failed(await tried(here, noLogin));
  deepStrictEqual([step.step, step.found], ["credentials", message]);
});

Deno.test("TLS that is not checked is told, and the login tried all the same", async () => {
  const here = await scene();
  here.config = { tls: { mode: "insecure" } };
  const steps = await tried(here);
  equal(steps[4]?.state, "skipped");
  match(steps[4]?.hint ?? "", /verify-full/);
  equal(steps[7]?.state, "ok");
});

Deno.test("a mistake of ours is a failed step without its details", async () => {
  const here = await scene();
  const { site } = here;
  const powers = {
    connectDatabase: (): Promise<DatabaseSocket> => Promise.reject(new TypeError("secret of ours")),
  };
  Object.assign(site.powers, powers);
  const steps = await tried(here);
  equal(failed(steps).step, "tcp");
  ok(!JSON.stringify(steps).includes("secret of ours"));
  ok(site.log.lines.includes("error a test failed by a mistake of ours"));
});
