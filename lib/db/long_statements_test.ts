/** Statements too long to be held, through a whole visit. */
import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import {
  bind,
  bindComplete,
  complete,
  execute,
  parse,
  parseComplete,
  query,
  ready,
  sync,
  terminate,
} from "../../tests/fakes/postgres_messages.ts";
import type { Role } from "../api/resources.ts";
import type { QueryEvent } from "../audit/catalog.ts";
import { concat } from "../bytes/writer.ts";
import { fakeUser } from "../ca/ca_fake.ts";
import { Fault } from "../core/fault.ts";
import { streamSizes } from "../wire/streaming.ts";
import { startup } from "./postgres_fake.ts";
import { visit } from "./visit.ts";
import { fakeRole, fakeRoute, type FakeSite, fakeSite, type FakeVisitor } from "./visit_fake.ts";

interface Begun extends FakeVisitor {
  readonly staying: Promise<void>;
}

async function soon(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
}

async function come(site: FakeSite, options: Role["spec"]["options"] = {}): Promise<Begun> {
  site.cache.put({ ...fakeRole, spec: { ...fakeRole.spec, options } });
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

const text = `select ${Array.from({ length: 300_000 }, (_, at) => at).join(", ")}`;

function queries(site: FakeSite, kind: string): QueryEvent[] {
  return site.spool.log.flatMap((one) =>
    one.kind === kind && one.event.event === "db.session.query" ? [one.event] : []
  );
}

/** Characters of the text that are on record. */
function recorded(site: FakeSite): number {
  const parts = queries(site, "part").reduce((sum, { db_query }) => sum + db_query.length, 0);
  return parts + (queries(site, "intent").at(-1)?.db_query.length ?? 0);
}

Deno.test("each piece of a long statement waits for its record, and all arrives", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const server = site.servers[0];
  assert.ok(server !== undefined);
  const before = server.received;
  const bytes = query(text);
  site.spool.isSlow = true;
  let safe = 0;
  for (let at = 0; at < bytes.length; at += 65_536) {
    begun.client.write(bytes.slice(at, at + 65_536));
    for (let round = 0; round < 3; round++) await settled();
    // Beside it there are a header and a NUL.
    assert.ok(server.received - before <= safe + 6, `${server.received - before} over ${safe}`);
    safe = recorded(site);
    site.spool.settleAll();
    for (let round = 0; round < 3; round++) await settled();
  }
  await soon();
  site.spool.settleAll();
  await soon();
  assert.deepEqual(server.queries, [text]);
  const [result] = queries(site, "result");
  assert.ok(result !== undefined && queries(site, "result").length === 1);
  const parts = queries(site, "part");
  assert.equal(result.db_query + parts.map(({ db_query }) => db_query).join(""), text);
  assert.equal(result.outcome, "done");
  assert.equal(result.part?.count, parts.length + 1);
  assert.equal(result.full_text?.bytes, text.length);
  site.spool.isSlow = false;
  await leave(site, begun);
});

for (const audit of ["durable", "best_effort"] as const) {
  Deno.test(`a long statement is as safe as the roles ask (${audit}), piece by piece`, async () => {
    const site = await fakeSite();
    const begun = await come(site, { audit });
    site.spool.isSlow = true;
    begun.client.write(query(text));
    await soon();
    const waits = audit === "durable";
    assert.deepEqual(site.servers[0]?.queries, waits ? [] : [text]);
    assert.equal(recorded(site), text.length);
    site.spool.settleAll();
    await soon();
    assert.deepEqual(site.servers[0]?.queries, [text]);
    assert.deepEqual(new Set(site.spool.modes), new Set(waits ? ["durable"] : []));
    site.spool.isSlow = false;
    await leave(site, begun);
  });
}

Deno.test("a long statement waits for room in the spool, others don't", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const other = await come(site);
  site.spool.isCrowded = true;
  begun.client.write(query(text));
  other.client.write(query("select 1"));
  await soon();
  assert.deepEqual(site.servers.map(({ queries }) => queries), [[], ["select 1"]]);
  site.spool.isCrowded = false;
  site.spool.giveRoom();
  await soon();
  assert.deepEqual(site.servers[0]?.queries, [text]);
  await leave(site, begun);
  await leave(site, other);
});

Deno.test("what a client sent before it vanished within a statement is on record", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const sent = 700_000;
  begun.client.write(query(text).slice(0, sent));
  await soon();
  begun.client.abort();
  await soon();
  await site.clock.step(60_000);
  await begun.staying;
  const [result] = queries(site, "result");
  assert.deepEqual([result?.outcome, result?.success, result?.mark], [
    "unknown",
    null,
    "truncated",
  ]);
  assert.ok((site.servers[0]?.received ?? 0) > sent / 2);
  assert.ok(recorded(site) > sent - 5 - streamSizes.piece);
  assert.equal(site.spool.lines.at(-1), "event db.session.end false");
});

Deno.test("when a piece can't be recorded, no more of the statement goes on", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const bytes = query(text);
  begun.client.write(bytes.slice(0, 700_000));
  await soon();
  const before = site.servers[0]?.received ?? 0;
  const fault = { kind: "limit", code: "audit.spool-full", message: "full" } as const;
  site.spool.fault = new Fault({ ...fault, shown: "the disk is full" });
  begun.client.write(bytes.slice(700_000, 1_200_000));
  await soon();
  assert.match(begun.received.text, /SFATAL.*can't be recorded.*the disk is full/s);
  assert.ok((site.servers[0]?.received ?? 0) <= before);
  assert.deepEqual(site.servers[0]?.queries, []);
  await site.clock.step(60_000);
  await begun.staying;
  assert.equal(queries(site, "result").at(0)?.mark, "truncated");
});

Deno.test("what executes a long prepared statement refers to its text", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  begun.client.write(concat([parse("big", text), bind("", "big"), execute(), execute(), sync]));
  await soon();
  const one = complete("SELECT 1");
  site.servers[0]?.end.write(concat([parseComplete, bindComplete, one, one, ready()]));
  await soon();
  const [prepare, first, second] = queries(site, "result");
  assert.deepEqual([prepare?.command, prepare?.mark, prepare?.outcome], [
    "prepare",
    "prepare",
    "done",
  ]);
  assert.equal(prepare?.full_text?.of, prepare?.uid);
  for (const event of [first, second]) {
    assert.equal(event?.command, "execute");
    assert.deepEqual(event.full_text, prepare?.full_text);
    assert.equal(event.db_query, prepare?.db_query);
    assert.equal(event.fingerprint, prepare?.fingerprint);
    assert.equal(event.part, undefined);
  }
  await leave(site, begun);
});

Deno.test("the time that a text takes to come is not the statement's", async () => {
  const site = await fakeSite();
  const begun = await come(site, { statement_timeout: "5s" });
  const bytes = query(text);
  for (let at = 0; at < 10; at++) {
    begun.client.write(bytes.slice(at * 200_000, at < 9 ? (at + 1) * 200_000 : undefined));
    await soon();
    await site.clock.step(2000);
  }
  await soon();
  assert.deepEqual(site.servers[0]?.queries, [text]);
  const duration = queries(site, "result").at(0)?.duration_ms ?? NaN;
  assert.ok(duration < 2000, `${duration}`);
  await leave(site, begun);
});

Deno.test("a long statement beyond the rate never reaches the database", async () => {
  const site = await fakeSite();
  const begun = await come(site, { statements_per_minute: 1 });
  begun.client.write(query("select 1"));
  await soon();
  const before = site.servers[0]?.received ?? 0;
  begun.client.write(query(text));
  await soon();
  assert.ok((site.servers[0]?.received ?? 0) <= before + 5);
  const refused = site.spool.log.map(({ event }) => event)
    .find(({ event }) => event === "db.session.query.failed");
  assert.ok(refused?.event === "db.session.query.failed");
  assert.ok(text.startsWith(refused.db_query) && refused.db_query.length > 1000);
  assert.match(begun.received.text, /statements in one minute/);
  await site.clock.step(60_000);
  await begun.staying;
});
