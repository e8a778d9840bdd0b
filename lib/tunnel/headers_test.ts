import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { decodeAgentHello, decodeProxyHello, encodeHello } from "./hello.ts";
import { decodeOpenHeader, encodeOpenHeader, type OpenHeader } from "./open_header.ts";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const isMalformed = (e: unknown): boolean => e instanceof Fault && e.code === "tunnel.malformed";

const db: OpenHeader = {
  v: 1,
  kind: "db",
  service: "orders",
  chain: [Uint8Array.of(0x30, 1), new Uint8Array(20_000)],
  clientAddress: "198.51.100.7:50123",
  proxy: "b7c1",
  trace: "t-1",
};

Deno.test("OPEN's header is read back as it was written", () => {
  const cancel: OpenHeader = {
    ...db,
    kind: "cancel",
    chain: [],
    via: "a2",
    cancelKey: { processId: -559038737, secret: Uint8Array.of(0, 255, 16) },
  };
  const greeted = { ...db, connectionId: 0xffff_ffff };
  for (const header of [db, greeted, cancel, { ...db, kind: "tls" as const, chain: [] }]) {
    deepStrictEqual(decodeOpenHeader(encodeOpenHeader(header)), header);
  }
});

Deno.test("a chain that is too long for 32 KiB is refused before it is sent", () => {
  throws(() => encodeOpenHeader({ ...db, chain: [new Uint8Array(33_000)] }), isMalformed);
  const many = Array.from({ length: 9 }, () => new Uint8Array(1));
  throws(() => encodeOpenHeader({ ...db, chain: many }), isMalformed);
});

/** A header with any JSON and a chain of one byte. */
function raw(record: unknown, tail: Uint8Array = Uint8Array.of(1, 0, 1, 0x30)): Uint8Array {
  const text = json(record);
  return Uint8Array.of(text.length >> 8, text.length & 255, ...text, ...tail);
}

const { chain: _, ...texts } = db;
const wrong: readonly [name: string, bytes: Uint8Array][] = [
  ["nothing", new Uint8Array(0)],
  ["no JSON", Uint8Array.of(0, 1, 0x7b, 0)],
  ["a list", raw([])],
  ["an unknown field", raw({ ...texts, admin: true })],
  ["another version", raw({ ...texts, v: 2 })],
  ["an unknown kind", raw({ ...texts, kind: "shell" })],
  ["no service", raw({ ...texts, service: undefined })],
  ["a service that is no text", raw({ ...texts, service: ["a"] })],
  ["a text that is too long", raw({ ...texts, trace: "x".repeat(257) })],
  ["a session without certificate", raw(texts, Uint8Array.of(0))],
  ["certificates where TLS is passed on unread", raw({ ...texts, kind: "tls" })],
  ["too many certificates", raw(texts, Uint8Array.of(9, ...Array(27).fill(0)))],
  ["a certificate cut short", raw(texts, Uint8Array.of(1, 0, 9, 1))],
  ["bytes behind the end", raw(texts, Uint8Array.of(1, 0, 1, 0x30, 0))],
  ["a cancel key on a session", raw({ ...texts, cancelKey: { processId: 1, secret: "00" } })],
  ["a connection of number 0", raw({ ...texts, connectionId: 0 })],
  ["a connection of more than 32 bits", raw({ ...texts, connectionId: 0x1_0000_0000 })],
  [
    "a connection's number where TLS is passed on",
    raw({ ...texts, kind: "tls", connectionId: 5 }, Uint8Array.of(0)),
  ],
  ["a cancel without key", raw({ ...texts, kind: "cancel" })],
  [
    "a secret that is no hex",
    raw({ ...texts, kind: "cancel", cancelKey: { processId: 1, secret: "0g" } }),
  ],
  ["an inherited field", raw(JSON.parse('{"__proto__":{"v":1},"kind":"db"}'))],
];

for (const [name, bytes] of wrong) {
  Deno.test(`OPEN's header is refused: ${name}`, () => {
    throws(() => decodeOpenHeader(bytes), isMalformed);
  });
}

Deno.test("mutations and cuts of OPEN's header give a header or a Fault, nothing else", () => {
  const random = new SeededRandom(6);
  const good = encodeOpenHeader({ ...db, chain: [random.bytes(60)] });
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const bad = good.slice(0, random.below(20) === 0 ? random.below(good.length) : good.length);
    for (let n = 1 + random.below(3); n > 0 && bad.length > 0; n--) {
      const at = random.below(bad.length);
      bad[at] = (bad[at] ?? 0) ^ (1 << random.below(8));
    }
    try {
      decodeOpenHeader(bad);
    } catch (thrown) {
      ok(isMalformed(thrown), String(thrown));
      refused += 1;
    }
  }
  ok(refused > 5_000 && refused < 20_000, `${refused} refused`);
});

const agent = {
  v: 1 as const,
  host: "h1",
  number: 7,
  version: "0.1.0",
  services: [{ name: "orders", protocol: "postgres", labels: { env: "prod" } }],
};
const proxy = { v: 1 as const, host: "p1", cluster: "example", version: "0.1.0" };

Deno.test("both HELLOs are read back, and what a newer peer adds is ignored", () => {
  deepStrictEqual(decodeAgentHello(encodeHello(agent)), agent);
  deepStrictEqual(decodeProxyHello(encodeHello(proxy)), proxy);
  deepStrictEqual(decodeAgentHello(json({ ...agent, more: 1 })), agent);
});

const wrongHellos: readonly [name: string, hello: unknown][] = [
  ["another version", { ...agent, v: 2 }],
  ["no number", { ...agent, number: undefined }],
  ["the number 0", { ...agent, number: 0 }],
  ["a number of 16 bits", { ...agent, number: 32768 }],
  ["services that are no list", { ...agent, services: {} }],
  ["too many services", { ...agent, services: Array(1025).fill(agent.services[0]) }],
  ["a service without protocol", { ...agent, services: [{ name: "x", labels: {} }] }],
  ["labels that are no texts", {
    ...agent,
    services: [{ name: "x", protocol: "y", labels: { a: 1 } }],
  }],
  ["no labels", { ...agent, services: [{ name: "x", protocol: "y" }] }],
  ["null", null],
];

for (const [name, hello] of wrongHellos) {
  Deno.test(`the agent's HELLO is refused: ${name}`, () => {
    throws(() => decodeAgentHello(json(hello)), isMalformed);
  });
}

Deno.test("a HELLO above its size is refused before it is sent", () => {
  const label = { env: "x".repeat(250) };
  const services = Array.from({ length: 1024 }, () => ({
    name: "n",
    protocol: "postgres",
    labels: label,
  }));
  throws(
    () => encodeHello({ ...agent, services }),
    (e) => e instanceof Fault && e.code === "tunnel.hello-large",
  );
});

Deno.test("a label named __proto__ is a label", () => {
  const text = JSON.stringify(agent).replace('"env"', '"__proto__"');
  const { services } = decodeAgentHello(new TextEncoder().encode(text));
  strictEqual(Object.hasOwn(services[0]?.labels ?? {}, "__proto__"), true);
});
