/** What a crash, a bad disk or an intruder leaves of the audit spool and log. */
import { ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { concat } from "../../lib/bytes/writer.ts";
import { type HeadSigner, noHash, signHead } from "../../lib/audit/chain.ts";
import { crc32c } from "../../lib/audit/crc32c.ts";
import { openSpool } from "../../lib/audit/disk_spool.ts";
import {
  bodyBytesMax,
  frameHeaderBytes,
  kinds,
  RecordBuffer,
  scanRecords,
} from "../../lib/audit/frame.ts";
import { type Line, linesBackward, linesForward } from "../../lib/audit/lines.ts";
import { Redactor } from "../../lib/audit/redactor.ts";
import { recover } from "../../lib/audit/spool_recover.ts";
import { verifyLog } from "../../lib/audit/verify.ts";
import { MemoryFiles } from "../fakes/audit_files.ts";
import { endOf, intentOf, loginOf, resultOf, sessionContext } from "../fakes/audit_events.ts";
import { SteppingClock } from "../fakes/clock.ts";
import { RecordingLog } from "../fakes/log.ts";
import { SeededRandom } from "../fakes/random.ts";
import type { Delivery, Target } from "./campaign.ts";

const encoder = new TextEncoder();
const segmentName = "0000000001.seg";

function segment(fill: (records: RecordBuffer) => void): Uint8Array {
  const records = new RecordBuffer();
  records.add(kinds.header, "", JSON.stringify({ v: 1, spool: "a-spool", first: 1 }));
  fill(records);
  return records.bytes.slice();
}

const segments = [
  segment((records) => {
    records.add(kinds.event, "", JSON.stringify(loginOf(1)));
    records.add(kinds.intent, "u2", JSON.stringify(intentOf(2)));
    records.add(kinds.result, "u2", JSON.stringify(resultOf(2)));
    records.add(kinds.event, "", JSON.stringify(endOf(3)));
  }),
  segment((records) => {
    records.add(kinds.intent, "u1", JSON.stringify(intentOf(1)));
    records.add(kinds.intent, "u1", JSON.stringify(intentOf(2)));
    records.add(kinds.started, "u1", JSON.stringify(intentOf(1)));
    records.add(kinds.part, "u3", JSON.stringify(resultOf(3)));
    records.add(kinds.intent, "u4", "[1]");
  }),
  segment((records) => {
    const context = { number: 1, json: sessionContext.json, segment: 0 };
    records.add(kinds.context, "", context.json, context);
    records.add(kinds.intent, "u1", JSON.stringify(intentOf(1)), context);
    records.add(kinds.result, "u1", JSON.stringify(resultOf(1)), context);
    records.add(kinds.intent, "u2", JSON.stringify(intentOf(2)), { ...context, number: 2 });
  }),
  segment((records) => {
    const part = { of: "u5", index: 0, count: 1 };
    records.add(kinds.streamed, "u5", JSON.stringify({ ...intentOf(5), part }));
    records.add(kinds.part, "u5", JSON.stringify({ ...intentOf(5), outcome: "part" }));
    records.add(
      kinds.streamed,
      "u5",
      JSON.stringify({ ...intentOf(5), part: { ...part, count: 2 } }),
    );
    records.add(kinds.part, "u5", JSON.stringify({ ...intentOf(5), outcome: "part" }));
    records.add(kinds.streamed, "u6", JSON.stringify(intentOf(6)));
    records.add(kinds.result, "u6", JSON.stringify(resultOf(6)));
  }),
  segment(() => {}),
];

/** Sums put right, so that what a record says is looked at and not only its sum. */
function withSums(input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  for (let at = 0; at + frameHeaderBytes <= input.length;) {
    const length = view.getUint32(at);
    const end = at + frameHeaderBytes + length;
    if (length > bodyBytesMax || end > input.length) break;
    view.setUint32(at + 4, crc32c(input, at + frameHeaderBytes, end));
    at = end;
  }
  return input;
}

/** Whatever is there: the spool opens, gives what is whole, and takes new events. */
async function spool(input: Uint8Array): Promise<string> {
  const files = new MemoryFiles();
  files.contents.set(segmentName, input);
  const found = await recover(files.copy());
  const kept = found.segments.reduce((sum, each) => sum + each.bytes, 0);
  strictEqual(kept + found.cutBytes, input.length, "bytes were lost or made up");
  const whole = [...scanRecords(input)].length;
  const opened = await openSpool({
    files,
    clock: new SteppingClock(),
    random: new SeededRandom(),
    log: new RecordingLog(),
  });
  try {
    opened.event(loginOf(9, "after"));
    let shipped = 0;
    let last = "";
    let place = opened.firstPlace();
    for (let batches = 0; batches < 100; batches++) {
      const batch = await opened.read(place, 1 << 20, 1000);
      if (batch === null) break;
      shipped += batch.events.length;
      last = batch.events.at(-1) ?? "";
      place = batch.next;
    }
    ok(last.includes('"after"'), "new events are not shipped");
    ok(shipped <= whole * 2 + 2, "more events than records");
  } finally {
    await opened.close();
  }
  return `${found.segments.length} ${found.unanswered.length} ${found.cutBytes > 0} ${whole}`;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const signer: HeadSigner = {
  key: "k",
  sign: (bytes) => Promise.resolve(encoder.encode(sha256(bytes))),
};
const dayName = "2026-01-02.ndjson";

/** A log of six lines and the head signed at its end. */
async function genuineLog(): Promise<{ text: Uint8Array; head: string }> {
  const lines: Uint8Array[] = [];
  let prev = noHash;
  for (let seq = 1; seq <= 6; seq++) {
    const line = encoder.encode(JSON.stringify({ ...loginOf(seq), log: "auth-1", seq, prev }));
    lines.push(line, Uint8Array.of(0x0a));
    prev = sha256(line);
  }
  const time = "2026-01-02T03:04:05.000Z";
  const head = { v: 1, cluster: "c", log: "auth-1", seq: 6, hash: prev, time, file: dayName };
  return { text: concat(lines), head: await signHead({ ...head, v: 1 }, signer) };
}

const genuine = await genuineLog();

/** Every line once, forwards and backwards alike, and nothing between them. */
async function logLines(input: Uint8Array): Promise<string> {
  const files = new MemoryFiles();
  files.contents.set(dayName, input);
  const copy = ({ offset, bytes, whole }: Line) => ({ offset, bytes: bytes.slice(), whole });
  const forward = [];
  for await (const line of linesForward(files, dayName, 0, input.length)) forward.push(copy(line));
  const parts = forward.flatMap((line) =>
    line.whole ? [line.bytes, Uint8Array.of(10)] : line.bytes
  );
  strictEqual(concat(parts).toHex(), input.toHex(), "lines are not the file");
  const backward = [];
  for await (const line of linesBackward(files, dayName, input.length)) backward.push(copy(line));
  const text = (lines: ReturnType<typeof copy>[]) =>
    lines.map((line) => `${line.offset} ${line.bytes.toHex()}`).join("\n");
  strictEqual(text(backward.reverse()), text(forward.filter((line) => line.whole)));
  return `${Math.min(forward.length, 20)}`;
}

/** A log that differs, but for an unfinished last line, is never called right. */
async function verification(input: Uint8Array): Promise<string> {
  const files = new MemoryFiles();
  files.contents.set(dayName, input);
  const report = await verifyLog({
    files,
    sha256,
    verify: (bytes, signature) =>
      Promise.resolve(
        concat([signature]).toHex() ===
          encoder.encode(sha256(bytes)).toHex(),
      ),
    heads: [genuine.head],
  });
  if (report.ok) {
    const { text } = genuine;
    ok(text.every((byte, at) => byte === input[at]), "a changed log was called right");
    ok(!input.subarray(text.length).includes(0x0a), "a line more was called right");
  }
  return report.problems.map((problem) => problem.kind).slice(0, 4).join(" ");
}

/** However a text is cut, the same is left of it, in order, and little is held back. */
function redaction(input: Uint8Array, { random }: Delivery): string {
  const text = new TextDecoder().decode(input);
  const whole = new Redactor().push(text, true);
  const redactor = new Redactor();
  let cut = "";
  for (let at = 0; at < text.length;) {
    const end = at + 1 + random.below(400);
    cut += redactor.push(text.slice(at, end));
    at = end;
  }
  strictEqual(cut + redactor.push("", true), whole, "cuts make a difference");
  let from = 0;
  for (const kept of whole.split("***")) {
    const found = text.indexOf(kept, from);
    ok(found >= 0, "something was made up");
    from = found + kept.length;
  }
  return `${whole.split("***").length} ${redactor.parameters.size}`;
}

export const targets: readonly Target[] = [
  {
    name: "audit redaction",
    seeds: [
      "ALTER ROLE x PASSWORD E'a\\'b' 'c'; SET app.token = $$x$$; select set_config('a.b', $1)",
      "DO $a$ BEGIN EXECUTE 'alter role x password ''y'''; END $a$; /* /* */ ' */ -- '",
      "select dblink('host=h password=x'), 'postgres://u:p@h', E'pwd=\\'z\\'', \"token\" 'a'",
      "alter user 'a'@'%' identified by \"y\"; copy t from program 'curl -u a:b --password c'",
    ].map((text) => encoder.encode(text)),
    words: [
      "'",
      "''",
      '"',
      "$$",
      "$a$",
      "\\",
      "/*",
      "*/",
      "--",
      "\n",
      "password ",
      "identified by ",
    ],
    answers: [],
    run: redaction,
  },
  {
    name: "audit spool recovery",
    seeds: segments,
    words: ["H", "E", "I", "P", "R", "S", "T", "null", "[]", '"v":1', '"first":-1', '"first":9e15'],
    answers: [],
    repair: withSums,
    run: spool,
  },
  {
    name: "audit log lines",
    seeds: [genuine.text, encoder.encode("a\n\nb"), encoder.encode("\n")],
    words: ["\n", "\n\n", "\r\n"],
    answers: [],
    run: logLines,
  },
  {
    name: "audit log verification",
    seeds: [genuine.text],
    words: ["\n", '"seq":1', '"seq":7', '"prev":', "null", "{}", "\r", "\t", " "],
    answers: [],
    run: verification,
  },
];
