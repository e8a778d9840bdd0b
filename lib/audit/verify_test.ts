import assert from "node:assert/strict";
import { endOf, loginOf } from "../../tests/fakes/audit_events.ts";
import type { MemoryFiles } from "../../tests/fakes/audit_files.ts";
import { linesOf, openTestLog, setLines, sha256, verifier } from "../../tests/fakes/audit_log.ts";
import { concat } from "../bytes/writer.ts";
import { parseObject } from "./chain.ts";
import { linesBackward } from "./lines.ts";
import { type ProblemKind, verifyLog, type VerifyReport } from "./verify.ts";

const days = ["2026-01-02.ndjson", "2026-01-03.ndjson", "2026-01-04.ndjson"] as const;
const [first, second, third] = days;

interface Sample {
  readonly files: MemoryFiles;
  /** A head that was exported before the tampering. */
  readonly kept: string;
}

/** Three days of ten logins each, closed in order, so that its last line is signed. */
async function sample(): Promise<Sample> {
  const { log, options } = await openTestLog({ checkpointMs: 3_600_000_000 });
  for (let n = 0; n < 30; n += 1) {
    await log.emit(loginOf(n));
    if (n % 10 === 9 && n < 29) options.clock.advance(24 * 3_600_000);
  }
  const kept = await log.head() ?? "";
  await log.close();
  return { files: options.files, kept };
}

function check(files: MemoryFiles, heads: readonly string[] = []): Promise<VerifyReport> {
  return verifyLog({ files, sha256, verify: verifier, heads });
}

function places(report: VerifyReport): string[] {
  return report.problems.map(({ kind, file, line }) => `${kind} ${file} ${line}`);
}

Deno.test("an untouched log verifies to its last line", async () => {
  const { files, kept } = await sample();
  const report = await check(files, [kept]);
  assert.deepEqual(report.problems, []);
  assert.equal(report.ok, true);
  assert.deepEqual([report.files, report.lines, report.firstSeq, report.lastSeq], [3, 31, 1, 31]);
  assert.equal(report.coveredSeq, 31);
  assert.equal(report.heads, 2);
  assert.deepEqual(report.notes, []);
});

Deno.test("a log that holds says how many events never came to it", async () => {
  const { log, options } = await openTestLog();
  const agent = { host: "agent-1", origins: ["db"] } as const;
  const event = (n: number) => JSON.stringify(endOf(n));
  await log.append(agent, { spool: "s", first: 3, events: [event(1)] });
  await log.append(agent, { spool: "s", first: 9, events: [event(2)] });
  await log.close();
  const report = await check(options.files);
  assert.equal(report.ok, true);
  assert.equal(report.missed, 7);
  assert.match(report.notes.join(), /^7 events of services never arrived/);
});

type Tamper = (lines: string[]) => void;

function edit(line: string): string {
  return line.replace('"alice"', '"mallory"');
}

/** The line with another number and, as a forger would, the right hash of the line before. */
function forge(lines: readonly string[], after: number): string {
  const before = lines[after] ?? "";
  const prev = sha256(new TextEncoder().encode(before));
  const event = parseObject(before) ?? {};
  return JSON.stringify({ ...event, uid: "forged", seq: Number(event.seq) + 1, prev });
}

const tamperings: readonly {
  readonly what: string;
  readonly tamper: Tamper;
  /** In the second day's file; several where the trouble shows in several ways. */
  readonly found: readonly (readonly [ProblemKind, number])[];
}[] = [
  {
    what: "a changed line",
    tamper: (lines) => lines[4] = edit(lines[4] ?? ""),
    found: [["changed", 5]],
  },
  {
    what: "a changed last line of a file",
    tamper: (lines) => lines[9] = edit(lines[9] ?? ""),
    found: [["changed", 10]],
  },
  {
    what: "a changed number",
    tamper: (lines) => lines[4] = (lines[4] ?? "").replace('"seq":15', '"seq":900'),
    found: [["changed", 5]],
  },
  {
    what: "a line that is no JSON any more",
    tamper: (lines) => lines[4] = (lines[4] ?? "").slice(1),
    found: [["malformed", 5]],
  },
  { what: "a dropped line", tamper: (lines) => lines.splice(4, 1), found: [["missing", 5]] },
  { what: "three dropped lines", tamper: (lines) => lines.splice(4, 3), found: [["missing", 5]] },
  {
    what: "a file's dropped first line",
    tamper: (lines) => lines.splice(0, 1),
    found: [["missing", 1]],
  },
  {
    what: "a copied line",
    tamper: (lines) => lines.splice(6, 0, lines[2] ?? ""),
    found: [["inserted", 7]],
  },
  {
    what: "a forged line that names the one before",
    tamper: (lines) => lines.splice(5, 0, forge(lines, 4)),
    found: [["inserted", 7]],
  },
  {
    what: "garbage between lines",
    tamper: (lines) => lines.splice(5, 0, ""),
    found: [["malformed", 6]],
  },
  {
    what: "two neighbours swapped",
    tamper: (lines) => lines.splice(4, 2, lines[5] ?? "", lines[4] ?? ""),
    found: [["swapped", 5]],
  },
  {
    what: "two lines swapped from afar",
    tamper: (lines) => [lines[2], lines[7]] = [lines[7] ?? "", lines[2] ?? ""],
    found: [["swapped", 3]],
  },
];

for (const { what, tamper, found } of tamperings) {
  Deno.test(`${what} is named with file and line`, async () => {
    const { files } = await sample();
    const lines = linesOf(files, second);
    tamper(lines);
    setLines(files, second, lines);
    const report = await check(files);
    assert.deepEqual(places(report), found.map(([kind, line]) => `${kind} ${second} ${line}`));
    assert.equal(report.ok, false);
  });
}

Deno.test("any changed byte of any line is found", async () => {
  const { files, kept } = await sample();
  for (const day of days) {
    const whole = files.contents.get(day) ?? new Uint8Array();
    for (let at = 0; at < whole.length; at += 37) {
      const changed = whole.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      files.contents.set(day, changed);
      assert.equal((await check(files, [kept])).ok, false, `${day} byte ${at}`);
    }
    files.contents.set(day, whole);
  }
  assert.equal((await check(files, [kept])).ok, true);
});

Deno.test("a changed last line is found by its signed head", async () => {
  const { files, kept } = await sample();
  const lines = linesOf(files, third);
  lines[10] = (lines[10] ?? "").replace("T", "t");
  setLines(files, third, lines);
  assert.deepEqual(places(await check(files)), [`changed ${third} 11`]);
  files.contents.delete("checkpoints.ndjson");
  assert.deepEqual(places(await check(files)), []);
  assert.deepEqual(places(await check(files, [kept])), [`changed ${third} 11`]);
});

Deno.test("dropped last lines are found against a kept head, wherever it is kept", async () => {
  const { files, kept } = await sample();
  const lines = linesOf(files, third);
  setLines(files, third, lines.slice(0, -1));
  const report = await check(files);
  assert.deepEqual(places(report), [`missing ${third} 10`]);
  assert.match(report.problems[0]?.message ?? "", /seq 31 to 31 are missing at the end/);
  files.contents.delete("checkpoints.ndjson");
  assert.equal((await check(files)).ok, true);
  assert.deepEqual(places(await check(files, [kept])), [`missing ${third} 10`]);
});

Deno.test("a removed file is named: in the middle, the first and the last", async () => {
  for (
    const [gone, wanted] of [
      [second, `missing ${third} 1`],
      [first, `missing ${second} 1`],
      [third, `missing ${second} 10`],
    ]
  ) {
    const { files } = await sample();
    files.contents.delete(gone ?? "");
    assert.deepEqual(places(await check(files)), [wanted]);
  }
});

Deno.test("what retention removed is no error", async () => {
  const { files } = await sample();
  files.contents.delete(first);
  const report = await verifyLog({ files, sha256, verify: verifier, firstSeq: 11 });
  assert.deepEqual(report.problems, []);
  assert.equal(report.firstSeq, 11);
});

Deno.test("a log that was rewritten as a whole contradicts its signed heads", async () => {
  const { files } = await sample();
  let prev = "0".repeat(64);
  for (const day of days) {
    const rewritten = linesOf(files, day).map((line) => {
      const text = JSON.stringify({ ...parseObject(edit(line)), prev });
      prev = sha256(new TextEncoder().encode(text));
      return text;
    });
    setLines(files, day, rewritten);
  }
  assert.deepEqual(places(await check(files)), [`changed ${third} 11`]);
});

Deno.test("a head with a false signature is named", async () => {
  const { files, kept } = await sample();
  const name = "checkpoints.ndjson";
  setLines(files, name, linesOf(files, name).map((line) => line.replace("auth-1", "auth-2")));
  assert.deepEqual(places(await check(files)), [`checkpoint ${name} 1`]);
  assert.deepEqual(places(await check(files, [kept, "{}"])), [
    `checkpoint ${name} 1`,
    "checkpoint kept heads 2",
  ]);
});

Deno.test("files that don't belong to the log are named", async () => {
  const { files } = await sample();
  files.contents.set("2026-01-05.ndjson.bak", new Uint8Array());
  assert.deepEqual(places(await check(files)), ["unknown-file 2026-01-05.ndjson.bak 0"]);
});

Deno.test("an unfinished last line is a note, within the log it is a problem", async () => {
  const { files } = await sample();
  const cut = (name: string) =>
    files.contents.set(name, files.contents.get(name)?.slice(0, -5) ?? new Uint8Array());
  files.contents.delete("checkpoints.ndjson");
  cut(third);
  const report = await check(files);
  assert.equal(report.ok, true);
  assert.match(report.notes.join(), /unfinished line/);
  cut(second);
  assert.deepEqual(places(await check(files)).slice(0, 1), [`malformed ${second} 10`]);
});

Deno.test("a piece without end before a whole line is no unfinished line", async () => {
  const { files } = await sample();
  const bytes = files.contents.get(third) ?? new Uint8Array();
  // So long that the reader gives it up just where the true line begins.
  const at = bytes.indexOf(0x0a) + 1;
  const junk = new Uint8Array((17 << 20) - at).fill(0x78);
  files.contents.set(third, concat([bytes.subarray(0, at), junk, bytes.subarray(at)]));
  assert.deepEqual(places(await check(files)), [`malformed ${third} 2`]);
});

Deno.test("a long rest without end hides no line before it from a search", async () => {
  const { files } = await sample();
  const bytes = files.contents.get(third) ?? new Uint8Array();
  const whole = bytes.filter((byte) => byte === 0x0a).length;
  const longer = concat([bytes, new Uint8Array(3 << 20).fill(0x78)]);
  files.contents.set(third, longer);
  const found = [];
  for await (const line of linesBackward(files, third, longer.length)) found.push(line.offset);
  assert.equal(found.length, whole);
});
