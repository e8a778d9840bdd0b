/** Redis: what clients and servers say, a whole session of it and single readers. */
import { ok } from "node:assert/strict";
import { concat } from "../../lib/bytes/writer.ts";
import type { CommandReply } from "../../lib/wire/commands.ts";
import type { Gate, Statement, Tap } from "../../lib/wire/protocol.ts";
import { splitInline } from "../../lib/wire/redis/inline.ts";
import { redis } from "../../lib/wire/redis/mod.ts";
import { measureReply, readReply } from "../../lib/wire/redis/resp.ts";
import { ClientRefused } from "../../lib/wire/client_refused.ts";
import { WireError } from "../../lib/wire/wire_error.ts";
import type { StreamSizes } from "../../lib/wire/streaming.ts";
import { call, samples, SECRET, wire } from "../conformance/redis_samples.ts";
import { gateOf, unsaid } from "../fakes/gate.ts";
import type { Delivery, Target } from "./campaign.ts";
import { seedsOf, type Side, takeTurns, type Watched } from "./sessions.ts";

const more = [
  concat([call("RESET"), call("QUIT"), call("AUTH", "alice", SECRET), call("HELLO", "3")]),
  concat([call("MULTI"), call("SUBSCRIBE", "a"), call("EXEC"), call("CLIENT", "REPLY", "OFF")]),
];

const clientSeeds = [
  ...seedsOf(samples, "client"),
  ...more.map((bytes) => concat([Uint8Array.of(0), bytes])),
];

function inspect(
  side: Side,
  input: Uint8Array,
  delivery: Delivery,
  sizes?: StreamSizes,
): string {
  return takeTurns(samples, side, input, delivery, () => new WatchedCommands(sizes));
}

/** Checks the promises of an inspector of commands while it is used. */
class WatchedCommands implements Watched {
  readonly seen = new Set<string>();
  readonly #inspector: ReturnType<typeof redis.inspector>;
  /** Replies still to come for each statement. */
  readonly #open = new Map<number, number>();
  readonly #gate: Gate;
  readonly #tap: Tap;

  constructor(sizes?: StreamSizes) {
    this.#inspector = redis.inspector(sizes);
    const begin = ({ id, commands = [] }: Statement) => {
      ok(!this.#open.has(id) && commands.length > 0 && commands.length <= 256);
      this.#open.set(id, commands.length);
      for (const { args } of commands) this.seen.add(args[0]?.slice(0, 12) ?? "");
    };
    const replied = (id: number, _index: number, { type }: CommandReply) => {
      const left = this.#open.get(id) ?? 0;
      ok(left > 0, "a reply to nothing");
      if (left === 1) this.#open.delete(id);
      else this.#open.set(id, left - 1);
      this.seen.add(type);
    };
    this.#gate = gateOf({ statement: begin, replied, goodbye: () => this.seen.add("goodbye") });
    this.#tap = {
      ...unsaid,
      forward: () => {},
      lateStatement: begin,
      result: (id, { outcome }) => {
        ok(this.#open.delete(id), "a result of nothing");
        this.seen.add(outcome);
      },
      idle: () => void this.seen.add("idle"),
      replied,
    };
  }

  push(from: Side, bytes: Uint8Array): void {
    if (from === "client") this.#inspector.client(bytes.slice(), this.#gate);
    else this.#inspector.server(bytes.slice(), this.#tap);
  }

  close(): void {
    this.#inspector.close(this.#tap);
    ok(this.#open.size === 0, "statements without a result");
  }

  get kind(): string {
    return [...this.seen].sort().join(" ");
  }
}

const words = [
  "*3\r\n",
  "$3\r\n",
  "$-1\r\n",
  "+OK\r\n",
  "-ERR x\r\n",
  ">2\r\n",
  "%1\r\n",
  "|1\r\n",
];

export const redisTargets: readonly Target[] = [
  {
    name: "redis inspector, client side",
    seeds: clientSeeds,
    words,
    bytesMax: 80_000,
    answers: [WireError, ClientRefused],
    run: (input, delivery) => inspect("client", input, delivery),
  },
  {
    name: "redis inspector, long commands",
    seeds: clientSeeds,
    words,
    bytesMax: 80_000,
    answers: [WireError, ClientRefused],
    run: (input, delivery) => {
      const piece = 1 + delivery.random.below(64);
      const sizes = { wholeMax: delivery.random.below(64), piece, lag: piece >> 1 };
      return inspect("client", input, delivery, sizes);
    },
  },
  {
    name: "redis inspector, server side",
    seeds: seedsOf(samples, "server"),
    words,
    bytesMax: 80_000,
    answers: [WireError],
    run: (input, delivery) => inspect("server", input, delivery),
  },
  {
    name: "redis replies of handshakes",
    seeds: samples.flatMap(({ turns }) => turns.map(({ bytes }) => bytes)),
    words,
    answers: [WireError],
    run: (input) => {
      const size = measureReply(input);
      if (size === null) return "more";
      ok(size > 0 && size <= input.length, "measured what never came");
      return readReply(input.subarray(0, size)).type;
    },
  },
  {
    name: "redis inline commands",
    seeds: [wire('set "a b" \'c\\\'d\' "\\x41"\n'), wire("  ping\t\n"), wire('"')],
    words: ['"', "'", "\\x", "\\", " "],
    answers: [],
    run: (input) => {
      const args = splitInline(input);
      const bytes = args?.reduce((sum, { length }) => sum + length, 0) ?? 0;
      ok(bytes <= input.length, "more than came");
      return args === null ? "unbalanced" : `${Math.min(args.length, 8)}`;
    },
  },
];
