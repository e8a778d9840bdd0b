import assert from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { pipe, type PipeEnd } from "../../tests/fakes/pipe.ts";
import { Fault } from "../core/fault.ts";
import type { ByteStream, StreamReader } from "../core/stream.ts";
import type { Spread, SpreadPowers } from "../wire/spread.ts";
import { WireError } from "../wire/wire_error.ts";
import { type OpenServer, SpreadStream } from "./spread_stream.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (said: string): Uint8Array => new TextEncoder().encode(said);
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** A spread that does what its client says: `send NAME TEXT`, `open NAME`, `finish`, `break`. */
class Obeying implements Spread {
  isFull = false;
  readonly told: string[] = [];
  readonly powers: SpreadPowers;

  constructor(powers: SpreadPowers) {
    this.powers = powers;
  }

  client(chunk: Uint8Array): void {
    const [verb, name = "", ...rest] = text(chunk).split(" ");
    if (verb === "send") this.powers.send(name, bytes(rest.join(" ")));
    if (verb === "open") this.powers.open(name, { host: name, port: 1, name });
    if (verb === "hold") this.powers.hold(name, true);
    if (verb === "finish") this.powers.finish();
    if (verb === "wake") this.powers.wakeIn(Number(name));
    if (verb === "fill") this.isFull = true;
    if (verb === "break") throw new WireError("redis", "malformed", "reply", "");
    if (verb === "bug") throw new TypeError("ours");
  }

  server(connection: string, chunk: Uint8Array): void {
    this.told.push(`${connection} says ${text(chunk)}`);
    this.isFull = false;
    this.powers.forward(chunk);
  }

  ended(): void {
    this.told.push("ended");
  }

  opened(connection: string): void {
    this.told.push(`${connection} opened`);
  }

  lost(connection: string, why: string): void {
    this.told.push(`${connection} lost: ${why}`);
  }

  wake(): void {
    this.told.push("wake");
  }

  room(): void {
    this.told.push("room");
  }
}

interface Set {
  readonly stream: SpreadStream;
  readonly spread: Obeying;
  readonly first: PipeEnd;
  readonly others: Map<string, PipeEnd>;
  readonly clock: SteppingClock;
  readonly heard: string[];
  readonly bugs: unknown[];
}

/** A stream over one open server; `down` can't be reached, all others can. */
function begin(highWaterBytes?: number): Set {
  const [ours, first] = pipe(highWaterBytes === undefined ? {} : { highWaterBytes });
  const clock = new SteppingClock();
  const others = new Map<string, PipeEnd>();
  const bugs: unknown[] = [];
  let spread: Obeying | null = null;
  const side = (stream: ByteStream): OpenServer => ({
    ...{ stream, early: new Uint8Array(0), ended: false },
  });
  const stream = new SpreadStream({
    make: (_, powers) => spread = new Obeying(powers),
    first: { ...side(ours), host: "first.example" },
    endpoint: null,
    open: (address) => {
      const shown = "it is down";
      const fault = { kind: "target", code: "db.unreachable", message: shown, shown } as const;
      if (address.host === "down") return Promise.reject(new Fault(fault));
      const [near, far] = pipe();
      others.set(address.host, far);
      return Promise.resolve(side(near));
    },
    clock,
    onBug: (thrown) => bugs.push(thrown),
  });
  assert.ok(spread !== null);
  const heard: string[] = [];
  const reader: StreamReader = {
    data: (chunk) => heard.push(text(chunk)),
    ended: () => heard.push("(ended)"),
    drained: () => heard.push("(drained)"),
    closed: (fault) => heard.push(`(closed ${fault?.message ?? "in order"})`),
  };
  stream.attach(reader);
  return { stream, spread, first, others, clock, heard, bugs };
}

/** What arrives at the far end of a server's stream. */
function listen(end: PipeEnd): string[] {
  const arrived: string[] = [];
  end.attach({
    data: (chunk) => arrived.push(text(chunk)),
    ended: () => {},
    drained: () => {},
    closed: () => arrived.push("(closed)"),
  });
  return arrived;
}

Deno.test("bytes go to the servers they are meant for, and come back as they come", async () => {
  const { stream, first, others, heard, spread } = begin();
  const atFirst = listen(first);
  assert.equal(stream.write(bytes("open second")), true);
  await turn();
  const atSecond = listen(others.get("second") ?? first);
  stream.write(bytes("send first one"));
  stream.write(bytes("send second two"));
  await turn();
  assert.deepEqual([atFirst, atSecond], [["one"], ["two"]]);
  first.write(bytes("1"));
  others.get("second")?.write(bytes("2"));
  await turn();
  assert.deepEqual(heard, ["1", "2"]);
  assert.deepEqual(spread.told, ["second opened", "first says 1", "second says 2"]);
  stream.abort();
  await turn();
  assert.deepEqual([atFirst.at(-1), atSecond.at(-1)], ["(closed)", "(closed)"]);
});

Deno.test("while it is paused nothing is delivered and every server is held back", async () => {
  const { stream, first, heard, spread } = begin();
  stream.pause();
  first.write(bytes("1"));
  await turn();
  spread.powers.forward(bytes("words of ours"));
  assert.deepEqual([heard, spread.told], [[], []]);
  stream.write(bytes("hold first"));
  stream.resume();
  await turn();
  assert.deepEqual([heard, spread.told], [["words of ours"], []], "the held server still waits");
  spread.powers.hold("first", false);
  await turn();
  assert.deepEqual(heard, ["words of ours", "1"]);
  stream.abort();
});

Deno.test("the client waits while too much is kept, and a full server is told of", async () => {
  const { stream, first, heard, spread } = begin(16);
  assert.equal(stream.write(bytes("fill")), false);
  first.write(bytes("x"));
  await turn();
  assert.deepEqual(heard, ["x", "(drained)"]);
  stream.write(bytes(`send first ${"y".repeat(64)}`));
  assert.equal(spread.powers.isCongested(), true);
  listen(first);
  await turn();
  assert.equal(spread.powers.isCongested(), false);
  assert.equal(spread.told.at(-1), "room");
  stream.abort();
});

Deno.test("a server that is lost, or can't be had, is told of in words", async () => {
  const { stream, first, spread } = begin();
  stream.write(bytes("open down"));
  await turn();
  first.end();
  await turn();
  assert.deepEqual(spread.told, ["down lost: it is down", "first lost: it closed the connection"]);
  stream.abort();
});

Deno.test("its end follows what was said before, also where that has to wait", async () => {
  const { stream, heard, spread } = begin();
  stream.pause();
  spread.powers.forward(bytes("last words"));
  stream.end();
  assert.deepEqual(spread.told, ["ended"]);
  spread.powers.finish();
  await turn();
  assert.deepEqual(heard, []);
  stream.resume();
  await turn();
  assert.deepEqual(heard, ["last words", "(ended)", "(closed in order)"]);
});

Deno.test("a broken protocol ends it with that reason, a mistake of ours is told of", async () => {
  const broken = begin();
  broken.stream.write(bytes("break"));
  await turn();
  assert.deepEqual(broken.heard, ["(closed a server broke the protocol: reply (malformed))"]);
  assert.deepEqual(broken.bugs, []);
  const bug = begin();
  bug.stream.write(bytes("bug"));
  await turn();
  assert.deepEqual(bug.heard, ["(closed internal error in the Database Service)"]);
  assert.equal(bug.bugs.length, 1);
});

Deno.test("time passes by the clock, once for each length, and not after the end", () => {
  const { stream, clock, spread } = begin();
  stream.write(bytes("wake 50"));
  stream.write(bytes("wake 50"));
  clock.advance(50);
  assert.deepEqual(spread.told, ["wake"]);
  stream.write(bytes("wake 50"));
  stream.abort();
  clock.advance(50);
  assert.deepEqual(spread.told, ["wake"]);
});
