/** First bytes on the public port, and HTTP. */
import { ok } from "node:assert/strict";
import { concat } from "../../lib/bytes/writer.ts";
import { Fault } from "../../lib/core/fault.ts";
import { PullReader } from "../../lib/core/pull.ts";
import { serverNameOf, serviceOfServerName } from "../../lib/core/server_name.ts";
import { readClientHello } from "../../lib/proxy/client_hello.ts";
import { sniff } from "../../lib/proxy/sniff.ts";
import {
  headLimit,
  parseRequestHead,
  parseResponseHead,
  readHead,
} from "../../lib/sys/http_head.ts";
import { postgres } from "../../lib/wire/postgres/mod.ts";
import { ByteWriter } from "../../lib/bytes/writer.ts";
import { message } from "../fakes/postgres_messages.ts";
import { pipe } from "../fakes/pipe.ts";
import type { Delivery, Target } from "./campaign.ts";

const encoder = new TextEncoder();

/** A ClientHello (RFC 8446 §4.1.2) with the names given, in records of `recordBytes`. */
function clientHello(names: readonly string[], recordBytes: number, more = 0): Uint8Array {
  const vector = (width: 1 | 2, body: Uint8Array) => {
    const out = new ByteWriter(body.length + 2);
    return (width === 1 ? out.u8(body.length) : out.u16be(body.length)).bytes(body).finish();
  };
  const extension = (type: number, body: Uint8Array) =>
    concat([Uint8Array.of(0, type), vector(2, body)]);
  const sni = concat([Uint8Array.of(0), vector(2, encoder.encode("Orders.db.example"))]);
  const alpn = concat(names.map((name) => vector(1, encoder.encode(name))));
  const extensions = concat([
    extension(0, vector(2, sni)),
    extension(51, new Uint8Array(more)),
    ...(names.length > 0 ? [extension(16, vector(2, alpn))] : []),
  ]);
  const body = concat([
    Uint8Array.of(3, 3),
    new Uint8Array(32),
    vector(1, new Uint8Array(32)),
    vector(2, Uint8Array.of(0x13, 1, 0x13, 2)),
    vector(1, Uint8Array.of(0)),
    vector(2, extensions),
  ]);
  const header = Uint8Array.of(1, 0, body.length >> 8, body.length);
  const handshake = concat([header, body]);
  const records: Uint8Array[] = [];
  for (let at = 0; at < handshake.length; at += recordBytes) {
    const part = handshake.subarray(at, at + recordBytes);
    records.push(Uint8Array.of(22, 3, 1), vector(2, part));
  }
  return concat(records);
}

const hellos = [
  clientHello(["h2", "http/1.1"], 16_384),
  clientHello(["remoteler-auth"], 100, 1200),
  clientHello(["remoteler-tunnel"], 7),
  clientHello(["remoteler-client-tunnel", "remoteler-postgres"], 300),
  clientHello([], 16_384),
];
const requests = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /v1/login?x=1 HTTP/1.1\r\nHost: a.example:3080\r\nContent-Length: 2\r\n" +
  "Content-Type: application/json\r\nConnection: keep-alive, Upgrade\r\n\r\n{}",
  // Blanks that end in something that is none: slow for many an expression.
  `GET / HTTP/1.1\r\nHost: a${" ".repeat(16_000)}b\r\n\r\n`,
  "PUT /a%20b HTTP/1.0\r\nTransfer-Encoding: chunked\r\nX-A: \t b \t\r\nX-A: c\r\n\r\n0\r\n\r\n",
];
const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok",
  "HTTP/1.0 503\r\nConnection: close\r\n\r\n",
];
const httpWords = ["\r\n", "\r", ": ", "  ", "\t", "Host: b", "Content-Length: ", "close", ","];

/** A head that arrives in pieces, from a peer that then leaves. */
async function head(
  input: Uint8Array,
  { cuts }: Delivery,
  parse: (text: string) => { readonly keepAlive: boolean; readonly headers: object },
): Promise<string> {
  const [near, far] = pipe();
  const reader = new PullReader(near);
  far.attach({ data() {}, ended() {}, drained() {}, closed() {} });
  for (const part of cuts(input)) far.write(part);
  far.end();
  const text = await readHead(reader);
  if (text === null) return "nothing";
  ok(text.length <= headLimit && text.endsWith("\r\n\r\n"), "a head without bounds");
  const rest: Uint8Array[] = [];
  for (let part = await reader.pull(); part !== null; part = await reader.pull()) rest.push(part);
  ok(text.length + concat(rest).length === input.length, "bytes were lost or made up");
  const { headers, keepAlive } = parse(text);
  for (const [name, value] of Object.entries(headers)) {
    ok(!/[\r\n\0]/.test(`${name}${value}`), "a line break inside a field");
  }
  return `${keepAlive} ${Object.keys(headers).length}`;
}

/** More bytes never take back what fewer have told. */
function arrivals(input: Uint8Array, { random }: Delivery): string {
  const shorter = sniff(input.slice(0, random.below(input.length + 1)), [postgres]);
  const whole = sniff(input, [postgres]);
  if (whole === "more") {
    ok(shorter === "more", "unsure again");
    ok(input.length < 80_000, "never enough");
    return "more";
  }
  ok(shorter === "more" || shorter.kind === whole.kind, "another answer with more bytes");
  if (whole.kind === "tls") return `tls ${whole.hello.sni === null} ${whole.hello.alpn.length}`;
  return whole.kind === "foreign" ? whole.name : `${whole.protocol.name} ${whole.sniffed.kind}`;
}

export const targets: readonly Target[] = [
  {
    name: "proxy ClientHello",
    seeds: hellos,
    words: ["\x16\x03\x01\0", "\0\x10", "h2", "remoteler-"],
    bytesMax: 40_000,
    answers: [],
    run: (input) => {
      const hello = readClientHello(input);
      if (hello === null || hello === "more") return String(hello);
      return `${hello.sni === null} ${hello.alpn.length}`;
    },
  },
  {
    name: "proxy first bytes",
    seeds: [
      ...hellos,
      message("", Uint8Array.of(4, 210, 22, 47)),
      message("", Uint8Array.of(4, 210, 22, 46), new Uint8Array(8)),
      ...["GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n"].map((text) => encoder.encode(text)),
    ],
    words: ["\x16\x03\x01\0", "\0\0\0\x08", "GET ", "SSH-"],
    bytesMax: 90_000,
    answers: [],
    run: arrivals,
  },
  {
    name: "server name of a service",
    seeds: ["orders.db.lab", "x--4f7264657273.db.lab", "a-b.c_d.DB.lab", "x--c3a9.6f.db.lab"]
      .map((text) => encoder.encode(text)),
    words: ["x--", ".db.lab", "6f", "."],
    bytesMax: 400,
    answers: [],
    run: (input) => {
      const name = String.fromCharCode(...input);
      const service = serviceOfServerName(name, "lab");
      if (service === null) return "none";
      ok(serverNameOf(service, "lab") === name.toLowerCase(), "a second name for a service");
      return name.toLowerCase().startsWith("x--") ? "escaped" : "plain";
    },
  },
  {
    name: "HTTP request head",
    seeds: requests.map((text) => encoder.encode(text)),
    words: httpWords,
    bytesMax: 20_000,
    answers: [Fault],
    run: (input, delivery) => head(input, delivery, parseRequestHead),
  },
  {
    name: "HTTP response head",
    seeds: responses.map((text) => encoder.encode(text)),
    words: httpWords,
    bytesMax: 20_000,
    answers: [Fault],
    run: (input, delivery) => head(input, delivery, parseResponseHead),
  },
];
