import assert from "node:assert/strict";
import { maxValueBytes } from "../backend/mod.ts";
import { SpoolMarks, spoolsMax } from "./marks.ts";

/** Like the ids of hosts and spools. */
function id(kind: string, number: number): string {
  return `${kind}${String(number).padStart(35, "0")}`;
}

Deno.test("a host that starts again and again pushes out its own old spools, nobody else's", () => {
  const marks = new SpoolMarks();
  marks.raise("quiet", "first", 7);
  for (let start = 1; start <= 3 * spoolsMax; start++) marks.raise("restless", id("s", start), 1);
  assert.equal(marks.high("quiet", "first"), 7);
  const newest = 3 * spoolsMax;
  const known = [newest - 8, newest - 7, newest].map((at) => marks.high("restless", id("s", at)));
  assert.deepEqual(known, [0, 1, 1]);
  // Numbers of a spool that goes on don't push out the other role's.
  for (let high = 1; high < 1000; high++) marks.raise("restless", id("s", newest), high);
  assert.equal(marks.high("restless", id("s", newest - 7)), 1);
});

Deno.test("the marks of thousands of hosts are kept, and fit into one value of the state", () => {
  const marks = new SpoolMarks();
  for (let host = 0; host < spoolsMax; host++) {
    marks.raise(id("h", host), id("s", host), 123_456_789);
  }
  const json = marks.toJson();
  const kept = JSON.stringify({ marks: json, file: "2026-01-01.jsonl", offset: 2 ** 40 });
  assert.ok(kept.length < maxValueBytes, `${kept.length} bytes`);
  for (const each of [marks, marks.copy(), SpoolMarks.fromJson(json)]) {
    assert.equal(each.high(id("h", 0), id("s", 0)), 123_456_789);
    assert.equal(each.toJson(), json);
    // The one that was heard of again stays, the next oldest goes.
    each.raise(id("h", 0), id("s", 0), 123_456_790);
    each.raise("one", "more", 1);
    const highs = [0, 1, 2].map((host) => each.high(id("h", host), id("s", host)));
    assert.deepEqual(highs, [123_456_790, 0, 123_456_789]);
  }
});

Deno.test("a mark never goes back, and belongs to its host", () => {
  const marks = new SpoolMarks();
  marks.follow({ server_id: "a", spool: "s", spool_seq: 5 });
  marks.follow({ server_id: "a", spool: "s", spool_seq: 3 });
  marks.follow({ server_id: "b", spool: "s", spool_seq: 9 });
  marks.follow({ server_id: "a", spool_seq: 8 });
  assert.deepEqual([marks.high("a", "s"), marks.high("b", "s"), marks.high("c", "s")], [5, 9, 0]);
});
