import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { complete, query, ready, row, terminate } from "../../tests/fakes/postgres_messages.ts";
import { concat } from "../bytes/writer.ts";
import type { Role } from "../api/resources.ts";
import { fakeUser } from "../ca/ca_fake.ts";
import { startup } from "./postgres_fake.ts";
import { visit } from "./visit.ts";
import { fakeRole, fakeRoute, type FakeSite, fakeSite, type FakeVisitor } from "./visit_fake.ts";

type Options = Role["spec"]["options"];

interface Begun extends FakeVisitor {
  readonly staying: Promise<void>;
}

async function soon(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
}

async function siteWith(options: Options): Promise<FakeSite> {
  const site = await fakeSite();
  site.cache.put({ ...fakeRole, spec: { ...fakeRole.spec, options } });
  return site;
}

async function come(site: FakeSite): Promise<Begun> {
  const visitor = await site.arrive({ identity: fakeUser({ route: fakeRoute }) });
  const { stream, header, client } = visitor;
  const staying = visit({ stream, header, target: site.target }, site.powers);
  client.write(startup({ user: "app", database: "shop" }));
  await soon();
  return { ...visitor, staying };
}

async function leave(site: FakeSite, { client, staying }: Begun): Promise<void> {
  client.write(terminate);
  client.end();
  await soon();
  await site.clock.step(60_000);
  await staying;
}

/** Steps in small pieces, as time goes. */
async function pass(site: FakeSite, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) await site.clock.step(Math.min(500, left));
  await soon();
}

function endOf(site: FakeSite): unknown {
  const last = site.spool.log.at(-1)?.event;
  ok(last?.event === "db.session.end");
  return [last.success, last.error?.code];
}

Deno.test("an idle session ends; traffic in either direction starts its time anew", async () => {
  const site = await siteWith({ idle_timeout: "10s" });
  const begun = await come(site);
  await pass(site, 9_000);
  begun.client.write(query("SELECT 1"));
  await pass(site, 9_000);
  site.servers[0]?.end.write(concat([Uint8Array.of(0x4e, 0, 0, 0, 5, 0)]));
  await pass(site, 9_000);
  ok(!begun.received.text.includes("terminating"));
  await pass(site, 3_000);
  match(begun.received.text, /C57P05\0Mterminating connection: idle for 10 s/);
  await leave(site, begun);
  deepStrictEqual(endOf(site), [false, "db.idle"]);
});

Deno.test("a statement that runs is not idleness, but has a time of its own", async () => {
  const site = await siteWith({ idle_timeout: "2s", statement_timeout: "10s" });
  site.database.prepare = (server) => {
    server.answer = () => new Uint8Array(0);
  };
  const begun = await come(site);
  begun.client.write(query("SELECT pg_sleep(99)"));
  await pass(site, 9_000);
  ok(!begun.received.text.includes("terminating"));
  await pass(site, 4_000);
  match(begun.received.text, /C57014\0Mterminating connection: a statement took longer than 10 s/);
  // And what runs in the database was cancelled.
  equal(site.servers.length, 2);
  await leave(site, begun);
  deepStrictEqual(endOf(site), [false, "db.statement-timeout"]);
});

Deno.test("each statement of a pipeline has its own time", async () => {
  const site = await siteWith({ statement_timeout: "3s" });
  site.database.prepare = (server) => {
    server.answer = () => new Uint8Array(0);
  };
  const begun = await come(site);
  for (let i = 0; i < 5; i++) begun.client.write(query("SELECT pg_sleep(2)"));
  for (let i = 0; i < 5; i++) {
    await pass(site, 2_000);
    site.servers[0]?.end.write(concat([complete("SELECT 1"), ready()]));
    await soon();
  }
  ok(!begun.received.text.includes("terminating"));
  await leave(site, begun);
});

Deno.test("a session ends when it has lasted as long as it may", async () => {
  const site = await siteWith({ session_ttl: "1m" });
  const begun = await come(site);
  await pass(site, 59_500);
  ok(!begun.received.text.includes("terminating"));
  await pass(site, 1_000);
  match(begun.received.text, /C57P01\0Mterminating connection: the session has lasted 60 s/);
  await leave(site, begun);
  deepStrictEqual(endOf(site), [false, "db.session-ttl"]);
});

Deno.test("a session ends with its certificate where a role says so, and only there", async () => {
  for (const ends of [true, false]) {
    const site = await siteWith({ disconnect_expired_cert: ends });
    const begun = await come(site);
    const [session] = site.powers.sessions;
    ok(session);
    await site.clock.step(session.grant.expires - site.clock.now() - 1000);
    await soon();
    ok(!begun.received.text.includes("terminating"));
    await site.clock.step(2_000);
    await soon();
    equal(begun.received.text.includes("your certificate has expired"), ends);
    await leave(site, begun);
  }
});

Deno.test("rows are counted by their headers, over the whole session", async () => {
  const site = await siteWith({ max_rows: 5 });
  site.database.prepare = (server) => {
    server.answer = () => concat([row(10), row(10), complete("SELECT 2"), ready()]);
  };
  const begun = await come(site);
  begun.client.write(query("SELECT a"));
  await soon();
  begun.client.write(query("SELECT b"));
  await soon();
  ok(!begun.received.text.includes("terminating"));
  begun.client.write(query("SELECT c"));
  await soon();
  match(begun.received.text, /C53400\0Mterminating connection: more than 5 rows in one session/);
  await leave(site, begun);
  deepStrictEqual(endOf(site), [false, "db.rows-max"]);
});

Deno.test("bytes count in both directions", async () => {
  const site = await siteWith({ max_bytes: 1000 });
  const begun = await come(site);
  begun.client.write(query("x".repeat(800)));
  await soon();
  ok(!begun.received.text.includes("terminating"));
  begun.client.write(query("x".repeat(200)));
  await soon();
  match(begun.received.text, /C53400\0Mterminating connection: more than 1000 bytes/);
  await leave(site, begun);
  deepStrictEqual(endOf(site), [false, "db.bytes-max"]);
});

for (const audit of ["strict", "best_effort"] as const) {
  Deno.test(`a statement beyond the rate never reaches the database (${audit})`, async () => {
    const site = await siteWith({ statements_per_minute: 2, audit });
    const begun = await come(site);
    begun.client.write(query("SELECT 1"));
    await soon();
    begun.client.write(concat([query("SELECT 2"), query("SELECT 3"), query("SELECT 4")]));
    await soon();
    match(begun.received.text, /C53400\0Mterminating connection: more than 2 statements in one/);
    const queries = site.servers[0]?.queries ?? [];
    ok(!queries.includes("SELECT 3") && !queries.includes("SELECT 4"));
    await leave(site, begun);
    const refused = site.spool.log.filter(({ event }) => event.event === "db.session.query.failed");
    equal(refused.length, 1);
    deepStrictEqual(endOf(site), [false, "db.statements-rate"]);
  });
}

Deno.test("a user has as many sessions as the roles allow, and gets a place back", async () => {
  const site = await siteWith({ max_sessions: 1 });
  const first = await come(site);
  const second = await come(site);
  match(second.received.text, /C53300\0Myou have 1 sessions already/);
  await leave(site, second);
  await leave(site, first);
  const third = await come(site);
  equal(third.stream.state, "accepted");
  await leave(site, third);
});

Deno.test("the database is told of read only and the statement timeout", async () => {
  const site = await siteWith({ read_only: true, statement_timeout: "30s" });
  const begun = await come(site);
  const opening = new TextDecoder().decode(site.servers[0]?.openings[0]);
  match(opening.replaceAll("\0", ","), /,default_transaction_read_only,on,/);
  match(opening.replaceAll("\0", ","), /,statement_timeout,30000,/);
  await leave(site, begun);
});

Deno.test("a session without limits has no timer of its own", async () => {
  const site = await siteWith({});
  const before = site.clock.pending;
  const begun = await come(site);
  equal(site.clock.pending, before);
  await leave(site, begun);
});
