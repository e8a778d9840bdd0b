import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { Recorder } from "../../tests/fakes/pipe.ts";
import { tunnelPair } from "../../tests/fakes/tunnel.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

Deno.test("a stream carries both ways after ACCEPT, half-closes and closes once", async () => {
  const { near, far, opened } = tunnelPair();
  const stream = near.open(text("header"));
  const mine = new Recorder();
  stream.attach(mine);
  stream.write(text("early"));
  strictEqual(stream.state, "opening");
  await settled();
  const [other] = opened;
  ok(other !== undefined);
  deepStrictEqual(other.header, text("header"));
  const theirs = new Recorder();
  other.attach(theirs);
  other.accept();
  await settled();
  await stream.accepted;
  strictEqual(stream.state, "accepted");
  strictEqual(theirs.text, "early");
  stream.end();
  await settled();
  strictEqual(theirs.isEnded, true);
  strictEqual(mine.isEnded, false);
  other.write(text("answer"));
  other.end();
  await settled();
  deepStrictEqual([mine.text, mine.isEnded], ["answer", true]);
  deepStrictEqual([mine.outcome, theirs.outcome], [null, null]);
  deepStrictEqual([near.openStreams, far.openStreams], [0, 0]);
  strictEqual(stream.state, "closed");
});
