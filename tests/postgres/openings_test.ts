/**
 * How a session may begin and how not, byte by byte on the public port: the questions before TLS in
 * every order and cut, the same questions inside TLS, and messages that no client sends.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { run, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { i32, message as framed } from "../fakes/postgres_messages.ts";
import { have, siteSuite } from "../site.ts";
import { dial, type Pulled } from "./drive.ts";
import { concat, type Env, message, RawClient, startup } from "./raw_client.ts";

const ssl = framed("", i32(80877103));
const gss = framed("", i32(80877104));
const yes = 0x53; // S
const no = 0x4e; // N
let alice: Person;
let env: Env;

const test = siteSuite({}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
});

/** Each is a part of bytes and the one byte that answers it; a session follows. */
const orders: Readonly<Record<string, readonly (readonly [Uint8Array, number])[]>> = {
  "SSLRequest": [[ssl, yes]],
  "GSSENCRequest, then SSLRequest": [[gss, no], [ssl, yes]],
};

for (const [name, steps] of Object.entries(orders)) {
  for (const pieces of [1, 8]) {
    test(`${name} in ${pieces} pieces, then a session`, async () => {
      const plain = await dial(Number(env["PGPORT"]));
      for (const [bytes, answer] of steps) {
        for (let at = 0; at < bytes.length; at += bytes.length / pieces) {
          plain.write(bytes.subarray(at, at + bytes.length / pieces));
          if (pieces > 1) await new Promise((resolve) => setTimeout(resolve, 5));
        }
        deepStrictEqual(await within("an answer", 5000, plain.some()), Uint8Array.of(answer));
      }
      await startTls(plain);
      plain.write(startup({ user: "alice", database: "orders" }));
      const greeting = await until(plain, "Z\0\0\0\x05I");
      ok(greeting.startsWith("R\0\0\0\x08\0\0\0\0"), "logged in");
      await plain.close();
    });
  }
}

test("who only asks on and on is let go", async () => {
  const plain = await dial(Number(env["PGPORT"]));
  for (let count = 0; count < 8; count++) plain.write(gss);
  let answers = 0;
  for (
    let more = await plain.some();
    more !== null;
    more = await within("the end", 5000, plain.some())
  ) {
    answers += more.length;
  }
  ok(answers <= 2, `${answers} answers`);
  await plain.close();
});

/** Said inside TLS in place of a startup, and what the client hears of it. */
const insideTls: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  "a second SSLRequest": [ssl, /08P01/],
  "GSSENCRequest": [gss, /08P01/],
  "a length of 0xFFFFFFFF": [concat([i32(-1), i32(196608)]), /08P01/],
  "a length of 4": [i32(4), /08P01/],
  "a length of 10,001": [concat([i32(10_001), i32(196608)]), /08P01/],
  "names that never end": [framed("", i32(196608), "user\0alice"), /08P01/],
  "no user": [framed("", i32(196608), "\0"), /08P01/],
  "a user twice": [framed("", i32(196608), "user\0alice\0user\0bob\0\0"), /08P01/],
  "bytes behind the end": [framed("", i32(196608), "user\0alice\0\0x"), /08P01/],
  "protocol 2": [framed("", i32(131072), "\0"), /08P01|0A000/],
};

for (const [name, [bytes, words]] of Object.entries(insideTls)) {
  test(`${name} inside TLS is refused in words`, async () => {
    const client = await RawClient.connect(env);
    await client.send(concat([bytes]));
    match(asText(await within("the end", 5000, client.rest())), words);
    client.close();
  });
}

const head = (type: string, length: number) =>
  concat([new TextEncoder().encode(type), i32(length)]);
/** In the middle of a session, each breaks the protocol. */
const inSession: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  ...Object.fromEntries(
    [..."QPBDECdfcHSFX"].flatMap((type) =>
      [-1, 0, 3].map((length) => [`${type} of length ${length}`, head(type, length)])
    ),
  ),
  "a Query without its end": message("Q", "select 1"),
  "a Parse without an end of its name": message("P", "name"),
  "a Bind without an end of its name": message("B", "name"),
  "a Bind of more values than it has": message("B", "\0\0", Uint8Array.of(0, 0, 255, 255)),
  "an Execute without its count": message("E", "\0"),
  "a password": message("p", "secret\0"),
  "a second startup": startup({ user: "alice", database: "orders" }),
};

test("each message that no client sends ends its own session, in words", async (site) => {
  const other = await RawClient.login(env);
  for (const [name, bytes] of Object.entries(inSession)) {
    const client = await RawClient.login(env);
    await client.send(bytes);
    const said = asText(await within(name, 5000, client.rest()));
    client.close();
    match(said, /^E[^]{4}SFATAL\0VFATAL\0C08P01\0/, name);
  }
  deepStrictEqual(await other.query("select 1"), [["1"]]);
  other.close();
  const count = Object.keys(inSession).length;
  await waitFor("an event of each", 15_000, async () => {
    return (await site.events(["--events=db.session.malformed_packet"])).length >= count;
  });
});

test("what follows Terminate is nobody's", async () => {
  const client = await RawClient.login(env);
  await client.query("create table left (n int)").catch(() => {});
  await client.send(message("X"), message("Q", "create table never_made ()\0"));
  deepStrictEqual(await within("the end", 5000, client.rest()), new Uint8Array(0));
  client.close();
  const other = await RawClient.login(env);
  const made = "select count(*) from pg_class where relname = 'never_made'";
  deepStrictEqual(await other.query(made), [["0"]]);
  other.close();
});

test("channel_binding=require is refused by libpq itself, in words and at once", async () => {
  if (!(await have("psql", "channel binding by psql"))) return;
  const variables = { ...env, PGCHANNELBINDING: "require", PGCONNECT_TIMEOUT: "10" };
  const done = await run("psql", ["-XAtc", "select 1"], { env: variables });
  strictEqual(done.code, 2);
  match(done.stderr, /channel binding/);
});

async function startTls(plain: Pulled): Promise<void> {
  const read = (name: string) => Deno.readTextFile(env[name] ?? "");
  await plain.toTls({
    servername: "localhost",
    ca: await read("PGSSLROOTCERT"),
    cert: await read("PGSSLCERT"),
    key: await read("PGSSLKEY"),
  });
}

async function until(stream: Pulled, mark: string): Promise<string> {
  let text = "";
  while (!text.includes(mark)) {
    const more = await within("the session", 10_000, stream.some());
    ok(more, `the end came after ${text}`);
    text += asText(more);
  }
  return text;
}

function asText(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
