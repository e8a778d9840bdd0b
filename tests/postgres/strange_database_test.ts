/**
 * A database that breaks the protocol, or does what no PostgreSQL does: the session ends in order,
 * or passes on what it may say, and nobody else is touched.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createServer } from "node:net";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { residentMiB, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { complete, i32, notice, parameterStatus } from "../fakes/postgres_messages.ts";
import { siteSuite } from "../site.ts";
import {
  answer,
  authenticated,
  type FakeServer,
  fakeServer,
  ready,
  type Reply,
} from "./fake_server.ts";
import { concat, type Env, message, RawClient } from "./raw_client.ts";

const growthMiB = 48;
const row = message("D", Uint8Array.of(0, 1, 0, 0, 0, 1), "1");
const notification = message("A", i32(7), "here\0", "news\0");
const asks = (type: string, length: number) =>
  concat([new TextEncoder().encode(type), i32(length)]);

/** Said to a Query of this text; each breaks the protocol. */
const broken: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a length of 0xFFFFFFFF": [asks("D", -1)],
  "a length below 4": [asks("C", 3)],
  "a CommandComplete of 1 GiB": [asks("C", 0x40000000)],
  "a CommandComplete without its end": [message("C", "SELECT 1")],
  "an unknown message": [message("?", "what")],
  "an authentication in mid-session": [message("R", i32(0))],
  "a second ReadyForQuery": [answer, ready],
  "a result that nobody asked for": [answer, complete("SELECT 1")],
  "a ReadyForQuery of no known state": [complete("SELECT 1"), message("Z", "?")],
};
/** Odd, and allowed. */
const noise = [notice("between"), parameterStatus("TimeZone", "UTC"), notification];
const odd: Readonly<Record<string, readonly Uint8Array[]>> = {
  "noise everywhere": [...noise, row, ...noise, complete("SELECT 1"), ...noise, ready],
  "an error of no fields": [message("E", "\0"), ready],
  "an error without its end": [message("E", "SERROR\0C22012"), ready],
  "noise at rest": [answer, ...noise],
};
const letter = (text: string) => new TextEncoder().encode(text);
/** What a database says to SSLRequest, and what a client is told of it. */
const openings: Readonly<Record<string, readonly [said: Uint8Array | null, words: RegExp]>> = {
  // CVE-2021-23222
  "early": [concat([letter("S"), answer]), /the database broke the protocol: .*before TLS/],
  "closes": [null, /the database closed the connection during the login/],
  "declines": [letter("N"), /TLS/],
  "foreign": [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"), /the database/],
};

const fakes: FakeServer[] = [];
let alice: Person;
let strange: Env;

const test = siteSuite({
  moreDatabases: async (site) => {
    const pair = await site.authority.server("localhost", "127.0.0.1");
    const greeting = concat([authenticated, message("K", i32(1), i32(2)), ready]);
    const reply: Reply = (text) =>
      text === "half a row" ? [row.subarray(0, 8), "end"] : broken[text] ?? odd[text] ?? [answer];
    const fake = await fakeServer(pair, greeting, { reply });
    const others = Object.values(openings).map(([said]) => opening(said));
    fakes.push(fake, ...await Promise.all(others));
    const names = ["strange", ...Object.keys(openings)];
    return fakes.map(({ port }, index) => ({
      name: names[index],
      protocol: "postgres",
      uri: `localhost:${port}`,
      tls: { ca_cert_file: `${site.dir}/server-ca.pem` },
    }));
  },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  strange = await route(site, "strange");
}, async () => {
  for (const fake of fakes) await fake.close();
});

for (const [name, pieces] of Object.entries(broken)) {
  test(`${name} ends the session, with an event and no memory`, async (site) => {
    const before = residentMiB(site.agents[0]?.pid ?? 0);
    const [client, other] = [await RawClient.login(strange), await RawClient.login(strange)];
    await client.send(message("Q", name, "\0"));
    const heard = await within("the end", 5000, client.rest());
    client.close();
    // What came is forwarded before it is read, and at most words of ours follow.
    const came = concat(pieces);
    deepStrictEqual(heard.subarray(0, came.length), came);
    match(new TextDecoder().decode(heard.subarray(came.length)), /^$|^E.*FATAL/s);
    deepStrictEqual(await other.query("select 1"), [["1"]]);
    other.close();
    const grown = residentMiB(site.agents[0]?.pid ?? 0) - before;
    ok(grown < growthMiB, `the agent grew by ${grown.toFixed(1)} MiB`);
    await waitFor("the event", 10_000, async () => {
      const events = await site.events(["--events=db.session.malformed_packet"]);
      return events.length >= 1;
    });
  });
}

test("each of them is an event of its session that names the database", async (site) => {
  const malformed = await waitFor("the events", 10_000, async () => {
    const events = await site.events(["--events=db.session.malformed_packet"]);
    return events.length >= Object.keys(broken).length ? events : null;
  });
  strictEqual(malformed.length, Object.keys(broken).length);
  strictEqual(new Set(malformed.map((e) => e["sid"])).size, malformed.length);
});

for (const [name, pieces] of Object.entries(odd)) {
  test(`${name} passes as it came`, async () => {
    const client = await RawClient.login(strange);
    await client.send(message("Q", name, "\0"));
    const want = concat(pieces);
    const heard: Uint8Array[] = [];
    for (let bytes = 0; bytes < want.length;) {
      const next = await within("a message", 5000, client.next());
      ok(next, "the end came first");
      const whole = message(next.type, next.body);
      heard.push(whole);
      bytes += whole.length;
    }
    deepStrictEqual(concat(heard), want);
    deepStrictEqual(await client.query("select 1"), [["1"]]);
    client.close();
  });
}

test("half a row and the end: the end, and no word that could pass for data", async () => {
  const client = await RawClient.login(strange);
  await client.send(message("Q", "half a row", "\0"));
  deepStrictEqual(await within("the end", 5000, client.rest()), row.slice(0, 8));
  client.close();
});

for (const [name, [, words]] of Object.entries(openings)) {
  test(`what goes wrong at SSLRequest is told as the database's: ${name}`, async (site) => {
    const env = await route(site, name);
    const said = await within(
      "an answer",
      8000,
      RawClient.login(env).then(() => "", (e) => String(e)),
    );
    match(said, /FATAL 08\w{3} /);
    match(said, words);
  });
}

test("the log verifies", async (site) => {
  await site.verifyAudit();
});

/** Says this to SSLRequest, or closes, and nothing more. */
async function opening(said: Uint8Array | null): Promise<FakeServer> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => said === null ? socket.end() : socket.write(said));
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const at = server.address();
      resolve(typeof at === "object" && at !== null ? at.port : 0);
    });
  });
  return { port, openings: [], close: () => new Promise((done) => server.close(() => done())) };
}

async function route(site: Site, name: string): Promise<Env> {
  await alice.mustTsh(["db", "login", name, "--db-user=alice", "--db-name=orders"]);
  return await site.through(alice, name);
}
