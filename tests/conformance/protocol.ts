import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { concat } from "../../lib/bytes/writer.ts";
import { ClientRefused } from "../../lib/wire/client_refused.ts";
import type {
  Gate,
  Handshake,
  Protocol,
  Refusal,
  RefusalKind,
  Reply,
  Tap,
} from "../../lib/wire/protocol.ts";
import { UpstreamRefused } from "../../lib/wire/upstream_refused.ts";
import { WireError } from "../../lib/wire/wire_error.ts";

/**
 * What every protocol promises, whatever it speaks. A protocol's own test hands in conversations
 * and
 * this suite cuts, truncates and damages them.
 */
export interface ProtocolSuite {
  readonly protocol: Protocol;
  readonly samples: readonly Sample[];
  /** Handshakes with all that the peer says in them. */
  readonly handshakes: readonly HandshakeSample[];
  /** Headers that announce too much; nothing of their bodies follows. */
  readonly oversize: readonly { name: string; from: "client" | "server"; header: Uint8Array }[];
  /** Reads a refusal as a client of the protocol does, by other code than what wrote it. */
  readonly readRefusal: (bytes: Uint8Array) => { message: string; hint: string };
  /** Planted in the samples; no error may repeat it. */
  readonly secret: string;
  /** First byte of plain text that is not this protocol's. */
  readonly foreign: readonly Uint8Array[];
}

/** A session after its login, in turns. */
export interface Sample {
  readonly name: string;
  readonly turns: readonly { readonly from: "client" | "server"; readonly bytes: Uint8Array }[];
}

export interface HandshakeSample {
  readonly name: string;
  readonly start: () => Handshake<unknown>;
  readonly incoming: Uint8Array;
}

const MUTATIONS = 100_000;
const HANDSHAKE_MUTATIONS = 20_000;

/** Registers the tests. */
export function testProtocol(suite: ProtocolSuite): void {
  const { name } = suite.protocol;
  for (const sample of suite.samples) {
    Deno.test(`${name}: ${sample.name}: any cuts give the same`, () => anyCuts(suite, sample));
    Deno.test(`${name}: ${sample.name}: truncation adds nothing`, () => truncated(suite, sample));
  }
  Deno.test(`${name}: ${MUTATIONS} mutations give a WireError or frames`, () => mutations(suite));
  Deno.test(`${name}: damaged handshakes end in a typed error`, () => handshakes(suite));
  for (const { name: what, from, header } of suite.oversize) {
    Deno.test(`${name}: ${what} is refused at its header`, () => oversize(suite, from, header));
  }
  Deno.test(`${name}: refusals are read on the other side`, () => refusals(suite));
  Deno.test(`${name}: other protocols are not taken for it`, () => foreign(suite));
}

interface Transcript {
  /** What was said of statements, in order. */
  readonly said: unknown[];
  readonly toServer: Uint8Array[];
  readonly toClient: Uint8Array[];
}

/** A session that writes down what its inspector says. */
class Session {
  readonly transcript: Transcript = { said: [], toServer: [], toClient: [] };
  readonly open = new Set<number>();
  readonly #inspector: ReturnType<Protocol["inspector"]>;
  readonly #gate: Gate;
  readonly #tap: Tap;

  constructor(protocol: Protocol) {
    this.#inspector = protocol.inspector();
    const { said, toServer, toClient } = this.transcript;
    const begin = (statement: { id: number }) => {
      ok(!this.open.has(statement.id), "an id twice");
      this.open.add(statement.id);
      said.push(statement);
    };
    this.#gate = {
      forward: (bytes) => toServer.push(bytes),
      statement: begin,
      goodbye: () => said.push("goodbye"),
    };
    this.#tap = {
      forward: (bytes) => toClient.push(bytes),
      lateStatement: begin,
      result: (id, result) => {
        ok(this.open.delete(id), "a result of nothing, or a second one");
        said.push({ id, result });
      },
      idle: () => said.push("idle"),
    };
  }

  push(from: "client" | "server", bytes: Uint8Array): void {
    if (from === "client") this.#inspector.client(bytes, this.#gate);
    else this.#inspector.server(bytes, this.#tap);
  }

  close(): void {
    this.#inspector.close(this.#tap);
    strictEqual(this.open.size, 0, "statements without a result");
  }
}

function play(protocol: Protocol, sample: Sample, size: () => number): Transcript {
  const session = new Session(protocol);
  for (const turn of sample.turns) {
    for (const part of cut(turn.bytes, size)) session.push(turn.from, part);
  }
  session.close();
  return session.transcript;
}

function sent(sample: Sample, from: "client" | "server"): Uint8Array {
  return concat(sample.turns.filter((turn) => turn.from === from).map((turn) => turn.bytes));
}

function anyCuts({ protocol }: ProtocolSuite, sample: Sample): void {
  const whole = play(protocol, sample, () => Infinity);
  strictEqual(hex(concat(whole.toServer)), hex(sent(sample, "client")), "forwarded as received");
  strictEqual(hex(concat(whole.toClient)), hex(sent(sample, "server")), "forwarded as received");
  const next = seeded(7);
  const sizes = [
    () => 1,
    ...Array.from({ length: 20 }, (_, at) => () => 1 + next() % (2 + at * 5)),
  ];
  for (const size of sizes) {
    const other = play(protocol, sample, size);
    deepStrictEqual(other.said, whole.said);
    strictEqual(hex(concat(other.toServer)), hex(concat(whole.toServer)));
    strictEqual(hex(concat(other.toClient)), hex(concat(whole.toClient)));
  }
}

/**
 * After any number of bytes: what was said so far is the front of the whole, and all that is open
 * ends.
 */
function truncated({ protocol }: ProtocolSuite, sample: Sample): void {
  const whole = play(protocol, sample, () => Infinity);
  const total = sample.turns.reduce((sum, turn) => sum + turn.bytes.length, 0);
  for (let end = 0; end < total; end += Math.max(1, Math.floor(total / 1000))) {
    const session = new Session(protocol);
    let left = end;
    for (const { from, bytes } of sample.turns) {
      if (left > 0) session.push(from, bytes.slice(0, left));
      left -= bytes.length;
    }
    const { said } = session.transcript;
    deepStrictEqual(said, whole.said.slice(0, said.length));
    session.close();
  }
}

function mutations({ protocol, samples, secret }: ProtocolSuite): void {
  const next = seeded(20_260_101);
  for (let round = 0; round < MUTATIONS; round++) {
    const sample = samples[next() % samples.length];
    if (sample === undefined) throw new Error("No samples");
    const damaged = next() % sample.turns.length;
    const session = new Session(protocol);
    const given: Record<"client" | "server", Uint8Array[]> = { client: [], server: [] };
    try {
      for (const [at, turn] of sample.turns.entries()) {
        const bytes = at === damaged ? mutate(turn.bytes, next) : turn.bytes;
        const most = cuts[next() % cuts.length] ?? 1;
        for (const part of cut(bytes, () => 1 + next() % most)) {
          given[turn.from].push(part);
          session.push(turn.from, part);
        }
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      ok(!error.message.includes(secret), "an error repeats a secret");
    }
    session.close();
    const { toServer, toClient } = session.transcript;
    ok(isFront(concat(toServer), concat(given.client)), "forwarded what never came");
    ok(isFront(concat(toClient), concat(given.server)), "forwarded what never came");
  }
}

function handshakes(suite: ProtocolSuite): void {
  const next = seeded(11);
  for (const sample of suite.handshakes) {
    strictEqual(follow(sample.start(), sample.incoming, suite.secret), "done", sample.name);
  }
  for (let round = 0; round < HANDSHAKE_MUTATIONS; round++) {
    const sample = suite.handshakes[next() % suite.handshakes.length];
    if (sample === undefined) return;
    const incoming = mutate(sample.incoming, next);
    suite.protocol.sniff(incoming);
    try {
      follow(sample.start(), incoming, suite.secret);
    } catch (error) {
      const typed = error instanceof WireError || error instanceof UpstreamRefused ||
        error instanceof ClientRefused;
      if (!typed) throw error;
      if (error instanceof WireError) ok(!error.message.includes(suite.secret));
    }
  }
}

/** Runs a handshake on all that the peer will ever say; "hungry" where it wants more. */
export function follow(
  script: Handshake<unknown>,
  incoming: Uint8Array,
  secret: string,
): "done" | "hungry" {
  let left = incoming;
  let reply: Reply;
  for (let steps = 0; steps < 10_000; steps++) {
    const turn = script.next(reply);
    if (turn.done) return "done";
    const step = turn.value;
    reply = undefined;
    if (step.do === "secret") reply = secret;
    else if (step.do === "pbkdf2") {
      const hash = step.hash.replace("-", "").toLowerCase();
      // Mutated counts would only take time.
      const iterations = Math.min(step.iterations, 4096);
      reply = pbkdf2Sync(step.password, step.salt, iterations, step.bytes, hash);
    } else if (step.do === "frame") {
      const size = step.measure(left);
      if (size === null || size < 1 || size > step.maxBytes || size > left.length) return "hungry";
      reply = left.subarray(0, size);
      left = left.subarray(size);
    }
  }
  throw new Error("A handshake without an end");
}

function oversize(
  { protocol }: ProtocolSuite,
  from: "client" | "server",
  header: Uint8Array,
): void {
  for (const size of [Infinity, 1]) {
    const session = new Session(protocol);
    let caught: unknown = null;
    try {
      for (const part of cut(header, () => size)) session.push(from, part);
    } catch (error) {
      caught = error;
    }
    ok(caught instanceof WireError, "refused");
    strictEqual(caught.code, "oversize");
    strictEqual(session.transcript.toServer.length, 0);
  }
}

const kinds: readonly RefusalKind[] = [
  "unauthenticated",
  "denied",
  "invalid",
  "protocol",
  "target",
  "network",
  "limit",
  "unavailable",
  "ended",
  "internal",
];

function refusals({ protocol, readRefusal }: ProtocolSuite): void {
  for (const kind of kinds) {
    const refusal: Refusal = { kind, message: `why: ${kind} ä`, hint: "what to do" };
    const read = readRefusal(protocol.refuse(refusal));
    deepStrictEqual(read, { message: refusal.message, hint: refusal.hint });
    const withNul = readRefusal(protocol.refuse({ kind, message: "a\0b" }));
    deepStrictEqual(withNul, { message: "ab", hint: "" });
  }
}

function foreign({ protocol, foreign }: ProtocolSuite): void {
  for (const bytes of foreign) {
    for (let end = 1; end <= bytes.length; end++) {
      const sniffed = protocol.sniff(bytes.subarray(0, end));
      ok(sniffed === null || (sniffed === "more" && end < 8), `after ${end} bytes`);
    }
    strictEqual(protocol.sniff(bytes), null);
  }
}

function* cut(bytes: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(at + size(), bytes.length);
    yield bytes.slice(at, end);
    at = end;
  }
}

/** One to three damages: a bit, a byte, an extreme length, bytes left out, doubled or moved. */
function mutate(bytes: Uint8Array, next: () => number): Uint8Array {
  let bad: Uint8Array = bytes.slice();
  for (let count = 1 + next() % 3; count > 0 && bad.length > 0; count--) {
    const at = next() % bad.length;
    const length = 1 + next() % 16;
    switch (next() % 6) {
      case 0:
        bad[at] = (bad[at] ?? 0) ^ (1 << (next() % 8));
        break;
      case 1:
        bad[at] = next() & 255;
        break;
      case 2:
        bad.set((extremes[next() % extremes.length] ?? []).slice(0, bad.length - at), at);
        break;
      case 3:
        bad = concat([bad.subarray(0, at), bad.subarray(at + length)]);
        break;
      case 4:
        bad = concat([bad.subarray(0, at), bad.subarray(at, at + length), bad.subarray(at)]);
        break;
      default:
        bad.copyWithin(at, next() % bad.length, next() % bad.length);
    }
  }
  return bad;
}

/** Most cuts are coarse: fine ones cost the most and find the least. */
const cuts = [7, 50, 500, 5000, 5000, 5000];

const extremes: readonly (readonly number[])[] = [
  [0, 0, 0, 0],
  [0, 0, 0, 3],
  [0xff, 0xff, 0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0, 0, 0],
  [0x3f, 0xff, 0xff, 0xff],
  [0, 1, 0, 0],
];

function isFront(front: Uint8Array, whole: Uint8Array): boolean {
  if (front.length > whole.length) return false;
  for (let at = 0; at < front.length; at++) {
    if (front[at] !== whole[at]) return false;
  }
  return true;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same numbers for the same seed, on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
}
