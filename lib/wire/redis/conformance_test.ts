import { samples, SECRET, wire } from "../../../tests/conformance/redis_samples.ts";
import { testProtocol } from "../../../tests/conformance/protocol.ts";
import { concat } from "../../bytes/writer.ts";
import { redis } from "./mod.ts";

const login = (user: string, database: string, hasPassword: boolean) => () =>
  redis.login({
    user,
    database,
    startup: {
      user: "",
      database: null,
      parameters: new Map(),
      clientProgram: "",
      replication: false,
      version: "2",
    },
    replication: false,
    nonce: new Uint8Array(24),
    hasPassword,
  });

const hello = "*4\n$7\nversion\n$6\n7.0.15\n$2\nid\n:42\n";

testProtocol({
  protocol: redis,
  samples,
  hasCommands: true,
  handshakes: [
    { name: "accept", start: () => redis.accept(), incoming: new Uint8Array(0) },
    {
      name: "login by password",
      start: login("alice", "2", true),
      incoming: wire(`+OK\n${hello}+OK\n`),
    },
    {
      name: "login by certificate",
      start: login("alice", "0", false),
      incoming: wire(`$5\nalice\n${hello}`),
    },
    { name: "trial", start: () => redis.trial.run(), incoming: wire("+PONG\n") },
  ],
  oversize: [
    { name: "a count of arguments", from: "client", header: wire("*1048577\n") },
    { name: "an argument", from: "client", header: wire("*2\n$3\nGET\n$536870913\n") },
    {
      name: "a second argument",
      from: "client",
      header: concat([wire("*3\n$3\nSET\n$1\nk\n"), wire("$99999999999\n")]),
    },
    { name: "an inline command", from: "client", header: wire("a".repeat(65_536)) },
    { name: "a bulk string", from: "server", header: wire("$536870913\n") },
    { name: "a count of elements", from: "server", header: wire("*4294967296\n") },
    { name: "nesting", from: "server", header: wire("*1\n".repeat(129)) },
  ],
  readRefusal: (bytes) => {
    const line = new TextDecoder().decode(bytes);
    const found = /^-[A-Z]+ (.*?)(?:; hint: (.*))?\r\n$/.exec(line);
    return { message: found?.[1] ?? "", hint: found?.[2] ?? "" };
  },
  secret: SECRET,
  foreign: [
    Uint8Array.of(0x16, 3, 1, 0, 0xf0, 1, 0, 0, 0xec, 3, 3),
    wire("GET / HTTP/1.1\nhost: x\n\n"),
    wire("SSH-2.0-OpenSSH_9\n"),
    Uint8Array.of(0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f),
    wire("*** a banner ***\n"),
  ],
});
