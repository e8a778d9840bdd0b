import { strictEqual } from "node:assert";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { Keepalive } from "./keepalive.ts";

Deno.test("the shortest answer says how far away the peer is", async () => {
  const clock = new SteppingClock();
  const asked: Uint8Array[] = [];
  const options = { periodMs: 3_000, ping: (body: Uint8Array) => asked.push(body), dead() {} };
  const keepalive = new Keepalive(clock, options);
  const answer = async (number: number, afterMs: number): Promise<void> => {
    await clock.step(afterMs);
    keepalive.answered(asked[number] ?? new Uint8Array(8));
  };
  keepalive.ask();
  strictEqual(keepalive.roundTripMs, Infinity);
  await answer(0, 40);
  strictEqual(keepalive.roundTripMs, 40);
  // Behind a queue.
  keepalive.ask();
  await answer(1, 900);
  strictEqual(keepalive.roundTripMs, 40);
  // Of an older question, or of none.
  keepalive.ask();
  keepalive.answered(asked[1] ?? new Uint8Array(8));
  keepalive.answered(new Uint8Array(8));
  strictEqual(keepalive.roundTripMs, 40);
  await answer(2, 30);
  strictEqual(keepalive.roundTripMs, 30);
  keepalive.stop();
});
