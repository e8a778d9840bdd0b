import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { concat } from "../../bytes/writer.ts";
import {
  error,
  i32,
  message,
  parameterStatus,
  ready,
} from "../../../tests/fakes/postgres_messages.ts";
import { ClientRefused } from "../client_refused.ts";
import type { Handshake, Reply, Step } from "../protocol.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { WireError } from "../wire_error.ts";
import { readErrorFields } from "./error_fields.ts";
import { postgres } from "./mod.ts";

const SSL = message("", i32(80877103));
const GSS = message("", i32(80877104));
const startup = (text: string, version: number = 196608) => message("", i32(version), text, "\0");
const wire = (code: string) => (thrown: unknown) =>
  thrown instanceof WireError && thrown.code === code;

/** Runs a handshake on what the peer says; gives its result and the steps it took. */
function play<T>(script: Handshake<T>, said: readonly Uint8Array[], password: string = "secret") {
  const steps: Step[] = [];
  let left: Uint8Array = concat(said);
  let reply: Reply;
  for (;;) {
    const turn = script.next(reply);
    if (turn.done) return { result: turn.value, steps, left };
    const step = turn.value;
    steps.push(step);
    reply = undefined;
    if (step.do === "secret") reply = password;
    else if (step.do === "pbkdf2") {
      reply = pbkdf2Sync(step.password, step.salt, step.iterations, step.bytes, "sha256");
    } else if (step.do === "frame") {
      const size = step.measure(left);
      if (size === null || size > left.length) throw new Error("hungry");
      reply = left.subarray(0, size);
      left = left.subarray(size);
    }
  }
}

function sentBy(steps: readonly Step[]): Uint8Array[] {
  return steps.flatMap((step) => step.do === "send" ? [step.bytes] : []);
}

Deno.test("SSLRequest is answered S and TLS follows; what came after it is left unread", () => {
  const sniffed = postgres.sniff(concat([SSL, startup("user\0x\0")]));
  deepStrictEqual(sniffed, {
    kind: "answer",
    consumed: 8,
    answer: Uint8Array.of(0x53),
    tls: true,
  });
});

Deno.test("GSSENCRequest is answered N and sniffing goes on", () => {
  deepStrictEqual(postgres.sniff(GSS), {
    kind: "answer",
    consumed: 8,
    answer: Uint8Array.of(0x4e),
    tls: false,
  });
});

Deno.test("a plain CancelRequest gives its key, of protocol 3.0 or 3.2, once it is whole", () => {
  for (const bytes of [4, 32]) {
    const secret = new Uint8Array(bytes).fill(7);
    const request = message("", i32(80877102), i32(-2), secret);
    strictEqual(postgres.sniff(request.subarray(0, 11)), "more");
    const key = { processId: 0xfffffffe, secret };
    deepStrictEqual(postgres.sniff(request), { kind: "cancel", consumed: request.length, key });
    deepStrictEqual(play(postgres.accept(), [request]).result, { kind: "cancel", key });
  }
});

Deno.test("a startup without TLS is refused with words and SQLSTATE 28000", () => {
  const sniffed = postgres.sniff(startup("user\0alice\0"));
  ok(sniffed !== null && sniffed !== "more" && sniffed.kind === "refuse");
  const fields = readErrorFields(sniffed.answer.subarray(5));
  deepStrictEqual([fields.severity, fields.code], ["FATAL", "28000"]);
  match(fields.hint, /sslmode=require/);
});

Deno.test("a length beyond 10,000 or below 8 is no startup", () => {
  strictEqual(postgres.sniff(concat([i32(10_001), i32(196608)])), null);
  strictEqual(postgres.sniff(concat([i32(7), i32(196608)])), null);
  throws(() => play(postgres.accept(), [i32(10_001), i32(196608)]), wire("oversize"));
  throws(() => play(postgres.accept(), [i32(7), i32(196608)]), wire("malformed"));
});

Deno.test("accept reads user, database, parameters and program", () => {
  const said = startup("user\0alice\0database\0shop\0application_name\0psql\0TimeZone\0UTC\0");
  const { result, steps } = play(postgres.accept(), [said]);
  deepStrictEqual(result, {
    kind: "startup",
    startup: {
      user: "alice",
      database: "shop",
      parameters: new Map([["application_name", "psql"], ["TimeZone", "UTC"]]),
      clientProgram: "psql",
      replication: false,
      version: "3.0",
    },
  });
  deepStrictEqual(sentBy(steps), []);
});

Deno.test("a newer client, or one with options we don't know, is told what we speak", () => {
  for (const [asked, spoken, name] of [[196608, 196608, "3.0"], [196999, 196610, "3.2"]] as const) {
    const { result, steps } = play(postgres.accept(), [startup("user\0a\0_pq_.x\0y\0", asked)]);
    ok(result.kind === "startup");
    strictEqual(result.startup.version, name);
    strictEqual(result.startup.parameters.size, 0);
    deepStrictEqual(sentBy(steps), [message("v", i32(spoken), i32(1), "_pq_.x\0")]);
  }
});

Deno.test("a client of protocol 3.2 is taken as it is and gets a key of 32 bytes", () => {
  for (const [version, bytes] of [[196608, 4], [196609, 4], [196610, 32]] as const) {
    const { result, steps } = play(postgres.accept(), [startup("user\0a\0", version)]);
    ok(result.kind === "startup");
    deepStrictEqual(sentBy(steps), []);
    strictEqual(postgres.cancelSecretBytes(result.startup), bytes);
  }
});

const brokenStartups: readonly [string, Uint8Array, string][] = [
  ["a second SSLRequest", SSL, "unexpected"],
  ["GSSENCRequest inside TLS", GSS, "unexpected"],
  ["protocol 2", startup("", 131072), "unsupported"],
  ["a parameter twice", startup("user\0a\0user\0b\0"), "malformed"],
  ["no user", startup("database\0b\0"), "malformed"],
  ["an empty user", startup("user\0\0"), "malformed"],
  ["bytes after the end", startup("user\0a\0\0x"), "malformed"],
  ["no end", message("", i32(196608), "user\0a"), "malformed"],
  [
    "a name that is not UTF-8",
    message("", i32(196608), "user\0", Uint8Array.of(255, 0, 0)),
    "malformed",
  ],
];
for (const [name, said, code] of brokenStartups) {
  Deno.test(`accept refuses ${name}`, () => {
    throws(() => play(postgres.accept(), [said]), wire(code));
  });
}

const login = (
  parameters: Record<string, string> = {},
  version: string = "3.0",
  replication: boolean = false,
) =>
  postgres.login({
    user: "alice",
    database: "shop",
    startup: {
      user: "someone",
      database: null,
      parameters: new Map(Object.entries(parameters)),
      clientProgram: "",
      replication: false,
      version,
    },
    replication,
    nonce: new Uint8Array(24),
  });
const yes = Uint8Array.of(0x53);
const authenticated = message("R", i32(0));

Deno.test("login asks for TLS first, then sends the decided user and what is allowed", () => {
  const asked = { TimeZone: "UTC", DateStyle: "ISO", options: "", replication: "off" };
  const said = [yes, authenticated, parameterStatus("server_version", "16.1"), ready()];
  const { result, steps } = play(login(asked), said);
  deepStrictEqual(steps.map((step) => step.do).slice(0, 4), ["send", "frame", "tls", "send"]);
  deepStrictEqual(steps[2], { do: "tls", as: "client", early: "refuse" });
  deepStrictEqual(sentBy(steps), [
    SSL,
    startup("user\0alice\0database\0shop\0TimeZone\0UTC\0DateStyle\0ISO\0"),
  ]);
  deepStrictEqual(result, {
    cancelKey: null,
    greeting: [parameterStatus("server_version", "16.1")],
    serverVersion: "16.1",
    backendPid: null,
  });
});

Deno.test("what the client speaks is asked of the database, which may speak less", () => {
  const negotiate = message("v", i32(196608), i32(0));
  const key = message("K", i32(7), new Uint8Array(256));
  const { result, steps } = play(login({}, "3.2"), [yes, negotiate, authenticated, key, ready()]);
  deepStrictEqual(sentBy(steps)[1], startup("user\0alice\0database\0shop\0", 196610));
  strictEqual(result.cancelKey?.secret.length, 256);
  const tooLong = message("K", i32(7), new Uint8Array(257));
  throws(() => play(login(), [yes, authenticated, tooLong, ready()]), wire("malformed"));
});

const negotiations: readonly [string, readonly Uint8Array[]][] = [
  ["newer than asked", [message("v", i32(196611), i32(0))]],
  ["of another age", [message("v", i32(131072), i32(0))]],
  ["of options never asked", [message("v", i32(196608), i32(1), "_pq_.x\0")]],
  ["twice", [message("v", i32(196608), i32(0)), message("v", i32(196608), i32(0))]],
];
for (const [name, said] of negotiations) {
  Deno.test(`a NegotiateProtocolVersion ${name} ends the login`, () => {
    throws(() => play(login({}, "3.2"), [yes, ...said, authenticated]), wire("unexpected"));
  });
}

for (const name of ["options", "search_path", "role", "session_authorization", "replication"]) {
  Deno.test(`login refuses the startup parameter ${name} by name, before a byte is sent`, () => {
    const script = login({ [name]: "true" });
    throws(
      () => script.next(),
      (thrown) =>
        thrown instanceof ClientRefused && thrown.refusal.kind === "invalid" &&
        thrown.message.includes(name),
    );
  });
}

Deno.test("replication is asked for in many words, and forwarded where it is allowed", () => {
  for (const [value, asks] of [["database", true], ["1", true], ["false", false], ["", false]]) {
    const { result } = play(postgres.accept(), [startup(`user\0a\0replication\0${value}\0`)]);
    ok(result.kind === "startup");
    strictEqual(result.startup.replication, asks);
  }
  const script = login({ replication: "database" }, "3.0", true);
  const { steps } = play(script, [yes, authenticated, ready()]);
  const sent = startup("user\0alice\0database\0shop\0replication\0database\0");
  deepStrictEqual(sentBy(steps)[1], sent);
});

Deno.test("a database without TLS gets nothing more than the question", () => {
  const script = login();
  script.next();
  script.next();
  throws(() => script.next(Uint8Array.of(0x4e)), UpstreamRefused);
  const cancel = postgres.cancelRequest({ processId: 1, secret: new Uint8Array(4) });
  ok(cancel !== null);
  cancel.next();
  cancel.next();
  throws(() => cancel.next(Uint8Array.of(0x4e)), UpstreamRefused);
});

Deno.test("what the database says against a login is kept, with its SQLSTATE", () => {
  const said = error("3D000", 'database "shop" does not exist', { V: "FATAL" });
  throws(
    () => play(login(), [yes, said]),
    (thrown) =>
      thrown instanceof UpstreamRefused && thrown.code === "3D000" &&
      thrown.severity === "FATAL" && thrown.message === 'database "shop" does not exist',
  );
});

Deno.test("a password is sent in clear or as MD5 only where asked", () => {
  const clear = play(login(), [yes, message("R", i32(3)), authenticated, ready()]);
  deepStrictEqual(sentBy(clear.steps)[2], message("p", "secret\0"));
  const md5 = play(login(), [yes, message("R", i32(5), "abcd"), authenticated, ready()]);
  // md5(md5("secret" + "alice") + "abcd"), computed with md5sum.
  deepStrictEqual(sentBy(md5.steps)[2], message("p", "md5c90bcafc0a2b54511742383e34d5dc9d\0"));
});

Deno.test("a server that doesn't prove to know the password is not trusted", () => {
  const nonce = btoa("\0".repeat(24)) + "x";
  const said = [
    message("R", i32(10), "SCRAM-SHA-256\0\0"),
    message("R", i32(11), `r=${nonce},s=${btoa("salt")},i=4096`),
  ];
  const wrong = message("R", i32(12), `v=${btoa("0".repeat(32))}`);
  throws(() => play(login(), [yes, ...said, wrong, authenticated, ready()]), wire("malformed"));
  throws(() => play(login(), [yes, ...said, authenticated, ready()]), wire("malformed"));
});

Deno.test("welcome gives the database's settings, our key or none, and ReadyForQuery", () => {
  const greeting = [parameterStatus("a", "b")];
  const loggedIn = { cancelKey: null, greeting, serverVersion: "", backendPid: null };
  deepStrictEqual(
    postgres.welcome(loggedIn, { processId: 0x80000001, secret: Uint8Array.of(1, 2, 3, 4) }),
    concat([
      authenticated,
      ...greeting,
      message("K", Uint8Array.of(128, 0, 0, 1, 1, 2, 3, 4)),
      ready(),
    ]),
  );
  deepStrictEqual(postgres.welcome(loggedIn, null), concat([authenticated, ...greeting, ready()]));
});

Deno.test("a cancel goes to the database inside TLS with its own key", () => {
  const script = postgres.cancelRequest({ processId: 7, secret: Uint8Array.of(1, 2, 3, 4) });
  ok(script !== null);
  const { steps } = play(script, [yes]);
  deepStrictEqual(steps.map((step) => step.do), ["send", "frame", "tls", "send"]);
  deepStrictEqual(
    sentBy(steps)[1],
    message("", i32(80877102), i32(7), Uint8Array.of(1, 2, 3, 4)),
  );
});
