import { strictEqual, throws } from "node:assert/strict";
import { rfc3339 } from "./clock.ts";

Deno.test("times are written as the runtime writes them, in whatever order they come", () => {
  const second = Date.UTC(2026, 10, 27, 23, 59, 59);
  const times = [second, second + 7, second + 42, second + 999, second + 1000, second - 1, second];
  for (const at of [...times, 0, -1, 86_400_000, 1_700_000_000_123.75]) {
    strictEqual(rfc3339(at), new Date(at).toISOString());
    strictEqual(rfc3339(at), new Date(at).toISOString());
  }
});

Deno.test("what is no time is refused", () => {
  throws(() => rfc3339(NaN), RangeError);
});
