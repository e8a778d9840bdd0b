import { deepStrictEqual } from "node:assert/strict";
import { intentOf } from "../../tests/fakes/audit_events.ts";
import { MemoryFiles } from "../../tests/fakes/audit_files.ts";
import { kinds, RecordBuffer } from "./frame.ts";
import { recover } from "./spool_recover.ts";

const header = JSON.stringify({ v: 1, spool: "a", first: 1 });

async function recovered(first: string, intent: string) {
  const records = new RecordBuffer();
  records.add(kinds.header, "", first);
  records.add(kinds.intent, "u1", intent);
  const files = new MemoryFiles();
  files.contents.set("0000000001.seg", records.bytes.slice());
  const { segments, unanswered } = await recover(files);
  return [segments.length, unanswered.length];
}

Deno.test("an intent with a good sum is answered only where it is an event", async () => {
  deepStrictEqual(await recovered(header, JSON.stringify(intentOf(1))), [1, 1]);
  deepStrictEqual(await recovered(header, "{"), [1, 0]);
  deepStrictEqual(await recovered(header, "[1]"), [1, 0]);
});

Deno.test("a segment whose header says nothing of use is put aside", async () => {
  for (const bad of ["{", "null", '{"v":1,"spool":"a","first":0}', '{"v":2}']) {
    deepStrictEqual(await recovered(bad, "{}"), [0, 0], bad);
  }
});
