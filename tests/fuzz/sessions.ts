/** Sessions of any protocol with one side damaged, and handshakes with whatever a peer says. */
import { ok } from "node:assert/strict";
import { concat } from "../../lib/bytes/writer.ts";
import type { Handshake, Reply, Step } from "../../lib/wire/protocol.ts";
import { WireError } from "../../lib/wire/wire_error.ts";
import type { Sample } from "../conformance/protocol.ts";
import type { Delivery } from "./campaign.ts";

export type Side = "client" | "server";

/** Checks the promises of an inspector while it is used. */
export interface Watched {
  push(from: Side, bytes: Uint8Array): void;
  close(): void;
  /** What was seen in it. */
  readonly kind: string;
}

/** What one side says; the first byte chooses the sample whose other side answers. */
export function seedsOf(samples: readonly Sample[], side: Side): Uint8Array[] {
  return samples.map((sample, index) => {
    const turns = sample.turns.filter((turn) => turn.from === side).map((turn) => turn.bytes);
    return concat([Uint8Array.of(index), ...turns]);
  });
}

/** A session in which one side is damaged and the other is as it should be, taking turns. */
export function takeTurns(
  samples: readonly Sample[],
  side: Side,
  input: Uint8Array,
  { cuts, random }: Delivery,
  open: (sample: number) => Watched,
): string {
  const index = (input[0] ?? 0) % samples.length;
  const others = samples[index]?.turns.filter((turn) => turn.from !== side) ?? [];
  const session = open(index);
  try {
    for (const part of cuts(input.subarray(1))) {
      session.push(side, part);
      if (random.below(3) > 0) continue;
      const other = others.shift();
      if (other !== undefined) session.push(other.from, other.bytes);
    }
    for (const other of others) session.push(other.from, other.bytes);
  } finally {
    session.close();
  }
  return session.kind;
}

/** Runs a handshake on all that the peer will ever say; `answer`: to what is no question of it. */
export function follow(
  script: Handshake<unknown>,
  incoming: Uint8Array,
  answer: (step: Step) => Reply = () => undefined,
): string {
  let left = incoming;
  let reply: Reply;
  for (let steps = 0; steps < 5000; steps++) {
    const turn = script.next(reply);
    if (turn.done) return "done";
    const step = turn.value;
    if (step.do === "frame") {
      const size = step.measure(left);
      if (size === null) return "hungry for a header";
      ok(size >= 1 && size <= step.maxBytes, "a frame without bounds");
      if (size > left.length) return "hungry for a body";
      reply = left.subarray(0, size);
      left = left.subarray(size);
    } else reply = answer(step);
  }
  throw new Error("A handshake without an end");
}

/** What it ends with doesn't repeat the secret. */
export function withoutSecret(secret: string, run: () => string): string {
  try {
    return run();
  } catch (thrown) {
    ok(!(thrown instanceof WireError) || !thrown.message.includes(secret), "repeats a secret");
    throw thrown;
  }
}
