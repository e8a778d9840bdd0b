import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ByteWriter } from "../bytes/writer.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { protocols } from "../wire/mod.ts";
import { type ClientHello, readClientHello } from "./client_hello.ts";
import { frontOf, sniff } from "./sniff.ts";

interface Offer {
  readonly sni?: string;
  readonly alpn?: readonly string[];
  /** Filler, as a post-quantum key share is. */
  readonly padding?: number;
  /** Bytes of the message in each record. */
  readonly record?: number;
}

const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** A ClientHello as RFC 8446 §4.1.2 writes it. */
function clientHello({ sni, alpn, padding = 0, record = 16_384 }: Offer): Uint8Array {
  const extensions = new ByteWriter(256);
  const extension = (type: number, fill: (out: ByteWriter) => void) => {
    const body = new ByteWriter(64);
    fill(body);
    const bytes = body.finish();
    extensions.u16be(type).u16be(bytes.length).bytes(bytes);
  };
  if (padding > 0) extension(21, (out) => out.bytes(new Uint8Array(padding)));
  if (sni !== undefined) {
    extension(0, (out) => out.u16be(sni.length + 3).u8(0).u16be(sni.length).bytes(ascii(sni)));
  }
  if (alpn !== undefined) {
    extension(16, (out) => {
      out.u16be(alpn.reduce((sum, name) => sum + name.length + 1, 0));
      for (const name of alpn) out.u8(name.length).bytes(ascii(name));
    });
  }
  const list = extensions.finish();
  const body = new ByteWriter(512);
  body.u16be(0x0303).bytes(new Uint8Array(32)).u8(0).u16be(2).u16be(0x1301).u8(1).u8(0);
  body.u16be(list.length).bytes(list);
  const bytes = body.finish();
  const message = new ByteWriter(bytes.length + 4);
  message.u8(1).u8(0).u16be(bytes.length).bytes(bytes);
  const whole = message.finish();
  const out = new ByteWriter(whole.length + 64);
  for (let at = 0; at < whole.length; at += record) {
    const part = whole.subarray(at, at + record);
    out.u8(22).u16be(0x0301).u16be(part.length).bytes(part);
  }
  return out.finish();
}

Deno.test("a ClientHello tells its server name and protocols, however it is cut", () => {
  const wanted: ClientHello = { sni: "db.example.test", alpn: ["remoteler-auth", "h2"] };
  for (const record of [16_384, 700, 3]) {
    const bytes = clientHello({ sni: "DB.example.TEST", alpn: wanted.alpn, padding: 1500, record });
    for (let at = 0; at < bytes.length; at += 1) {
      strictEqual(readClientHello(bytes.subarray(0, at)), "more", `at ${at}`);
    }
    deepStrictEqual(readClientHello(bytes), wanted);
    const more = new Uint8Array(bytes.length + 10).fill(23);
    more.set(bytes);
    deepStrictEqual(readClientHello(more), wanted, "what follows is not read");
  }
});

Deno.test("no extensions, no names", () => {
  deepStrictEqual(readClientHello(clientHello({})), { sni: null, alpn: [] });
});

Deno.test("what is no ClientHello, or too large for one, is refused as early as it shows", () => {
  const hello = clientHello({ sni: "a" });
  const changed = (at: number, byte: number) => {
    const copy = hello.slice();
    copy[at] = byte;
    return readClientHello(copy);
  };
  strictEqual(changed(0, 23), null);
  strictEqual(changed(1, 2), null);
  strictEqual(changed(5, 2), null);
  strictEqual(changed(6, 1), null, "64 KiB and more");
  strictEqual(readClientHello(Uint8Array.of(22, 3, 1, 0, 0)), null, "an empty record");
  strictEqual(readClientHello(Uint8Array.of(22, 3, 1, 0xff, 0xff, 1)), null, "a huge record");
});

Deno.test("mutated bytes give an answer and never an exception", () => {
  const random = new SeededRandom(11);
  const hello = clientHello({ sni: "db.test", alpn: ["postgresql"], record: 40 });
  for (let round = 0; round < 20_000; round += 1) {
    const copy = hello.slice(0, random.below(hello.length + 1));
    for (let flips = random.below(4); flips > 0 && copy.length > 0; flips -= 1) {
      copy[random.below(copy.length)] = random.below(256);
    }
    sniff(copy, protocols);
  }
});

const fronts = [
  [["remoteler-auth"], "auth"],
  [["h2", "http/1.1"], "web"],
  [["unheard-of"], "web"],
  [["remoteler-tunnel"], "tunnel"],
  [["remoteler-client-tunnel"], "clients"],
  [["remoteler-client-tunnel", "remoteler-postgres"], "clients"],
  [["postgresql"], "database"],
  [["remoteler-postgres"], "database"],
  [[], "database"],
] as const;
for (const [alpn, kind] of fronts) {
  Deno.test(`a client that offers ${JSON.stringify(alpn)} goes to ${kind}`, () => {
    const front = frontOf({ sni: null, alpn }, protocols, () => null);
    strictEqual(front.kind, kind);
    if (front.kind === "database") strictEqual(front.alpn, alpn[0] ?? null);
  });
}

Deno.test("a service's server name counts with a protocol name of ours, and with no other", () => {
  const named = (...alpn: string[]) => {
    const serviceOf = (name: string | null) => name === "orders.db.lab" ? "orders" : null;
    const front = frontOf({ sni: "orders.db.lab", alpn }, protocols, serviceOf);
    return front.kind === "service" ? `${front.protocol.name} ${front.service}` : front.kind;
  };
  strictEqual(named("remoteler-postgres"), "postgres orders");
  deepStrictEqual(
    [named("postgresql"), named(), named("h2"), named("remoteler-auth", "remoteler-postgres")],
    ["database", "database", "web", "auth"],
  );
});

Deno.test("PostgreSQL's questions are known, byte by byte", () => {
  const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
  for (let at = 0; at < 8; at += 1) {
    strictEqual(sniff(sslRequest.subarray(0, at), protocols), "more");
  }
  const arrival = sniff(sslRequest, protocols);
  ok(arrival !== "more" && arrival.kind === "native" && arrival.sniffed.kind === "answer");
  strictEqual(arrival.protocol.name, "postgres");
});

Deno.test("foreign protocols are told at once and answered in their own words", () => {
  const told = (text: string) => {
    const arrival = sniff(ascii(text), protocols);
    ok(arrival !== "more" && arrival.kind === "foreign");
    return [arrival.name, new TextDecoder().decode(arrival.answer).slice(0, 12)];
  };
  deepStrictEqual(told("GET / HTTP/1.1\r\n"), ["HTTP without TLS", "HTTP/1.1 400"]);
  deepStrictEqual(told("SSH-2.0-x\r\n"), ["SSH", "remoteler: S"]);
  deepStrictEqual(told("\x10\x20\x30"), ["an unknown protocol", ""]);
  deepStrictEqual(told("\x16\x03\x01\x00\x05\x02\x00\x00\x00\x00"), ["broken TLS", ""]);
  strictEqual(sniff(ascii("GE"), protocols), "more");
});

Deno.test("the answer to plain HTTP has the length that it says", () => {
  const arrival = sniff(ascii("GET / HTTP/1.1\r\n"), protocols);
  ok(arrival !== "more" && arrival.kind === "foreign");
  const [head = "", body = ""] = new TextDecoder().decode(arrival.answer).split("\r\n\r\n");
  ok(head.includes(`Content-Length: ${body.length}`), head);
});
