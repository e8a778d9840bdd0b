import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { complete, error, query, ready, terminate } from "../../tests/fakes/postgres_messages.ts";
import { concat } from "../bytes/writer.ts";
import { fakeUser } from "../ca/ca_fake.ts";
import { Fault } from "../core/fault.ts";
import { passCancel } from "./cancel.ts";
import { visit } from "./visit.ts";
import {
  fakeLock,
  fakeRole,
  fakeRoute,
  type FakeSite,
  fakeSite,
  fakeUserResource,
  type FakeVisitor,
} from "./visit_fake.ts";
import { startup } from "./postgres_fake.ts";

const hello = { user: "app", database: "shop", application_name: "psql" };

interface Begun extends FakeVisitor {
  readonly staying: Promise<void>;
}

async function come(
  site: FakeSite,
  parameters: Readonly<Record<string, string>> = hello,
  arriving: Promise<FakeVisitor> = site.arrive(),
): Promise<Begun> {
  const visitor = await arriving;
  const { stream, header, client } = visitor;
  const staying = visit({ stream, header, target: site.target }, site.powers);
  client.write(startup(parameters));
  await soon();
  return { ...visitor, staying };
}

/** Keys are made and signed by WebCrypto, which takes its own time. */
async function soon(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
}

async function leave(site: FakeSite, { client, staying }: Begun): Promise<void> {
  client.write(terminate);
  client.end();
  await soon();
  await site.clock.step(60_000);
  await staying;
}

Deno.test("a visit records a statement before it goes on, and its result after", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  assert.equal(begun.stream.state, "accepted");
  site.spool.isSlow = true;
  begun.client.write(query("SELECT 1"));
  await soon();
  assert.deepEqual(site.servers[0]?.queries, []);
  assert.deepEqual(site.spool.lines, [
    "event db.session.start true",
    "intent started SELECT 1",
  ]);
  site.spool.isSlow = false;
  site.spool.settleAll();
  await soon();
  assert.deepEqual(site.servers[0]?.queries, ["SELECT 1"]);
  assert.equal(site.spool.lines[2], "result done SELECT 1");
  await leave(site, begun);
  assert.deepEqual(site.spool.lines.slice(3), ["event db.session.end true"]);
  const [start, intent, result, end] = site.spool.log.map(({ event }) => event);
  assert.equal(intent?.uid, result?.uid);
  assert.deepEqual([start, intent, result, end].map((event) => event?.ei), [0, 1, 1, 2]);
  assert.ok(start?.event === "db.session.start");
  assert.equal(start.user, "alice");
  assert.equal(start["addr.remote"], "203.0.113.9:50123");
  assert.equal(start.user_agent, "psql");
  assert.equal(start.db_user, "app");
  assert.equal(start.db_pid, 77);
});

Deno.test("statements that wait for the spool keep their order", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  site.spool.isSlow = true;
  for (const text of ["a", "b", "c"]) {
    begun.client.write(query(text));
    await soon();
  }
  assert.deepEqual(site.servers[0]?.queries, []);
  site.spool.isSlow = false;
  site.spool.settleAll();
  await soon();
  assert.deepEqual(site.servers[0]?.queries, ["a", "b", "c"]);
  await leave(site, begun);
});

Deno.test("a client gets a key of ours in place of the database's", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const [session] = site.powers.sessions;
  assert.ok(session?.key);
  assert.equal(session.key.processId >>> 16, 513);
  assert.deepEqual(session.databaseKey?.secret, Uint8Array.of(9, 9, 9, 9));
  const at = begun.received.text.indexOf("K");
  assert.deepEqual(begun.received.whole.subarray(at + 9, at + 13), session.key.secret);
  await leave(site, begun);
  assert.equal(site.powers.sessions.count, 0);
});

Deno.test("a cancel request reaches the same database with its own key", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const [session] = site.powers.sessions;
  assert.ok(session?.key);
  await passCancel(session.key, "203.0.113.9:50124", site.powers);
  const opening = site.servers[1]?.openings[0];
  assert.deepEqual(opening?.subarray(8), Uint8Array.of(0, 0, 0, 77, 9, 9, 9, 9));
  // The name may lead to another server by now; the address that the session has does not.
  assert.deepEqual(site.dialled, ["db.internal:5432", "192.0.2.51:5432"]);
  assert.equal(site.spool.lines.at(-1), "event db.session.cancel true");
  const wrong = { ...session.key, secret: Uint8Array.of(1, 2, 3, 4) };
  await passCancel(wrong, "203.0.113.9:50124", site.powers);
  assert.equal(site.servers.length, 2);
  await leave(site, begun);
});

interface Refused {
  readonly name: string;
  readonly prepare?: (site: FakeSite) => void;
  readonly startup?: Readonly<Record<string, string>>;
  readonly identity?: Parameters<typeof fakeUser>[0];
  readonly sqlState: string;
  readonly says: RegExp;
}

const refusals: readonly Refused[] = [
  {
    name: "a startup user other than the route's, naming both",
    identity: { route: { ...fakeRoute, user: "reader" } },
    sqlState: "28000",
    says: /"reader".*"app"/,
  },
  {
    name: "a startup database other than the route's, naming both",
    identity: { route: { ...fakeRoute, database: "other" } },
    sqlState: "28000",
    says: /"other".*"shop"/,
  },
  {
    name: "a certificate for another service",
    identity: { route: { ...fakeRoute, service: "else" } },
    sqlState: "28000",
    says: /tsh db login shop/,
  },
  {
    name: "a certificate of an older generation",
    identity: { generation: 2, route: fakeRoute },
    sqlState: "28000",
    says: /tsh login/,
  },
  {
    name: "a user that the roles don't allow",
    startup: { user: "root", database: "shop" },
    sqlState: "42501",
    says: /do not allow the database user "root"/,
  },
  {
    name: "a locked user",
    prepare: ({ cache }) => cache.put(fakeLock({ user: "alice" })),
    sqlState: "42501",
    says: /on leave/,
  },
  {
    name: "a session when statements can't be recorded",
    prepare: ({ spool }) => {
      spool.fault = new Fault({
        kind: "limit",
        code: "audit.spool-full",
        message: "full",
        shown: "the disk is full",
      });
    },
    sqlState: "57P03",
    says: /can't be recorded.*the disk is full/,
  },
  {
    name: "a session under strict locks when nothing was heard for long",
    prepare: ({ cache }) => {
      cache.isStale = true;
      cache.put({ ...fakeRole, spec: { ...fakeRole.spec, options: { lock: "strict" } } });
    },
    sqlState: "57P03",
    says: /locks can't be checked/,
  },
];

for (const refused of refusals) {
  Deno.test(`a visit refuses ${refused.name}`, async () => {
    const site = await fakeSite();
    refused.prepare?.(site);
    const identity = fakeUser({ route: fakeRoute, ...refused.identity });
    const begun = await come(site, refused.startup ?? hello, site.arrive({ identity }));
    assert.equal(begun.stream.state, "opening");
    assert.match(begun.received.text, new RegExp(`C${refused.sqlState}\0`));
    assert.match(begun.received.text, refused.says);
    assert.ok(begun.received.isEnded);
    assert.deepEqual(site.spool.lines, ["event db.session.start false"]);
    assert.equal(site.servers.length, 0);
    begun.client.end();
    await site.clock.step(60_000);
    await begun.staying;
  });
}

Deno.test("a database that is down sends the proxy to the next agent", async () => {
  const site = await fakeSite();
  site.database.down = new Fault({
    kind: "network",
    code: "sys.connection-refused",
    message: "refused",
    fields: { errno: "ECONNREFUSED" },
  });
  const begun = await come(site);
  assert.equal(begun.stream.resetWith?.code, "retry");
  assert.match(begun.stream.resetWith?.message ?? "", /shop can't be reached: connection refused/);
  await begun.staying;
  assert.deepEqual(site.spool.lines, ["event db.session.start false"]);
});

Deno.test("a database that refuses the login is quoted", async () => {
  const site = await fakeSite();
  site.database.prepare = (server) => {
    server.greeting = error("3D000", 'database "shop" does not exist', { S: "FATAL", V: "FATAL" });
  };
  const begun = await come(site);
  assert.match(begun.received.text, /refused the session: database "shop" does not exist/);
  begun.client.end();
  await site.clock.step(60_000);
  await begun.staying;
});

Deno.test("new sessions begin while Auth is away, as far as certificates are kept", async () => {
  const site = await fakeSite();
  await leave(site, await come(site));
  site.auth.down = new Fault({ kind: "unavailable", code: "api.unreachable", message: "away" });
  const second = await come(site);
  assert.equal(second.stream.state, "accepted");
  await leave(site, second);
  assert.equal(site.auth.calls, 1);
  await site.clock.step(51 * 60_000);
  const third = await come(site);
  assert.equal(third.stream.state, "accepted");
  assert.equal(site.auth.calls, 2);
  await leave(site, third);
});

Deno.test("a session is ended with 57P01 between two messages", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const [session] = site.powers.sessions;
  session?.stop({ kind: "ended", message: "terminating connection: access is locked" });
  await soon();
  assert.match(begun.received.text, /C57P01\0Mterminating connection: access is locked/);
  begun.client.end();
  await site.clock.step(60_000);
  await begun.staying;
  assert.deepEqual(site.spool.lines.at(-1), "event db.session.end false");
});

Deno.test("a session ended inside a message gets no words that pass for data", async () => {
  const site = await fakeSite();
  site.database.prepare = (server) => {
    server.answer = () => Uint8Array.of(0x44, 0, 0, 1, 0, 7);
  };
  const begun = await come(site);
  begun.client.write(query("SELECT big"));
  await soon();
  const [session] = site.powers.sessions;
  session?.stop({ kind: "ended", message: "terminating connection" });
  await site.clock.step(1_500);
  await soon();
  assert.ok(begun.received.isEnded);
  assert.ok(!begun.received.text.includes("terminating"));
  await site.clock.step(60_000);
  await begun.staying;
  assert.ok(site.spool.lines.includes("result unknown SELECT big"));
});

Deno.test("a change while the database is being reached still counts", async () => {
  const site = await fakeSite();
  site.database.prepare = () => site.cache.remove("role", "access");
  const begun = await come(site);
  assert.match(begun.received.text, /C42501\0/);
  begun.client.end();
  await site.clock.step(60_000);
  await begun.staying;
  assert.equal(site.powers.sessions.count, 0);
});

Deno.test("a client that breaks the protocol is told, recorded and ended", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  begun.client.write(Uint8Array.of(0x51, 0x40, 0, 0, 0));
  begun.client.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await soon();
  begun.client.write(Uint8Array.of(0xff, 0, 0, 0, 0));
  await soon();
  await site.clock.step(60_000);
  await begun.staying;
  assert.ok(site.spool.lines.includes("event db.session.malformed_packet"));
  assert.equal(site.spool.lines.at(-1), "event db.session.end false");
});

Deno.test("a database that is lost is an error to the client and unknown in the log", async () => {
  const site = await fakeSite();
  site.database.prepare = (server) => {
    server.answer = () => new Uint8Array(0);
  };
  const begun = await come(site);
  begun.client.write(query("SELECT pg_sleep(9)"));
  await soon();
  site.servers[0]?.end.cut();
  await soon();
  assert.match(begun.received.text, /C08006\0Mthe connection to the database was lost/);
  begun.client.end();
  await site.clock.step(60_000);
  await begun.staying;
  assert.ok(site.spool.lines.includes("result unknown SELECT pg_sleep(9)"));
});

Deno.test("a client that vanishes ends its session soon", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  begun.client.write(query("SELECT 1"));
  await soon();
  begun.client.cut();
  await soon();
  await site.clock.step(2_500);
  await begun.staying;
  assert.equal(site.spool.lines.at(-1), "event db.session.end false");
  assert.ok(site.servers[0]?.end.isClosed);
});

Deno.test("a client that doesn't read holds the database back", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  begun.client.pause();
  const server = site.servers[0];
  assert.ok(server);
  const big = new Uint8Array(64 * 1024);
  const rows = concat([Uint8Array.of(0x44, 0, 1, 0, 4), big]);
  begun.client.write(query("SELECT big"));
  server.answer = () => new Uint8Array(0);
  await soon();
  for (let i = 0; i < 100; i++) server.end.write(rows);
  await soon();
  assert.ok(server.end.queuedBytes > 90 * big.length, `${server.end.queuedBytes}`);
  assert.ok(begun.stream.queuedBytes < 4 * big.length, `${begun.stream.queuedBytes}`);
  begun.client.resume();
  server.end.write(concat([complete("SELECT 100"), ready()]));
  await soon();
  assert.ok(begun.received.bytes > 100 * big.length);
  await leave(site, begun);
  const done = site.spool.log.find(({ kind }) => kind === "result")?.event;
  assert.ok(done?.event === "db.session.query");
});

Deno.test("a database that doesn't read holds the client back", async () => {
  const site = await fakeSite();
  const begun = await come(site);
  const server = site.servers[0];
  assert.ok(server);
  server.end.pause();
  for (let i = 0; i < 100; i++) begun.client.write(query("x".repeat(32 * 1024)));
  await soon();
  assert.ok(begun.client.queuedBytes > 80 * 32 * 1024, `${begun.client.queuedBytes}`);
  server.end.resume();
  await soon();
  assert.equal(server.queries.length, 100);
  await leave(site, begun);
});

Deno.test("a generation that was raised refuses even a cached database certificate", async () => {
  const site = await fakeSite();
  await leave(site, await come(site));
  site.cache.put({ ...fakeUserResource, spec: { ...fakeUserResource.spec, generation: 4 } });
  const second = await come(site);
  assert.match(second.received.text, /C28000\0/);
  second.client.end();
  await site.clock.step(60_000);
  await second.staying;
});
