/**
 * A server that breaks the protocol, asks for files, or does what no MySQL does: the session ends
 * in order or goes on, and nobody else is touched.
 */
import { deepStrictEqual, match, ok as assert, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { freePort, residentMiB, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import {
  askFile,
  columns,
  definition,
  eof,
  error,
  greeting,
  join,
  ok,
  packet,
  query,
  result,
  u16,
} from "../fakes/mysql_messages.ts";
import { LocalPort } from "../postgres/local_port.ts";
import { siteSuite } from "../site.ts";
import { type FakeServer, fakeServer, opening, RawClient } from "./fake_server.ts";
import { cli, local, native, realServers } from "./site.ts";

const growthMiB = 48;
const front = join(columns(1, 1), definition(2, "a"), eof(3));

/** Said to a query of this text; each breaks the protocol. */
const broken: Readonly<Record<string, readonly Uint8Array[]>> = {
  "an empty packet": [packet(1)],
  "an OK that ends early": [packet(1, 0, 0)],
  "more columns than there can be": [packet(1, 0xfe, new Uint8Array(8).fill(0xff))],
  "definitions without an end": [columns(1, 1), definition(2, "a"), definition(3, "b")],
  "an answer that nobody asked for": [ok(1), ok(1)],
  "a second end of rows": [result(1, ["1"]), eof(6)],
  "a question of a MiB": [packet(1, 0xfb, "x".repeat(1 << 20))],
};
/** Odd, and allowed. */
const odd: Readonly<Record<string, readonly Uint8Array[]>> = {
  "progress in between": [
    packet(1, 0xff, u16(0xffff), 1, 1, 0, 0, 0, 0),
    result(2, ["1"]),
  ],
  "an error without its state": [packet(1, 0xff, u16(1105), "odd")],
  "an error within rows": [front, error(4, 1317, "70100", "interrupted")],
  "packets numbered anew": [join(columns(9, 1), definition(9, "a"), eof(9), eof(9))],
};
/** What a server says first, and what a client is told of it. */
const openings: Readonly<Record<string, readonly [said: Uint8Array | null, words: RegExp]>> = {
  "early": [join(greeting(), ok(2)), /before TLS/],
  "closes": [null, /closed the connection/],
  "declines": [greeting({ flags: 0xdfffffff & ~0x800 }), /does not offer TLS/],
  "blocks": [packet(0, 0xff, u16(1129), "Host is blocked"), /Host is blocked/],
  "foreign": [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"), /the database/],
  "ancient": [packet(0, 9, "3.23.58\0"), /the database/],
};

const load = "load data local infile '/etc/passwd' into table t";
const fakes: FakeServer[] = [];
const ports = new Map<string, LocalPort>();
let alice: Person;

const test = siteSuite({
  proxyService: { mysql_listen_addr: `127.0.0.1:${freePort()}` },
  moreDatabases: async (site) => {
    const pair = await site.authority.server("localhost", "127.0.0.1");
    const all = await Promise.all([
      fakeServer(pair, (text) => {
        if (text.includes("file")) return [askFile(1, "/etc/passwd"), ok(3)];
        // So MySQL's program asks whether there are quotes of that kind.
        if (text === "select $$") return [error(1, 1064, "42000", "a syntax error")];
        if (text === "half a row") return [packet(1, 1).subarray(0, 3), "end"];
        return broken[text] ?? odd[text] ?? [result(1, ["1"])];
      }),
      ...Object.values(openings).map(([said]) => opening(said)),
    ]);
    fakes.push(...all);
    const names = ["strange", ...Object.keys(openings)];
    return fakes.map(({ port }, index) => ({
      name: names[index],
      protocol: "mysql",
      uri: `localhost:${port}`,
      tls: { ca_cert_file: `${site.dir}/server-ca.pem` },
    }));
  },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["shop"] });
  await site.login(alice, "alice");
  for (const name of ["strange", ...Object.keys(openings)]) {
    await alice.mustTsh(["db", "login", name, "--db-user=alice"]);
    ports.set(name, await LocalPort.open(alice, name, ["--tunnel"]));
  }
}, async () => {
  for (const fake of fakes) await fake.close();
});

async function strange(): Promise<RawClient> {
  const [client, last] = await RawClient.login(ports.get("strange")?.port ?? 0);
  strictEqual(last[4], 0, new TextDecoder().decode(last));
  return client;
}

async function answers(client: RawClient): Promise<void> {
  client.send(query("select 1"));
  const want = result(1, ["1"]);
  deepStrictEqual(await exactly(client, want.length), want);
}

/** So many bytes of whole packets. */
async function exactly(client: RawClient, bytes: number): Promise<Uint8Array> {
  let came: Uint8Array = new Uint8Array(0);
  while (came.length < bytes) {
    const next = await within("a packet", 5000, client.next());
    assert(next !== null, "the end came first");
    came = join(came, next);
  }
  return came;
}

for (const [name, pieces] of Object.entries(broken)) {
  test(`${name} ends the session, with an event and no memory`, async (site) => {
    const before = residentMiB(site.agents[0]?.pid ?? 0);
    const [client, other] = [await strange(), await strange()];
    client.send(query(name));
    const heard = await within("the end", 5000, client.rest());
    client.close();
    const words = new TextDecoder().decode(heard);
    assert(words.includes("broke the protocol") || heard.length <= join(...pieces).length, words);
    await answers(other);
    other.close();
    const grown = residentMiB(site.agents[0]?.pid ?? 0) - before;
    assert(grown < growthMiB, `the agent grew by ${grown.toFixed(1)} MiB`);
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
    const client = await strange();
    client.send(query(name));
    const want = join(...pieces);
    deepStrictEqual(await exactly(client, want.length), want);
    await answers(client);
    client.close();
  });
}

for (const text of ["select 'a file'", "load data local infile 'own' into table t", load]) {
  test(`a server that asks for a file gets none: ${text.slice(0, 30)}`, async () => {
    const client = await strange();
    const before = fakes[0]?.others.length ?? 0;
    client.send(query(text));
    const said = new TextDecoder().decode(await exactly(client, 1));
    match(said, text === load ? /no role of yours allows/ : /a file that was not offered/);
    // In its place came the packet of a file without content.
    deepStrictEqual(fakes[0]?.others.slice(before), [packet(2)]);
    await answers(client);
    client.close();
  });
}

for (const binaries of await realServers()) {
  test(`an old server is met in its own forms by ${binaries.name}'s program`, async () => {
    const way = local(ports.get("strange")?.port ?? 0);
    const said = await cli(binaries, way, ["-e", "select 1"]);
    deepStrictEqual([said.code, said.stdout], [0, "1\n"], said.stderr);
    // On the proxy's port nobody knew which forms it has.
    const refused = await cli(binaries, await native(alice, "strange"), ["-e", "select 1"]);
    strictEqual(refused.code, 1);
    const isNew = binaries.name === "MySQL";
    match(refused.stderr, isNew ? /sessionTrack, deprecateEof/ : /\(sessionTrack\)/);
    match(refused.stderr, /^ERROR 1429 .*more than the database can .*tsh proxy db/);
  });
}

for (const [name, [, words]] of Object.entries(openings)) {
  test(`what goes wrong at the greeting is told as the database's: ${name}`, async () => {
    const port = ports.get(name)?.port ?? 0;
    const [client, last] = await within("an answer", 8000, RawClient.login(port));
    strictEqual(last[4], 0xff, "an ERR packet");
    match(new TextDecoder().decode(last), words);
    client.close();
  });
}

test("the log verifies, and the local ports are closed", async (site) => {
  for (const port of ports.values()) await port.stop();
  await site.verifyAudit();
});
