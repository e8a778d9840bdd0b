import { strictEqual } from "node:assert/strict";
import { durationMs } from "./duration.ts";

Deno.test("durationMs() reads what people write", () => {
  strictEqual(durationMs("1h30m"), 5_400_000);
  strictEqual(durationMs("250ms"), 250);
  strictEqual(durationMs("1d"), 86_400_000);
});

Deno.test("durationMs() takes nothing else", () => {
  for (const text of ["", "5", "1.5h", "-1s", "1h ", "1w", "1234567890s"]) {
    strictEqual(durationMs(text), null, text);
  }
});
