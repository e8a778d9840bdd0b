import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Fifo } from "./fifo.ts";

Deno.test("what waits comes in order, however much of it came and went", () => {
  const fifo = new Fifo<{ readonly n: number }>();
  let [next, seen] = [0, 0];
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 5000; count++) fifo.push({ n: next++ });
    for (let count = 0; count < 4000; count++) strictEqual(fifo.shift()?.n, seen++);
  }
  strictEqual(fifo.length, 3000);
  deepStrictEqual([...fifo].map(({ n }) => n), Array.from({ length: 3000 }, (_, at) => seen + at));
  deepStrictEqual([fifo.first?.n, fifo.last?.n], [seen, next - 1]);
  while (fifo.shift() !== undefined);
  deepStrictEqual([fifo.length, fifo.first, fifo.last], [0, undefined, undefined]);
});
