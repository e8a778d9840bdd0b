/** Limits by role options, on a real database: each ends natively, with words and an event. */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import type { Site } from "../../scripts/lab/site.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { siteSuite } from "../site.ts";
import { type Env, errorText, message, RawClient } from "./raw_client.ts";

/** Its certificate lives a minute; the other tests fill the time. */
let brief: RawClient;

const test = siteSuite({}, async (site) => {
  const options = { disconnect_expired_cert: true, max_session_ttl: "1m" };
  brief = await RawClient.login(await limited(site, "brief", options));
  ok((await brief.query("select 1")).length === 1);
});

/** A user of their own with `access` and these options, ready to connect. */
async function limited(site: Site, name: string, options: Record<string, unknown>): Promise<Env> {
  await site.putRole(`limits-${name}`, { allow: {}, deny: {}, options });
  const roles = ["access", `limits-${name}`];
  const person = await site.addUser(name, { roles, dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(person, name);
  await person.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  return await site.through(person, "orders");
}

/** What the session says last; the statement that was cancelled for it may say so before. */
async function lastWords(client: RawClient): Promise<string> {
  const said = await within("the end of the session", 15_000, client.until("end"));
  client.close();
  const error = said.at(-1);
  return error?.type === "E" ? errorText(error) : "";
}

/** The event of a user's session's end has this code. */
async function endedBy(site: Site, user: string, code: string): Promise<void> {
  await waitFor(`an event with ${code}`, 10_000, async () => {
    const events = await site.events([`--user=${user}`]);
    return events.some((event) =>
      event["event"] === "db.session.end" && event["success"] === false &&
      JSON.stringify(event["error"]).includes(code)
    );
  });
}

test("a session ends with 57P05 when idle, with 57P01 when its time is over", async (site) => {
  const env = await limited(site, "times", { idle_timeout: "2s", session_ttl: "7s" });
  const idle = await RawClient.login(env);
  // Longer than the idle timeout, but not idle.
  await idle.query("select pg_sleep(3)");
  match(await lastWords(idle), /^FATAL 57P05 .*idle for 2 s/);
  await endedBy(site, "times", "db.idle");
  const busy = await RawClient.login(env);
  await busy.query("select pg_sleep(6)");
  match(await lastWords(busy), /^FATAL 57P01 .*has lasted 7 s/);
  await endedBy(site, "times", "db.session-ttl");
});

test("a statement timeout costs the statement, and the session of who set it off", async (site) => {
  const env = await limited(site, "slow", { statement_timeout: "1s" });
  const client = await RawClient.login(env);
  strictEqual((await client.query("show statement_timeout"))[0]?.[0], "1s");
  await rejects(client.query("select pg_sleep(9)"), /ERROR 57014/);
  await client.query("set statement_timeout = 0");
  await client.send(message("Q", "select pg_sleep(60)", "\0"));
  match(await lastWords(client), /^FATAL 57014 .*longer than 1 s/);
  await endedBy(site, "slow", "db.statement-timeout");
  const watcher = await RawClient.login(env);
  await waitFor("nothing of it runs in the database", 5_000, async () => {
    const running = await watcher.query(
      "select 1 from pg_stat_activity where query like 'select pg_sleep(60)%'",
    );
    return running.length === 0;
  });
  watcher.close();
});

test("too many rows or bytes end with 53400, in a result and in COPY", async (site) => {
  const env = await limited(site, "volume", { max_rows: 1000, max_bytes: 3_000_000 });
  for (
    const text of [
      "select * from generate_series(1, 1000000)",
      "copy (select g from generate_series(1, 1000000) g) to stdout",
    ]
  ) {
    const client = await RawClient.login(env);
    strictEqual((await client.query("select * from generate_series(1, 900)")).length, 900);
    await client.send(message("Q", text, "\0"));
    match(await lastWords(client), /^FATAL 53400 .*1000 rows/);
  }
  await endedBy(site, "volume", "db.rows-max");
  const client = await RawClient.login(env);
  await client.query("select repeat('x', 2000000)");
  await client.send(message("Q", "select repeat('x', 2000000)", "\0"));
  match(await lastWords(client), /^FATAL 53400 .*3000000 bytes/);
  await endedBy(site, "volume", "db.bytes-max");
});

test("too many statements in a minute end with 53400, over all sessions", async (site) => {
  const env = await limited(site, "rate", { statements_per_minute: 5 });
  const first = await RawClient.login(env);
  for (let i = 0; i < 3; i++) await first.query("select 1");
  const second = await RawClient.login(env);
  for (let i = 0; i < 2; i++) await second.query("select 2");
  await second.send(message("Q", "create table never_made ()", "\0"));
  match(await lastWords(second), /^FATAL 53400 .*5 statements/);
  first.close();
  await endedBy(site, "rate", "db.statements-rate");
  const failed = (await site.events(["--user=rate"]))
    .filter((event) => event["event"] === "db.session.query.failed");
  strictEqual(failed.length, 1);
  strictEqual(failed[0]?.["db_query"], "create table never_made ()");
});

test("one session too many is refused with 53300; those there are read only", async (site) => {
  const env = await limited(site, "many", { max_sessions: 2, read_only: true });
  const first = await RawClient.login(env);
  await rejects(first.query("create table t ()"), /ERROR 25006/);
  const second = await RawClient.login(env);
  await rejects(RawClient.login(env), /FATAL 53300 .*2 sessions already/);
  first.close();
  await waitFor("a place is free again", 5_000, async () => {
    const third = await RawClient.login(env).catch(() => null);
    third?.close();
    return third !== null;
  });
  second.close();
});

test("a session ends with its certificate where a role says so", async (site) => {
  const error = (await within("the certificate's end", 70_000, brief.until("E"))).at(-1);
  brief.close();
  match(error === undefined ? "" : errorText(error), /^FATAL 57P01 .*certificate has expired/);
  await endedBy(site, "brief", "db.certificate-ended");
});
