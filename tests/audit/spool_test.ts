/** A full spool: strict sessions end in words, none begin, and it recovers by itself. */
import { match, ok } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { delay, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { siteSuite } from "../site.ts";

let alice: Person;
let env: Env;

const test = siteSuite({
  dbService: { audit: { spool_limit_bytes: 1_048_576 } },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
});

test("the spool at its limit while Auth is away ends strict sessions", async (site) => {
  const session = await RawClient.login(env);
  await session.query("select 1");
  const port = Number((site.auth.ready.auth_address ?? "").split(":").at(-1));
  await site.auth.kill();
  const text = `select length('${"x".repeat(60_000)}')`;
  const ended = await within(
    "the session ends",
    30_000,
    (async () => {
      for (let i = 0; i < 200; i++) await session.query(text);
      return "never ended";
    })().catch((e) => e instanceof Error ? e.message : String(e)),
  );
  match(ended, /FATAL \w{5} .*(audit|record)/is);
  session.close();
  const refused = await RawClient.login(env).then((c) => (c.close(), "let in")).catch((e) =>
    e.message
  );
  match(refused, /FATAL \w{5} .*(audit|record)/is);

  await site.startAuth(port);
  const again = await waitFor(
    "sessions begin again",
    30_000,
    () => RawClient.login(env).catch(() => null),
  );
  await again.query("select 'after the spool was shipped'");
  again.close();
  await delay(500);
  const events = await waitFor("the event", 15_000, async () => {
    const all = await site.events();
    return all.some((e) => e["db_query"] === "select 'after the spool was shipped'") ? all : null;
  });
  ok(events.some((e) => String(e["event"]).includes("spool")), "no event tells of the full spool");
  await site.verifyAudit();
});
