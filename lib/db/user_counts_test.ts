import { deepStrictEqual, ok } from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { UserCounts } from "./user_counts.ts";

Deno.test("a user has as many sessions as allowed, others have their own", () => {
  const counts = new UserCounts(new SteppingClock());
  ok(counts.enter("alice", 2));
  ok(counts.enter("alice", 2));
  ok(!counts.enter("alice", 2));
  ok(counts.enter("bob", 1));
  counts.leave("alice");
  ok(counts.enter("alice", 2));
  ok(counts.enter("alice", Infinity));
});

Deno.test("statements count for a minute, over all sessions of the user", () => {
  const clock = new SteppingClock();
  const counts = new UserCounts(clock);
  const three = () => [1, 2, 3].map(() => counts.statement("alice", 2));
  deepStrictEqual(three(), [true, true, false]);
  counts.enter("alice", 1);
  counts.leave("alice");
  clock.advance(59_999);
  ok(!counts.statement("alice", 2));
  ok(counts.statement("bob", 2));
  clock.advance(1);
  deepStrictEqual(three(), [true, true, false]);
});
