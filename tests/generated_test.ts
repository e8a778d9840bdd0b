import { deepStrictEqual } from "node:assert/strict";
import { stale } from "../scripts/generate.ts";

Deno.test("generated files are what the code gives: else run `deno task generate`", async () => {
  deepStrictEqual(await stale(), []);
});
