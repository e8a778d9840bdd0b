import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { ByteQueue } from "./queue.ts";

Deno.test("bytes leave in order whatever the cuts, and views are not copied", () => {
  const queue = new ByteQueue();
  const whole = Uint8Array.from({ length: 1000 }, (_, i) => i & 255);
  for (let at = 0; at < 1000; at += 3) queue.push(whole.subarray(at, Math.min(at + 3, 1000)));
  strictEqual(queue.length, 1000);
  const first = queue.shift(2);
  strictEqual(first?.buffer, whole.buffer);
  const got = [...first ?? []];
  for (let part = queue.shift(2); part !== null; part = queue.shift(2)) got.push(...part);
  deepStrictEqual(got, [...whole]);
  strictEqual(queue.length, 0);
});

Deno.test("moveTo takes exactly what it was asked for", () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1, 2, 3));
  queue.push(Uint8Array.of(4, 5));
  const target = new Uint8Array(6);
  queue.moveTo(target, 1, 4);
  deepStrictEqual([...target], [0, 1, 2, 3, 4, 0]);
  strictEqual(queue.length, 1);
  throws(() => queue.moveTo(target, 0, 2), RangeError);
  deepStrictEqual([...queue.takeAll()], [5]);
});

Deno.test("takeAll empties the queue and clear drops it", () => {
  const queue = new ByteQueue();
  deepStrictEqual([...queue.takeAll()], []);
  queue.push(Uint8Array.of(1));
  queue.push(Uint8Array.of(2));
  deepStrictEqual([...queue.takeAll()], [1, 2]);
  queue.push(Uint8Array.of(3));
  queue.clear();
  strictEqual(queue.shift(1), null);
  queue.push(new Uint8Array(0));
  strictEqual(queue.length, 0);
});
