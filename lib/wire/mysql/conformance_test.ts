import { createHash } from "node:crypto";
import { newerSamples, samples, SECRET } from "../../../tests/conformance/mysql_samples.ts";
import { testProtocol } from "../../../tests/conformance/protocol.ts";
import {
  abilitiesOf,
  anyFlags,
  error,
  greeted,
  greeting,
  join,
  loginRequest,
  newerForms,
  ok,
  packet,
  response,
  sslRequest,
} from "../../../tests/fakes/mysql_messages.ts";
import { concat } from "../../bytes/writer.ts";
import type { LoginRequest, SessionTerms } from "../protocol.ts";
import { mysql } from "./mod.ts";

const encoder = new TextEncoder();
const request: LoginRequest = { ...loginRequest, hasPassword: true };
const login = (of: Partial<LoginRequest> = {}) => () => mysql.login({ ...request, ...of });
const answered = response(1, {
  database: "shop",
  proof: "x".repeat(32),
  attributes: { program_name: "mysql", _client_name: "libmysql" },
});

const switched = (plugin: string, data: string) => packet(2, 0xfe, `${plugin}\0`, data);
const oldForm = createHash("sha1").update("any").digest().subarray(0, 20);

const suite = {
  secret: SECRET,
  handshakes: [
    { name: "accept", start: () => mysql.accept(greeted), incoming: answered },
    {
      name: "accept after a proxy",
      start: () => mysql.accept({ ...greeted, said: true }),
      incoming: response(2),
    },
    {
      name: "meet",
      start: () => mysql.meet?.(greeted) ?? mysql.accept(greeted),
      incoming: sslRequest(anyFlags),
    },
    {
      name: "login by certificate",
      start: login({ hasPassword: false }),
      incoming: concat([greeting(), ok(3)]),
    },
    {
      name: "login by a password known before",
      start: login(),
      incoming: concat([greeting(), packet(3, 1, 3), ok(4)]),
    },
    {
      name: "login by a password as it is",
      start: login(),
      incoming: concat([greeting(), packet(3, 1, 4), ok(5)]),
    },
    {
      name: "login with another method",
      start: login({ limits: { statementMs: 1500, readOnly: true } }),
      incoming: concat([
        greeting({ version: "5.5.5-10.11.6-MariaDB", plugin: "mysql_native_password" }),
        switched("mysql_native_password", "abcdefghijklmnopqrst\0"),
        ok(4),
        ok(1),
        ok(1),
      ]),
    },
    {
      name: "login by ed25519",
      start: login(),
      incoming: concat([greeting(), switched("client_ed25519", "x".repeat(32)), ok(5)]),
    },
    {
      name: "login by a second factor",
      start: login(),
      incoming: concat([
        greeting(),
        packet(3, 1, 3),
        packet(4, 2, "mysql_clear_password\0", oldForm),
        ok(6),
      ]),
    },
    { name: "greet", start: () => mysql.greet(), incoming: greeting() },
    { name: "trial", start: () => mysql.trial.run(), incoming: ok(1) },
    {
      name: "cancel",
      start: () => {
        const key = { processId: 4711, secret: new Uint8Array(0) };
        return mysql.cancelRequest(key, request) ?? mysql.trial.run();
      },
      incoming: concat([greeting(), packet(3, 1, 3), ok(4), ok(1)]),
    },
  ],
  oversize: [
    { name: "a schema's name of 16 MiB", from: "client", header: join(0xfe, 0xff, 0xff, 0, 2) },
    { name: "a Ping of 16 MiB", from: "client", header: join(0xff, 0xff, 0xff, 0, 14) },
    { name: "an unknown command of 1 MiB", from: "client", header: join(0, 0, 16, 0, 77) },
    { name: "a Close of 5 bytes", from: "client", header: join(6, 0, 0, 0, 0x19) },
  ],
  readRefusal: (bytes: Uint8Array) => {
    const text = new TextDecoder().decode(bytes.subarray(4 + 3));
    const [, message = text, hint = ""] = /^(.*) \(hint: (.*)\)$/.exec(text) ?? [];
    return { message, hint };
  },
  foreign: [
    encoder.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    error(0, 1045, "28000", "no"),
    answered,
  ],
} as const;

testProtocol({ ...suite, protocol: mysql, samples });

const terms: SessionTerms = {
  loggedIn: { abilities: abilitiesOf(newerForms) },
  database: "start",
  localInfile: false,
  replication: false,
  connectionOf: () => null,
};

testProtocol({
  ...suite,
  protocol: {
    ...mysql,
    name: "mysql, newer forms",
    inspector: (sizes) => mysql.inspector(sizes, terms),
  },
  samples: newerSamples,
  mutations: 20_000,
});
