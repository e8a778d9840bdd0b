import { createHmac, pbkdf2Sync } from "node:crypto";
import { concat } from "../../bytes/writer.ts";
import { samples, SECRET } from "../../../tests/conformance/postgres_samples.ts";
import { testProtocol } from "../../../tests/conformance/protocol.ts";
import {
  i32,
  message,
  notice,
  parameterStatus,
  ready,
} from "../../../tests/fakes/postgres_messages.ts";
import { postgres } from "./mod.ts";

const encoder = new TextEncoder();
const GIB = 0x40000000;
const announces = (type: string, length: number) => concat([encoder.encode(type), i32(length)]);

const startup = (version: number, text: string) => message("", i32(version), text, "\0");
const ok = message("R", i32(0));
const welcome = concat([
  ok,
  parameterStatus("server_version", "15.1"),
  notice("hello"),
  message("K", i32(4711), Uint8Array.of(1, 2, 3, 4)),
  ready(),
]);

const login = () =>
  postgres.login({
    user: "alice",
    database: "shop",
    startup: {
      user: "alice",
      database: null,
      parameters: new Map([["TimeZone", "UTC"]]),
      clientProgram: "",
      replication: false,
      version: "3.0",
    },
    replication: false,
    nonce: encoder.encode("0123456789abcdefghijklmn"),
  });

/** What a server says in SCRAM, computed by itself from the RFC. */
function scramServer(): Uint8Array {
  const nonce = `${btoa("0123456789abcdefghijklmn")}server`;
  const salt = encoder.encode("salt");
  const first = `r=${nonce},s=${btoa("salt")},i=4096`;
  const salted = pbkdf2Sync(SECRET, salt, 4096, 32, "sha256");
  const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();
  const signed = `n=,r=${btoa("0123456789abcdefghijklmn")},${first},c=biws,r=${nonce}`;
  const signature = hmac(hmac(salted, "Server Key"), signed).toString("base64");
  return concat([
    message("R", i32(10), "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
    message("R", i32(11), first),
    message("R", i32(12), `v=${signature}`),
  ]);
}

const yes = encoder.encode("S");

testProtocol({
  protocol: postgres,
  samples,
  secret: SECRET,
  handshakes: [
    {
      name: "accept",
      start: postgres.accept,
      incoming: startup(196608, "user\0alice\0database\0shop\0application_name\0psql\0"),
    },
    {
      name: "accept 3.2",
      start: postgres.accept,
      incoming: startup(196610, "user\0alice\0_pq_.x\0y\0"),
    },
    {
      name: "cancel",
      start: postgres.accept,
      incoming: message("", i32(80877102), i32(1), i32(2)),
    },
    { name: "login by certificate", start: login, incoming: concat([yes, welcome]) },
    { name: "login by SCRAM", start: login, incoming: concat([yes, scramServer(), welcome]) },
    {
      name: "login by MD5",
      start: login,
      incoming: concat([yes, message("R", i32(5), "salt"), welcome]),
    },
    {
      name: "login by password",
      start: login,
      incoming: concat([yes, message("R", i32(3)), welcome]),
    },
  ],
  oversize: [
    { name: "a Query of 1 GiB", from: "client", header: announces("Q", GIB) },
    { name: "a Parse of 1 GiB", from: "client", header: announces("P", GIB) },
    { name: "a FunctionCall of 1 GiB", from: "client", header: announces("F", GIB) },
    { name: "a Bind of 1 GiB", from: "client", header: announces("B", GIB) },
    { name: "an Execute of 64 KiB", from: "client", header: announces("E", 65_536) },
    { name: "CopyData of 2 GiB", from: "client", header: announces("d", 0x7fffffff) },
    { name: "a CommandComplete of 1 GiB", from: "server", header: announces("C", GIB) },
    { name: "a ReadyForQuery of 1 GiB", from: "server", header: announces("Z", GIB) },
  ],
  readRefusal: (bytes) => {
    const text = new TextDecoder().decode(bytes);
    const field = (type: string) => new RegExp(`\0${type}([^\0]*)\0`).exec(text)?.[1] ?? "";
    return { message: field("M"), hint: field("H") };
  },
  foreign: [
    encoder.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    encoder.encode("SSH-2.0-x\r\n"),
    Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
    Uint8Array.of(0, 0, 0, 8, 9, 9, 9, 9),
    Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0),
    Uint8Array.of(0, 1, 0, 0, 0, 3, 0, 0),
  ],
});
