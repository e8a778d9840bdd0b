/**
 * Proves offline that a log is what its Auth Service wrote: nothing changed, dropped, inserted or
 * swapped, and, as far as signed heads reach, not rewritten as a whole or cut at its end.
 */
import { type Head, type HeadVerifier, readHead, type Sha256Hex } from "./chain.ts";
import type { AuditFiles } from "./files.ts";
import { checkpointsFile, dayFiles, isDayFile, linesForward } from "./lines.ts";
import { ChainWalk } from "./verify_walk.ts";

export type ProblemKind =
  /** A line is not what was written. */
  | "changed"
  /** Lines that were there are not. */
  | "missing"
  /** A line that was never written here. */
  | "inserted"
  /** Lines in another order. */
  | "swapped"
  /** Not an event of a log. */
  | "malformed"
  /** A file that does not belong here. */
  | "unknown-file"
  /** A signed head is false, or the log contradicts it. */
  | "checkpoint";

export interface VerifyProblem {
  readonly kind: ProblemKind;
  /** Name of the file; empty where the trouble is not in one. */
  readonly file: string;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  /** What is wrong, in words. */
  readonly message: string;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly log: string;
  readonly files: number;
  readonly lines: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastHash: string;
  /** Signed heads that the log agrees with. */
  readonly heads: number;
  /** Up to this line a signed head fixes the log; what follows could have been cut. */
  readonly coveredSeq: number;
  /** Events that services recorded and that never came here, as the log itself says. */
  readonly missed: number;
  readonly problems: readonly VerifyProblem[];
  /** What is worth knowing and no problem. */
  readonly notes: readonly string[];
}

export interface VerifyOptions {
  readonly files: AuditFiles;
  readonly sha256: Sha256Hex;
  /**
   * Checks a head's signature with the audit authority's certificate; null where there is none
   * at hand.
   */
  readonly verify: HeadVerifier | null;
  /** Signed heads that were kept elsewhere (`remoteler audit head`), one line of JSON each. */
  readonly heads?: readonly string[];
  /** `seq` of the first line, where retention removed older ones. @default 1 */
  readonly firstSeq?: number;
  readonly signal?: AbortSignal;
}

/** Problems beyond so many are not listed. */
const problemsMax = 1000;

export async function verifyLog(options: VerifyOptions): Promise<VerifyReport> {
  const { files, sha256 } = options;
  const problems: VerifyProblem[] = [];
  const notes: string[] = [];
  const report = (problem: VerifyProblem) => {
    if (problems.length < problemsMax) problems.push(problem);
  };
  const heads = await gatherHeads(options, report);
  if (options.verify === null) notes.push("signatures were not checked: no audit certificate");
  const walk = new ChainWalk({ sha256, report, heads, firstSeq: options.firstSeq ?? 1 });
  const infos = await dayFiles(files);
  for (const [index, info] of infos.entries()) {
    walk.file(info.name);
    for await (const line of linesForward(files, info.name, 0, info.bytes)) {
      options.signal?.throwIfAborted();
      if (line.whole) walk.line(line.bytes);
      else {
        // Only at the very end was a line being written; elsewhere it is one that is too long.
        const isEnd = line.offset + line.bytes.length === info.bytes;
        unfinished(walk, line.bytes, isEnd && index === infos.length - 1, notes, report);
      }
    }
  }
  const end = walk.end();
  for (const { name } of await files.list()) {
    if (isDayFile(name) || name === checkpointsFile) continue;
    report({ kind: "unknown-file", file: name, line: 0, message: "no file of the log" });
  }
  if (end.lastSeq > end.coveredSeq) {
    notes.push(`lines after seq ${end.coveredSeq} are not covered by a signed head yet`);
  }
  if (end.missed > 0) {
    notes.push(`${end.missed} events of services never arrived: search audit.spool.gap`);
  }
  problems.sort((a, b) => compare(a.file, b.file) || a.line - b.line);
  return { ok: problems.length === 0, files: infos.length, ...end, problems, notes };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function unfinished(
  walk: ChainWalk,
  bytes: Uint8Array,
  last: boolean,
  notes: string[],
  report: (problem: VerifyProblem) => void,
): void {
  const { name, number } = walk.place;
  if (last) notes.push(`${name} ends with an unfinished line of ${bytes.length} bytes`);
  else {
    report({
      kind: "malformed",
      file: name,
      line: number + 1,
      message: "the file ends within a line, or the line is too long for an event",
    });
  }
}

/** Heads of the directory and those handed in, by `seq`; false ones are reported. */
async function gatherHeads(
  options: VerifyOptions,
  report: (problem: VerifyProblem) => void,
): Promise<ReadonlyMap<number, readonly Head[]>> {
  const heads = new Map<number, Head[]>();
  const add = async (json: string, file: string, line: number) => {
    const reading = await readHead(json, options.verify);
    if (reading.ok) {
      const known = heads.get(reading.head.seq);
      if (known === undefined) heads.set(reading.head.seq, [reading.head]);
      else known.push(reading.head);
      return;
    }
    report({ kind: "checkpoint", file, line, message: `a head is false: ${reading.why}` });
  };
  for (const [index, json] of (options.heads ?? []).entries()) {
    if (json.trim() !== "") await add(json, "kept heads", index + 1);
  }
  const info = (await options.files.list()).find((each) => each.name === checkpointsFile);
  if (info === undefined) return heads;
  let number = 0;
  for await (const line of linesForward(options.files, info.name, 0, info.bytes)) {
    number += 1;
    // A head that was being written when the service was killed.
    if (line.whole) await add(decoder.decode(line.bytes), info.name, number);
  }
  return heads;
}

const decoder = new TextDecoder();
