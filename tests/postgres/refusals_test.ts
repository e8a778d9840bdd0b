/** Bad input on the public port: each is refused in words, and costs nobody else anything. */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { siteSuite } from "../site.ts";
import { Forge } from "./forge.ts";
import { type Env, errorText, message, RawClient, startup } from "./raw_client.ts";

let alice: Person;
let env: Env;
let forge: Forge;

const test = siteSuite({}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
  forge = await Forge.open(site);
});

const refusedCertificates: Readonly<Record<string, (site: Site) => Promise<Env>>> = {
  "an expired certificate": () => forge.user(env, { expires: Date.now() - 1000 }),
  "a certificate of another CA": () => forge.otherAuthority(env),
  "a certificate of another cluster": () => forge.user(env, { cluster: "elsewhere" }),
  "a certificate with no route": () => forge.user(env, { route: null }),
  "an overtaken generation": () => forge.user(env, { generation: 0 }),
  "a host certificate as a user's": (site) =>
    Promise.resolve({
      ...env,
      PGSSLCERT: join(site.agents[0]?.dataDir ?? "", "host", "db", "cert.pem"),
      PGSSLKEY: join(site.agents[0]?.dataDir ?? "", "host", "db", "key.pem"),
    }),
};

for (const [name, make] of Object.entries(refusedCertificates)) {
  test(`${name} is refused with SQLSTATE 28000 and a hint`, async (site) => {
    const said = await refusal(await make(site));
    match(said, /^FATAL 28000 /);
    match(said, /tsh/);
  });
}

test("no certificate is refused with SQLSTATE 28000 and a hint", async () => {
  const client = await RawClient.connect(env, false);
  await client.send(startup({ user: "alice", database: "orders" })).catch(() => {});
  const error = (await within("an answer", 5000, client.until("E"))).at(-1);
  client.close();
  match(error ? errorText(error) : "", /^FATAL 28000 .*certificate.*tsh db login/s);
});

test("a key that isn't the certificate's gets no session", async () => {
  const other = await forge.user(env, {});
  await rejects(RawClient.login({ ...env, PGSSLKEY: other["PGSSLKEY"] ?? "" }));
});

test("a route to a database that nobody serves is refused", async () => {
  const said = await refusal(await forge.user(env, { route: { service: "nowhere" } }));
  match(said, /^FATAL \w{5} /);
  match(said, /nowhere/);
});

test("a startup user other than the route's is refused, naming both", async () => {
  const said = await refusal({ ...env, PGUSER: "bob" });
  match(said, /^FATAL 28000 .*alice.*bob|^FATAL 28000 .*bob.*alice/s);
});

test("a database user that no role allows is refused", async () => {
  const said = await refusal(
    await forge.user({ ...env, PGUSER: "bob" }, { route: { user: "bob" } }),
  );
  match(said, /^FATAL (42501|28000) /);
});

test("each refusal of the Database Service is an event TDB00W", async (site) => {
  await waitFor(
    "the event",
    10_000,
    async () =>
      (await site.events(["--events=db.session.start"])).some((e) => e["code"] === "TDB00W"),
  );
});

test("a locked user is refused, and a lock ends sessions within a second", async (site) => {
  const session = await RawClient.login(env);
  await session.query("select 1");
  const at = Date.now();
  const made = await site.remoteler([
    ...["lock", "--user=alice", "--message=for the test", "--ttl=1h", "--format=json"],
  ]);
  const commandMs = Date.now() - at;
  const error = (await within("the session ends", commandMs + 1500, session.until("E"))).at(-1);
  match(error ? errorText(error) : "", /^FATAL 57P01 .*for the test/s);
  session.close();
  match(await refusal(env), /^FATAL \w{5} .*lock/s);
  const refused = await alice.tsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  ok(refused.code !== 0, "a locked user got a certificate");
  const found = JSON.parse(made);
  const name = (Array.isArray(found) ? found[0] : found).metadata.name;
  await site.remoteler(["rm", `lock/${name}`]);
  await waitFor(
    "the lock is gone everywhere",
    5000,
    () => RawClient.login(env).then((c) => (c.close(), true)).catch(() => false),
  );
});

test("a role removed while connected ends the session", async (site) => {
  const session = await RawClient.login(env);
  await session.query("select 1");
  await site.remoteler(["users", "update", "alice", "--roles=auditor"]);
  const error = (await within("the session ends", 3000, session.until("E"))).at(-1);
  match(error ? errorText(error) : "", /^FATAL 57P01 /);
  session.close();
  await site.remoteler(["users", "update", "alice", "--roles=access"]);
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
  (await RawClient.login(env)).close();
});

test("a foreign protocol is answered or closed at once, and others go on", async (site) => {
  const openings = [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "*1\r\n$4\r\nPING\r\n",
    "\x01\x02\x03\x04\x05\x06\x07\x08",
  ];
  for (const opening of openings) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: site.proxyPort });
    await conn.write(new TextEncoder().encode(opening));
    await within(`the end of ${JSON.stringify(opening)}`, 5000, readToEnd(conn));
  }
  (await RawClient.login(env)).close();
});

for (const [name, type] of [["Query", "Q"], ["Parse", "P"]] as const) {
  test(`a 1 GiB length on ${name} is refused at its header`, async () => {
    const client = await RawClient.login(env);
    const header = new Uint8Array(5);
    header[0] = type.charCodeAt(0);
    new DataView(header.buffer).setInt32(1, 0x40000000);
    await client.send(header);
    const error = (await within("an answer", 5000, client.until("E"))).at(-1);
    match(error ? errorText(error) : "", /^FATAL (08P01|54000) /);
    client.close();
  });
}

test("plaintext pipelined before TLS never reaches a session (CVE-2021-23214)", async (site) => {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: site.proxyPort });
  const question = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
  const early = startup({ user: "alice", database: "orders" });
  const bytes = new Uint8Array(question.length + early.length);
  bytes.set(question);
  bytes.set(early, question.length);
  await conn.write(bytes);
  const answer = await within("the end", 5000, readToEnd(conn));
  ok(!new TextDecoder().decode(answer).startsWith("S"), "TLS was offered");
});

test("a session without TLS is refused, saying so", async (site) => {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: site.proxyPort });
  await conn.write(startup({ user: "alice", database: "orders" }));
  const answer = new TextDecoder().decode(await within("the end", 5000, readToEnd(conn)));
  match(answer, /28000/);
  match(answer, /TLS|SSL|sslmode/);
});

test("silent and half-open clients are dropped and hold nobody up", async (site) => {
  const silent: Deno.Conn[] = [];
  for (let i = 0; i < 60; i++) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: site.proxyPort });
    if (i % 3 === 1) await conn.write(Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47));
    if (i % 3 === 2) await conn.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1));
    silent.push(conn);
  }
  const at = Date.now();
  (await within("a login beside them", 3000, RawClient.login(env))).close();
  ok(Date.now() - at < 3000);
  await within("they are dropped", 40_000, Promise.all(silent.map(readToEnd)));
});

test("a malformed message ends its session with a protocol error and an event", async (site) => {
  const client = await RawClient.login(env);
  await client.send(message("?", "nonsense"));
  const error = (await within("an answer", 5000, client.until("E"))).at(-1);
  match(error ? errorText(error) : "", /^FATAL 08P01 /);
  client.close();
  await waitFor(
    "the event",
    10_000,
    async () => (await site.events()).some((e) => e["event"] === "db.session.malformed_packet"),
  );
});

test("a database that is down is said to be so within seconds", async (site) => {
  await site.postgres.stop("immediate");
  const said = await within("an answer", 8000, refusal(env));
  match(said, /^FATAL (08\w{3}|57P03) /);
  await site.startPostgres();
  const client = await waitFor(
    "it works again",
    10_000,
    () => RawClient.login(env).catch(() => null),
  );
  strictEqual((await client.query("select 7"))[0]?.[0], "7");
  client.close();
});

/** What a login is refused with; empty where it isn't. */
async function refusal(as: Env): Promise<string> {
  try {
    (await RawClient.login(as)).close();
    return "";
  } catch (e) {
    return e instanceof Error ? e.message : String(e);
  }
}

async function readToEnd(conn: Deno.Conn): Promise<Uint8Array> {
  const parts: number[] = [];
  const chunk = new Uint8Array(4096);
  for (;;) {
    const n = await conn.read(chunk).catch(() => null);
    if (n === null) break;
    parts.push(...chunk.subarray(0, n));
  }
  try {
    conn.close();
  } catch {
    // closed already
  }
  return Uint8Array.from(parts);
}
