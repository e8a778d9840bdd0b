import { deepStrictEqual, ok as assert, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  anyFlags,
  error,
  flags,
  greeted as plainly,
  greeting,
  join,
  loginRequest,
  ok,
  packet,
  response,
  sslRequest,
  u32,
} from "../../../tests/fakes/mysql_messages.ts";
import { ClientRefused } from "../client_refused.ts";
import type {
  Greeting,
  Handshake,
  LoggedIn,
  LoginRequest,
  Opening,
  Reply,
  Step,
} from "../protocol.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { readGreeting } from "./greeting.ts";
import { WireError } from "../wire_error.ts";
import { mysql } from "./mod.ts";
import { readResponse } from "./response.ts";

const encoder = new TextEncoder();
const PASSWORD = "hunter2";
const NONCE = "abcdefghijklmnopqrst";

/** Runs a script on what the peer says; gives what was sent, and the other steps. */
function follow<T>(script: Handshake<T>, ...incoming: Uint8Array[]) {
  const sent: Uint8Array[] = [];
  const steps: Exclude<Step, { do: "send" | "frame" }>[] = [];
  let left = join(...incoming);
  let reply: Reply;
  for (;;) {
    const turn = script.next(reply);
    if (turn.done === true) return { value: turn.value, sent, steps, left };
    const step = turn.value;
    reply = undefined;
    if (step.do === "send") sent.push(step.bytes);
    else if (step.do === "frame") {
      const size = step.measure(left);
      assert(size !== null && size <= step.maxBytes && size <= left.length, "wants more");
      reply = left.subarray(0, size);
      left = left.subarray(size);
    } else {
      steps.push(step);
      if (step.do === "secret") reply = PASSWORD;
      if (step.do === "ed25519") reply = new Uint8Array(64).fill(7);
    }
  }
}

/** With bytes that clients take for a nonce's end. */
const greeted: Greeting = { ...plainly, nonce: encoder.encode("0123456789abcdef\0$ij") };
const noFlags = new Uint8Array(23);
const tlsAsked = sslRequest(flags.protocol41 | flags.tls);

Deno.test("a proxy greets, and hands to TLS what came right behind the request for it", () => {
  const hello = encoder.encode("\x16\x03\x01 a ClientHello");
  const script = mysql.meet?.(greeted);
  assert(script !== undefined);
  const { sent, steps, left } = follow(script, tlsAsked, hello);
  deepStrictEqual(steps, [{ do: "tls", as: "server", early: "tls" }]);
  deepStrictEqual(left, hello);
  const said = readGreeting(sent[0]?.subarray(4) ?? new Uint8Array(0));
  strictEqual(said.serverVersion, "8.4.0");
  strictEqual(said.connectionId, greeted.connectionId);
  strictEqual(said.plugin, "caching_sha2_password");
  strictEqual(said.nonce.length, 20);
  // Clients take these for the nonce's end.
  assert(!said.nonce.includes(0) && !said.nonce.includes(0x24));
  const withheld = { compress: 1 << 5, zstd: 1 << 26, attributes: 1 << 27, metadata: 1 << 25 };
  for (const [name, flag] of Object.entries(withheld)) strictEqual(said.flags & flag, 0, name);
  assert((said.flags & flags.tls) !== 0);
});

Deno.test("in the name of an older server no newer form is offered", () => {
  const newer = flags.deprecateEof | flags.sessionTrack;
  const cases: readonly [string, boolean][] = [
    ["8.4.0-remoteler", true],
    ["5.7.44", true],
    ["5.6.51", false],
    ["5.5.5-10.11.6-MariaDB", true],
    ["5.5.5-10.1.48-MariaDB", false],
    ["11.8.2-MariaDB", true],
    ["what", true],
  ];
  for (const [serverVersion, isOffered] of cases) {
    const facts = { serverVersion, capabilities: "" };
    const script = mysql.meet?.({ ...greeted, facts });
    assert(script !== undefined);
    const { sent } = follow(script, tlsAsked);
    const said = readGreeting(sent[0]?.subarray(4) ?? new Uint8Array(0));
    strictEqual(said.flags & newer, isOffered ? newer : 0, serverVersion);
  }
});

Deno.test("a client that logs in without TLS is refused before its password is read", () => {
  const script = mysql.meet?.(greeted);
  assert(script !== undefined);
  const plain = response(1, { user: "alice", proof: "x".repeat(32) });
  throws(() => follow(script, plain), (thrown: unknown) => {
    assert(thrown instanceof ClientRefused);
    strictEqual(thrown.refusal.kind, "unauthenticated");
    return true;
  });
});

Deno.test("where the database is known the greeting is its own, less what does not pass", () => {
  const facts = { serverVersion: "5.5.5-10.11.6-MariaDB", capabilities: "81bff7fe.1d" };
  const opened = follow(mysql.accept({ ...greeted, facts }), response(1, { flags: 0x200 }));
  const said = readGreeting(opened.sent[0]?.subarray(4) ?? new Uint8Array(0));
  strictEqual(said.serverVersion, facts.serverVersion);
  strictEqual(said.extended, 0x1d);
  strictEqual(said.flags & (1 | (1 << 5) | flags.tls), 0);
});

Deno.test("what a client says of itself is read, but no flag that was not offered", () => {
  const asked = response(2, {
    flags: 0xffffffff,
    user: "alice",
    database: "shop",
    proof: "x".repeat(32),
    attributes: { _client_name: "libmysql", _client_version: "9.7", program_name: "mysqldump" },
  });
  const { value, sent } = follow(mysql.accept({ ...greeted, said: true }), asked);
  strictEqual(sent.length, 0);
  assert(value.kind === "startup");
  const { user, database, clientProgram, sequence, abilities, parameters } = value.startup;
  deepStrictEqual([user, database, clientProgram, sequence], ["alice", "shop", "mysqldump", 3]);
  strictEqual(parameters.get("_client_name"), "libmysql");
  strictEqual(abilities?.proof, "caching_sha2_password");
  strictEqual((abilities?.flags ?? 0) & (flags.queryAttributes | flags.optionalMetadata), 0);
  const refuse = (of: Uint8Array) => throws(() => follow(mysql.accept(greeted), of));
  refuse(response(2, {}));
  refuse(response(1, { user: "" }));
  refuse(packet(1, u32(0), u32(0), 1, "alice\0"));
});

const startup = (opened: Opening) => {
  assert(opened.kind === "startup");
  return opened.startup;
};

function request(of: Partial<LoginRequest> = {}, said = response(1, {})): LoginRequest {
  const opened = follow(mysql.accept(greeted), said);
  return { ...loginRequest, startup: startup(opened.value), hasPassword: true, ...of };
}

const sha = (name: string, ...parts: Uint8Array[]) => {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const xor = (a: Uint8Array, b: Uint8Array) => a.map((byte, at) => byte ^ (b[at] ?? 0));
const secret = encoder.encode(PASSWORD);
const nonce = encoder.encode(NONCE);
const sha2 = () => {
  const once = sha("sha256", secret);
  return xor(once, sha("sha256", sha("sha256", once), nonce));
};
const native = () => {
  const once = sha("sha1", secret);
  return xor(once, sha("sha1", nonce, sha("sha1", once)));
};

/** What we said as a client, read by what reads clients. */
function answered(sent: readonly Uint8Array[]) {
  return readResponse(sent[1]?.subarray(4) ?? new Uint8Array(0), 0xffffffff);
}

Deno.test("a certificate is enough where there is no password", () => {
  const { value, sent, steps } = follow(
    mysql.login(request({ hasPassword: false })),
    greeting({ nonce: NONCE }),
    ok(3),
  );
  deepStrictEqual(steps, [{ do: "tls", as: "client", early: "refuse" }]);
  strictEqual(sent[0]?.length, 4 + 32);
  const { user, database, proof, plugin } = answered(sent);
  deepStrictEqual([user, database, proof.length, plugin], [
    "alice",
    "shop",
    0,
    "caching_sha2_password",
  ]);
  deepStrictEqual(value.greeting, [ok(2)]);
  strictEqual(value.backendPid, 4711);
  strictEqual(value.facts?.serverVersion, "8.4.0");
});

Deno.test("a password is proved by each method as the manual has it", () => {
  const cases: readonly [string, readonly Uint8Array[], readonly Uint8Array[], string][] = [
    ["fast", [packet(3, 1, 3), ok(4)], [sha2()], "false"],
    ["full", [packet(3, 1, 4), ok(5)], [sha2(), join(PASSWORD, 0)], "false true"],
    [
      "native",
      [packet(3, 0xfe, "mysql_native_password\0", `${NONCE}\0`), ok(5)],
      [sha2(), native()],
      "false false",
    ],
    [
      "sha256",
      [packet(3, 0xfe, "sha256_password\0", NONCE), ok(5)],
      [sha2(), join(PASSWORD, 0)],
      "false true",
    ],
    [
      "clear",
      [packet(3, 0xfe, "mysql_clear_password\0"), ok(5)],
      [sha2(), join(PASSWORD, 0)],
      "false true",
    ],
    [
      "ed25519",
      [packet(3, 0xfe, "client_ed25519\0", "n".repeat(32)), ok(5)],
      [sha2(), new Uint8Array(64).fill(7)],
      "false false",
    ],
  ];
  for (const [name, incoming, proofs, clear] of cases) {
    const { sent, steps } = follow(mysql.login(request()), greeting({ nonce: NONCE }), ...incoming);
    const said = [answered(sent).proof, ...sent.slice(2).map((bytes) => bytes.subarray(4))];
    deepStrictEqual(said, proofs, name);
    const asked = steps.flatMap((step) => step.do === "secret" ? [String(step.inClear)] : []);
    strictEqual(asked.join(" "), clear, name);
  }
});

Deno.test("a clear password is never sent because a greeting says so", () => {
  for (const plugin of ["mysql_clear_password", "sha256_password", "unknown"]) {
    const { sent } = follow(
      mysql.login(request()),
      greeting({ nonce: NONCE, plugin }),
      packet(3, 1, 3),
      ok(4),
    );
    deepStrictEqual(answered(sent).proof, sha2(), plugin);
  }
});

Deno.test("a client that tried a password by caching_sha2 hears that it is known", () => {
  const said = response(1, { proof: "x".repeat(32) });
  const welcome = (of: LoggedIn) => mysql.welcome(of, null);
  const { value } = follow(mysql.login(request({}, said)), greeting(), packet(3, 1, 3), ok(4));
  deepStrictEqual(welcome(value), join(packet(2, 1, 3), ok(3)));
  const other = response(1, { proof: "x".repeat(32), plugin: "mysql_clear_password" });
  const second = follow(mysql.login(request({}, other)), greeting(), packet(3, 1, 3), ok(4));
  deepStrictEqual(welcome(second.value), ok(2));
});

Deno.test("a client that names the method of before is asked by it, and only then let in", () => {
  const plugin = "mysql_native_password";
  const said = join(response(1, { plugin }), packet(3));
  const { sent, value } = follow(mysql.accept(greeted), said);
  const [, asked = new Uint8Array(0)] = sent;
  deepStrictEqual(asked.subarray(3, 27), join(2, 0xfe, `${plugin}\0`));
  strictEqual(asked.length, 27 + 21);
  const { value: loggedIn } = follow(
    mysql.login(request({}, said)),
    greeting(),
    packet(3, 1, 3),
    ok(4),
  );
  deepStrictEqual(startup(value).sequence, 4);
  deepStrictEqual(mysql.welcome(loggedIn, null), ok(4));
  const outOfTurn = join(response(1, { plugin }), packet(4));
  throws(() => follow(mysql.accept(greeted), outOfTurn), WireError);
});

Deno.test("a client whose method there is nowhere is asked by the method of before, too", () => {
  const said = join(response(1, { plugin: "dummy_fallback_auth" }), packet(3));
  const { sent: [, asked = new Uint8Array(0)], value } = follow(mysql.accept(greeted), said);
  deepStrictEqual(asked.subarray(3, 27), join(2, 0xfe, "mysql_native_password\0"));
  strictEqual(startup(value).sequence, 4);
});

Deno.test("limits are set as each maker calls them", () => {
  const limits = { statementMs: 1500, readOnly: true };
  const texts = (version: string) => {
    const { sent } = follow(
      mysql.login(request({ limits, hasPassword: false })),
      greeting({ version }),
      ok(3),
      ok(1),
      ok(1),
    );
    return sent.slice(2).map((bytes) => new TextDecoder().decode(bytes.subarray(5)));
  };
  const readOnly = "SET SESSION TRANSACTION READ ONLY";
  deepStrictEqual(texts("8.4.0"), ["SET SESSION max_execution_time = 1500", readOnly]);
  const mariadb = texts("5.5.5-10.11.6-MariaDB");
  deepStrictEqual(mariadb, ["SET SESSION max_statement_time = 1.5", readOnly]);
});

Deno.test("files of the client are offered to the database only where they may go", () => {
  const localFiles = 1 << 7;
  const can = flags.protocol41 | flags.secureConnection | flags.pluginAuth | localFiles;
  const said = packet(1, u32(can), u32(1), 45, noFlags, "alice\0", 0, "caching_sha2_password\0");
  for (const localInfile of [true, false]) {
    const login = mysql.login(request({ localInfile, hasPassword: false }, said));
    const { sent } = follow(login, greeting(), ok(3));
    strictEqual((answered(sent).flags & localFiles) !== 0, localInfile);
  }
});

Deno.test("a database that can less than the client was told is refused, with what to do", () => {
  const sha2Name = "caching_sha2_password";
  const can = flags.protocol41 | flags.secureConnection | flags.pluginAuth | flags.lenenc |
    flags.deprecateEof;
  const said = packet(1, u32(can), u32(1), 45, noFlags, "alice\0", 0, `${sha2Name}\0`);
  const old = greeting({ flags: anyFlags & ~flags.deprecateEof });
  throws(() => follow(mysql.login(request({}, said)), old), /deprecateEof.*tsh proxy db/);
});

Deno.test("what the database says against a login is passed on; TLS is a must", () => {
  const refused = (...incoming: Uint8Array[]) => {
    try {
      follow(mysql.login(request()), ...incoming);
    } catch (thrown) {
      assert(thrown instanceof UpstreamRefused, String(thrown));
      return `${thrown.code} ${thrown.message}`;
    }
    return "";
  };
  const denied = "Access denied for user 'alice'@'10.0.0.1'";
  strictEqual(refused(greeting(), error(3, 1045, "28000", denied)), `1045 ${denied}`);
  const blocked = packet(0, 0xff, 0x69, 4, "Host is blocked");
  strictEqual(refused(blocked), "1129 Host is blocked");
  const noTls = greeting({ flags: anyFlags & ~flags.tls });
  strictEqual(refused(noTls), "3159 the database does not offer TLS");
  const odd = packet(3, 0xfe, "auth_gssapi_client\0", "x");
  assert(refused(greeting(), odd).includes("not supported (auth_gssapi_client)"));
  assert(refused(greeting(), packet(3, 0xfe)).includes("before MySQL 4.1"));
});

Deno.test("a cancel logs in as the session does and kills what its connection runs", () => {
  const key = { processId: 4711, secret: new Uint8Array(0) };
  strictEqual(mysql.cancelRequest(key), null);
  const script = mysql.cancelRequest(key, request({ hasPassword: false }));
  assert(script !== null);
  const { sent } = follow(script, greeting(), ok(3), ok(1));
  const said = sent.slice(2).map((bytes) => new TextDecoder().decode(bytes.subarray(5)));
  deepStrictEqual(said, ["KILL QUERY 4711", ""]);
});

Deno.test("a refusal in place of the greeting has the form of before it", () => {
  const refusal = { kind: "denied", message: "no" } as const;
  deepStrictEqual(mysql.refuse(refusal), packet(0, 0xff, mysql.refuse(refusal).slice(5, 7), "no"));
  strictEqual(mysql.refuse(refusal, 3)[3], 3);
  strictEqual(new TextDecoder().decode(mysql.refuse(refusal, 3).subarray(7, 8)), "#");
});
