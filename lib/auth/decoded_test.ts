import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Entry, Revision } from "../core/backend.ts";
import { revisionOf } from "../backend/table_backend.ts";
import { Decoded } from "./decoded.ts";

const encoder = new TextEncoder();

function entry(name: string, text: string, revision: Revision): Entry {
  return { key: ["kind", name], value: encoder.encode(text), revision, expires: null };
}

async function* listed(...entries: readonly Entry[]): AsyncGenerator<Entry> {
  yield* entries;
}

Deno.test("bytes that stayed the same are decoded once, whatever their revision", async () => {
  const decoded: string[] = [];
  const list = new Decoded(({ value }) => {
    const text = new TextDecoder().decode(value);
    decoded.push(text);
    return text;
  });
  const [one, two] = [revisionOf(1n), revisionOf(2n)];
  await list.all(listed(entry("a", "first", one), entry("b", "second", one)));
  const again = await list.all(listed(entry("a", "first", two), entry("b", "other", two)));
  deepStrictEqual(decoded, ["first", "second", "other"]);
  deepStrictEqual(again.map((found) => found.decoded), ["first", "other"]);
  strictEqual(again[0]?.entry.revision, two);
});

Deno.test("what is gone is forgotten, and decoded anew when it is back", async () => {
  let count = 0;
  const list = new Decoded(() => (count += 1));
  const [a, b] = [entry("a", "x", revisionOf(1n)), entry("b", "x", revisionOf(1n))];
  await list.all(listed(a, b));
  await list.all(listed(a));
  await list.all(listed(a, b));
  strictEqual(count, 3);
});
