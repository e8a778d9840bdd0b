/** The list of fault codes and the tree say the same. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { codes } from "../lib/core/codes.ts";
import { roomCodes } from "../lib/core/codes_rooms.ts";
import { serviceCodes } from "../lib/core/codes_services.ts";
import { type Source, sources } from "./house.ts";

const lists = /^lib\/core\/codes(_rooms|_services)?\.ts$/;
/** What may have codes of the list: no tests, and not the list. */
async function tree(): Promise<readonly Source[]> {
  const all = await sources("lib", "cmd");
  return all.filter(({ path }) => !lists.test(path) && !/_(test|fake|cases)\.ts$/.test(path));
}

Deno.test("codes are room.what, each with its meaning and what to do", () => {
  for (const [code, words] of Object.entries(codes)) {
    match(code, /^[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*$/);
    match(words, /^(?:(?!\. ).)+\. .+\.$/, code);
  }
});

Deno.test("no code is listed twice", () => {
  const count = Object.keys(roomCodes).length + Object.keys(serviceCodes).length;
  strictEqual(Object.keys(codes).length, count);
});

Deno.test("every code is used; the compiler refuses those that are not listed", async () => {
  const unused = new Set<string>(Object.keys(codes));
  for (const { text } of await tree()) {
    for (const code of [...unused]) {
      const [room = "", what = ""] = code.split(".");
      // Some are put together: `tunnel.reset-${code}`.
      const start = [...text.matchAll(/`([a-z]+\.[a-z-]*)\$\{/g)]
        .map(([, found = ""]) => found)
        .find((found) => code.startsWith(found) && found.length > room.length);
      const rest = start === undefined ? null : code.slice(start.length);
      const isBuilt = rest !== null && what !== "" && new RegExp(`\\b${rest}\\b`).test(text);
      if (isBuilt || text.includes(`"${code}"`)) unused.delete(code);
    }
  }
  deepStrictEqual([...unused], []);
});

Deno.test("codes that tests make up stay in tests", async () => {
  const wrong = (await tree()).filter(({ text }) => /code: "test\./.test(text));
  deepStrictEqual(wrong.map(({ path }) => path), []);
});
