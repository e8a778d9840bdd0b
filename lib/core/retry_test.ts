import { ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { backoff, fractionOf } from "./retry.ts";

Deno.test("waits double up to the limit, with jitter between a half and the whole", () => {
  const limits = { firstMs: 100, maxMs: 1_000 };
  strictEqual(backoff(0, 0, limits), 50);
  strictEqual(backoff(1, 0, limits), 100);
  strictEqual(backoff(3, 0.5, limits), 600);
  for (const attempt of [4, 10, 1_000, 1e9]) {
    ok(backoff(attempt, 0.999, limits) < 1_000);
    strictEqual(backoff(attempt, 0, limits), 500);
  }
});

Deno.test("a peer that is back is tried within three seconds by default", () => {
  const random = new SeededRandom(1);
  for (let attempt = 0; attempt < 200; attempt++) {
    ok(backoff(attempt, random.fraction()) <= 3_000);
  }
});

Deno.test("fractionOf covers 0 to just under 1", () => {
  strictEqual(fractionOf(Uint8Array.of(0, 0, 0, 0)), 0);
  strictEqual(fractionOf(Uint8Array.of(128, 0, 0, 0)), 0.5);
  ok(fractionOf(Uint8Array.of(255, 255, 255, 255)) < 1);
});
