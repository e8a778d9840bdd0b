import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { concat } from "../../lib/bytes/writer.ts";
import { ClientRefused } from "../../lib/wire/client_refused.ts";
import type { CommandAsked, CommandReply } from "../../lib/wire/commands.ts";
import type {
  Gate,
  Handshake,
  Protocol,
  Reply,
  Statement,
  StreamedStatement,
  Tap,
} from "../../lib/wire/protocol.ts";
import type { StreamSizes } from "../../lib/wire/streaming.ts";
import { UpstreamRefused } from "../../lib/wire/upstream_refused.ts";
import { WireError } from "../../lib/wire/wire_error.ts";
import { gateOf, unsaid } from "../fakes/gate.ts";
import { foreign, refusals } from "./words.ts";
import { cut, cuts, hex, isFront, isWithin, mutate, seeded } from "./damage.ts";

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
  /** It has commands in place of texts: none is told in pieces, and some are answered here. */
  readonly hasCommands?: boolean;
  /** First byte of plain text that is not this protocol's. */
  readonly foreign: readonly Uint8Array[];
  /** A further form of a protocol that has run through all of them takes fewer. */
  readonly mutations?: number;
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
    for (const [how, sizes] of Object.entries(sizesTried)) {
      const what = `${name}: ${sample.name}, ${how}`;
      Deno.test(`${what}: any cuts give the same`, () => anyCuts(suite, sample, sizes));
      Deno.test(`${what}: truncation adds nothing`, () => truncated(suite, sample, sizes));
    }
    Deno.test(
      `${name}: ${sample.name}: in pieces the same is said as in one`,
      () => sameInPieces(suite, sample),
    );
  }
  const count = suite.mutations ?? MUTATIONS;
  Deno.test(`${name}: ${count} mutations give a WireError or frames`, () => mutations(suite));
  Deno.test(`${name}: damaged handshakes end in a typed error`, () => handshakes(suite));
  for (const { name: what, from, header } of suite.oversize) {
    Deno.test(`${name}: ${what} is refused at its header`, () => oversize(suite, from, header));
  }
  Deno.test(`${name}: refusals are read on the other side`, () => refusals(suite));
  Deno.test(`${name}: other protocols are not taken for it`, () => foreign(suite));
}

/** Small ones, so that the samples' statements come in pieces. */
const sizesTried: Readonly<Record<string, StreamSizes | undefined>> = {
  "statements held": undefined,
  "statements in pieces": { wholeMax: 12, piece: 16, lag: 5 },
};

type Said =
  | Statement
  | { readonly id: number; readonly result: unknown }
  /** Of commands: which of them share a statement depends on how their bytes were cut. */
  | { readonly asked: CommandAsked }
  | { readonly reply: CommandReply; readonly to: number }
  | string;

interface Transcript {
  /** What was said of statements, in order. */
  readonly said: Said[];
  /** Texts of those that came in pieces. */
  readonly streamed: Map<StreamedStatement, string>;
  readonly toServer: Uint8Array[];
  readonly toClient: Uint8Array[];
}

/** A session that writes down what its inspector says. */
class Session {
  readonly transcript: Transcript = {
    said: [],
    streamed: new Map(),
    toServer: [],
    toClient: [],
  };
  readonly open = new Set<number>();
  readonly #commands = new Map<number, { readonly first: number; left: number }>();
  #count = 0;
  /** Something was answered in our own words. */
  hasAnswered = false;
  readonly #inspector: ReturnType<Protocol["inspector"]>;
  readonly #gate: Gate;
  readonly #tap: Tap;

  constructor(protocol: Protocol, sizes?: StreamSizes) {
    this.#inspector = protocol.inspector(sizes);
    const { said, toServer, toClient } = this.transcript;
    const open = (statement: { id: number }) => {
      ok(!this.open.has(statement.id), "an id twice");
      this.open.add(statement.id);
    };
    const commands = (statement: Statement, all: readonly CommandAsked[]) => {
      open(statement);
      this.#commands.set(statement.id, { first: this.#count, left: all.length });
      this.#count += all.length;
      for (const asked of all) said.push({ asked });
    };
    const begin = (statement: Statement, streamed?: StreamedStatement) => {
      if (statement.commands !== undefined) return commands(statement, statement.commands);
      // One that came in pieces is open since it began.
      if (streamed === undefined) open(statement);
      else this.transcript.streamed.set(streamed, statement.text);
      said.push(statement);
    };
    this.#gate = gateOf({
      forward: (bytes) => toServer.push(bytes),
      statement: begin,
      begin: open,
      goodbye: () => said.push("goodbye"),
      replied: (id, index, reply) => this.#replied(id, index, reply),
      answer: () => (this.hasAnswered = true),
      refused: () => (this.hasAnswered = true),
    });
    this.#tap = {
      forward: (bytes) => toClient.push(bytes),
      lateStatement: begin,
      result: (id, result) => {
        ok(this.open.delete(id), "a result of nothing, or a second one");
        // Of what never came whole nothing was said either.
        if (result.outcome !== "truncated") said.push({ id, result });
      },
      idle: () => said.push("idle"),
      ...unsaid,
      replied: (id, index, reply) => this.#replied(id, index, reply),
      answer: () => (this.hasAnswered = true),
      reply: () => (this.hasAnswered = true),
    };
  }

  #replied(id: number, index: number, reply: CommandReply): void {
    const of = this.#commands.get(id);
    if (of === undefined) throw new Error("a reply to nothing");
    of.left -= 1;
    if (of.left === 0) ok(this.open.delete(id), "a second result");
    this.transcript.said.push({ reply, to: of.first + index });
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

function play(
  protocol: Protocol,
  sample: Sample,
  size: () => number,
  sizes?: StreamSizes,
): Transcript {
  const session = new Session(protocol, sizes);
  for (const turn of sample.turns) {
    for (const part of cut(turn.bytes, size)) session.push(turn.from, part);
  }
  session.close();
  return session.transcript;
}

function sent(sample: Sample, from: "client" | "server"): Uint8Array {
  return concat(sample.turns.filter((turn) => turn.from === from).map((turn) => turn.bytes));
}

function anyCuts({ protocol }: ProtocolSuite, sample: Sample, tried?: StreamSizes): void {
  const whole = play(protocol, sample, () => Infinity, tried);
  strictEqual(hex(concat(whole.toServer)), hex(sent(sample, "client")), "forwarded as received");
  strictEqual(hex(concat(whole.toClient)), hex(sent(sample, "server")), "forwarded as received");
  const next = seeded(7);
  const sizes = [
    () => 1,
    ...Array.from({ length: 20 }, (_, at) => () => 1 + next() % (2 + at * 5)),
  ];
  for (const size of sizes) {
    const other = play(protocol, sample, size, tried);
    deepStrictEqual(other.said, whole.said);
    strictEqual(hex(concat(other.toServer)), hex(concat(whole.toServer)));
    strictEqual(hex(concat(other.toClient)), hex(concat(whole.toClient)));
  }
}

/**
 * After any number of bytes: what was said so far is the front of the whole, and all that is open
 * ends.
 */
function truncated({ protocol }: ProtocolSuite, sample: Sample, tried?: StreamSizes): void {
  const whole = play(protocol, sample, () => Infinity, tried);
  const total = sample.turns.reduce((sum, turn) => sum + turn.bytes.length, 0);
  for (let end = 0; end < total; end += Math.max(1, Math.floor(total / 1000))) {
    const session = new Session(protocol, tried);
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

/**
 * However long a statement may be to be held: what is said of those that run is the same. One that
 * is prepared in pieces is told of by itself as well, and what runs it refers to it.
 */
function sameInPieces({ protocol, hasCommands = false }: ProtocolSuite, sample: Sample): void {
  const held = play(protocol, sample, () => Infinity);
  strictEqual(held.streamed.size, 0);
  for (const wholeMax of [0, 12, 30]) {
    const sizes = { wholeMax, piece: 16, lag: 5 };
    const inPieces = play(protocol, sample, () => Infinity, sizes);
    const isTold = hasCommands || wholeMax > 0 || inPieces.streamed.size > 0;
    ok(isTold, "nothing came in pieces");
    deepStrictEqual(thatRan(inPieces), thatRan(held));
  }
}

function thatRan({ said, streamed }: Transcript): unknown[] {
  const prepared = new Set<number>();
  const ids = new Map<number, number>();
  const numbered = (id: number) => {
    ids.set(id, ids.get(id) ?? ids.size);
    return ids.get(id);
  };
  return said.flatMap((one): unknown[] => {
    if (typeof one === "string" || !("id" in one)) return [one];
    if ("command" in one && one.command === "prepare") prepared.add(one.id);
    if (prepared.has(one.id)) return [];
    const { id: _, ...rest } = one;
    if (!("textOf" in rest) || rest.textOf === undefined) {
      return [{ id: numbered(one.id), ...rest }];
    }
    const { textOf, ...other } = rest;
    return [{ id: numbered(one.id), ...other, text: streamed.get(textOf) }];
  });
}

function mutations(suite: ProtocolSuite): void {
  const { protocol, samples, secret, mutations = MUTATIONS, hasCommands = false } = suite;
  const next = seeded(20_260_101);
  for (let round = 0; round < mutations; round++) {
    const sample = samples[next() % samples.length];
    if (sample === undefined) throw new Error("No samples");
    const damaged = next() % sample.turns.length;
    const sizes = Object.values(sizesTried);
    const session = new Session(protocol, sizes[round % sizes.length]);
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
    // Of what is answered in our own words, the other side hears nothing.
    const isPassed = session.hasAnswered || hasCommands ? isWithin : isFront;
    ok(isPassed(concat(toServer), concat(given.client)), "forwarded what never came");
    ok(isPassed(concat(toClient), concat(given.server)), "forwarded what never came");
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
    else if (step.do === "ed25519") reply = new Uint8Array(64);
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
