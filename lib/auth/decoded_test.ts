import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { memoryBackend } from "../backend/mod.ts";
import type { Backend, Key } from "../core/backend.ts";
import { Decoded } from "./decoded.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function put(backend: Backend, texts: Readonly<Record<string, string>>): Promise<void> {
  const puts = Object.entries(texts).map(([name, text]) => ({
    key: ["kind", name],
    value: encoder.encode(text),
  }));
  ok((await backend.commit({ puts })).ok);
}

/** A list that says what it decoded. */
function listOfTexts() {
  const decoded: string[] = [];
  const list = new Decoded(["kind"], ({ value }) => {
    decoded.push(decoder.decode(value));
    return decoder.decode(value);
  });
  return { list, decoded };
}

Deno.test("bytes that stayed the same are decoded once, whatever their revision", async () => {
  const backend = memoryBackend(new SteppingClock());
  const { list, decoded } = listOfTexts();
  await put(backend, { a: "first", b: "second" });
  const [before] = await list.all(backend);
  await put(backend, { a: "first", b: "other" });
  const again = await list.all(backend);
  deepStrictEqual(decoded, ["first", "second", "other"]);
  deepStrictEqual(again.map((found) => found.decoded), ["first", "other"]);
  notStrictEqual(again[0], before);
  strictEqual(again[0]?.entry.revision, (await backend.get(["kind", "a"]))?.revision);
  await backend.close();
});

Deno.test("what nobody wrote is the very same, and its bytes aren't asked for again", async () => {
  const backend = memoryBackend(new SteppingClock());
  const { list } = listOfTexts();
  await put(backend, { a: "first" });
  await put(backend, { b: "second" });
  const before = await list.all(backend);
  await put(backend, { c: "third" });
  const values: string[] = [];
  const watched = Object.assign(Object.create(backend), {
    get: (key: Key) => backend.get(key),
    list: async (prefix: Key, page: Parameters<Backend["list"]>[1]) => {
      const found = await backend.list(prefix, page);
      for (const { value } of found) if (value !== null) values.push(decoder.decode(value));
      return found;
    },
  });
  const again = await list.all(watched);
  deepStrictEqual(values, ["third"]);
  strictEqual(again[0], before[0]);
  strictEqual(again[1], before[1]);
  await backend.close();
});

Deno.test("what is gone is forgotten, and decoded anew when it is back", async () => {
  const backend = memoryBackend(new SteppingClock());
  const { list, decoded } = listOfTexts();
  await put(backend, { a: "x", b: "y" });
  await list.all(backend);
  await backend.commit({ deletes: [["kind", "b"]] });
  deepStrictEqual((await list.all(backend)).map((found) => found.decoded), ["x"]);
  await put(backend, { b: "y" });
  deepStrictEqual((await list.all(backend)).map((found) => found.decoded), ["x", "y"]);
  deepStrictEqual(decoded, ["x", "y", "y"]);
  await backend.close();
});

Deno.test("a write that fell between two pages of a reading is seen by the next", async () => {
  const backend = memoryBackend(new SteppingClock());
  const { list } = listOfTexts();
  for (let from = 0; from < 1001; from += 250) {
    const names = Array.from({ length: Math.min(250, 1001 - from) }, (_, at) => from + at);
    await put(backend, Object.fromEntries(names.map((at) => [`n${at + 1000}`, "old"])));
  }
  await list.all(backend);
  let pages = 0;
  const between = Object.assign(Object.create(backend), {
    get: (key: Key) => backend.get(key),
    list: async (prefix: Key, page: Parameters<Backend["list"]>[1]) => {
      if (++pages === 2) {
        await put(backend, { n1000: "new" });
        await backend.commit({ deletes: [["kind", "n1001"]] });
        await put(backend, { n2000: "newest" });
      }
      return await backend.list(prefix, page);
    },
  });
  const during = await list.all(between);
  deepStrictEqual([pages, during[0]?.decoded, during.at(-1)?.decoded], [2, "old", "newest"]);
  const after = await list.all(backend);
  deepStrictEqual([after.length, after[0]?.decoded, after[1]?.decoded], [1000, "new", "old"]);
  await backend.close();
});

Deno.test("readings at the same time are each whole", async () => {
  const backend = memoryBackend(new SteppingClock());
  const { list } = listOfTexts();
  await put(backend, { a: "1", b: "1" });
  const first = list.all(backend);
  await put(backend, { a: "2" });
  const [one, two] = await Promise.all([first, list.all(backend)]);
  deepStrictEqual(two.map((found) => found.decoded), ["2", "1"]);
  strictEqual(one.length, 2);
  deepStrictEqual((await list.all(backend)).map((found) => found.decoded), ["2", "1"]);
  await backend.close();
});
