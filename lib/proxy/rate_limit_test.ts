import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { RateLimit, sourceOf } from "./rate_limit.ts";
import { Strangers } from "./strangers.ts";

Deno.test("a burst is let through, then one each period, for each source", () => {
  const clock = new SteppingClock();
  const limit = new RateLimit(clock, 3, 1000);
  const taken = () => limit.take("192.0.2.1:5000");
  deepStrictEqual([taken(), taken(), taken()], [0, 0, 0]);
  strictEqual(taken(), 1000);
  strictEqual(limit.take("192.0.2.1:6000"), 1000, "the port does not matter");
  strictEqual(limit.take("192.0.2.2:5000"), 0);
  clock.advance(1000);
  deepStrictEqual([taken(), taken()], [0, 1000]);
  clock.advance(60_000);
  deepStrictEqual([taken(), taken(), taken(), taken()], [0, 0, 0, 1000]);
});

Deno.test("an IPv6 network of 64 bits counts as one", () => {
  strictEqual(sourceOf("[2001:db8:1:2::5]:443"), sourceOf("[2001:db8:1:2:ffff::9]:80"));
  strictEqual(sourceOf("[2001:db8::1]:443"), "2001:db8:0:0");
  strictEqual(sourceOf("[::1]:443"), "0:0:0:0");
  strictEqual(sourceOf("10.0.0.1:443"), "10.0.0.1");
});

Deno.test("no source takes every place, and a place is given back once", () => {
  const strangers = new Strangers({ max: 3, maxPerSource: 2 });
  const first = strangers.enter("192.0.2.1:1");
  strangers.enter("192.0.2.1:2");
  strictEqual(strangers.enter("192.0.2.1:3"), null);
  strangers.enter("192.0.2.2:1");
  strictEqual(strangers.enter("192.0.2.3:1"), null);
  first?.();
  first?.();
  strictEqual(strangers.count, 2);
});
