import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { merged } from "./merged.ts";

interface Item {
  readonly n: number;
}

/** A source that gives what it is told to, when it is told to. */
class Source implements AsyncIterator<Item> {
  asked = 0;
  #answers: PromiseWithResolvers<IteratorResult<Item>>[] = [];

  next(): Promise<IteratorResult<Item>> {
    this.asked += 1;
    const answer = Promise.withResolvers<IteratorResult<Item>>();
    this.#answers.push(answer);
    return answer.promise;
  }

  give(n: number): void {
    this.#answers.shift()?.resolve({ done: false, value: { n } });
  }

  end(): void {
    this.#answers.shift()?.resolve({ done: true, value: undefined });
  }

  fail(why: Error): void {
    this.#answers.shift()?.reject(why);
  }
}

async function taken(from: AsyncGenerator<Item>, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) {
    const { done, value } = await from.next();
    if (done === true) break;
    found.push(value.n);
  }
  return found;
}

Deno.test("items of all sources come in the order in which they arrived", async () => {
  const [a, b] = [new Source(), new Source()];
  const all = merged<Item>([a, b], new AbortController().signal);
  const first = all.next();
  b.give(1);
  deepStrictEqual((await first).value, { n: 1 });
  a.give(2);
  const next = taken(all, 2);
  await Promise.resolve();
  b.give(3);
  deepStrictEqual(await next, [2, 3]);
  await all.return();
});

Deno.test("a source is asked for one item ahead, not more", async () => {
  const a = new Source();
  const all = merged<Item>([a], new AbortController().signal);
  const first = all.next();
  a.give(1);
  await first;
  strictEqual(a.asked, 2);
  a.give(2);
  await new Promise((resolve) => setTimeout(resolve, 0));
  strictEqual(a.asked, 2);
  await all.return();
});

Deno.test("it ends with the first source that ends, and with the fault of one", async () => {
  const [a, b] = [new Source(), new Source()];
  const ending = merged<Item>([a, b], new AbortController().signal);
  const last = ending.next();
  a.end();
  strictEqual((await last).done, true);
  const failing = merged<Item>([new Source(), b], new AbortController().signal);
  const failed = failing.next();
  b.fail(new Error("of the first call"));
  b.fail(new Error("behind"));
  await rejects(failed, /behind/);
});

Deno.test("it ends when the signal aborts, also without any source", async () => {
  const end = new AbortController();
  const lasts = [[new Source()], []].map((sources) => merged<Item>(sources, end.signal).next());
  end.abort();
  for (const last of lasts) strictEqual((await last).done, true);
});
