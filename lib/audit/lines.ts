/** Reads the lines of log files, forwards and backwards, in bounded memory. */
import type { AuditFileInfo, AuditFiles } from "./files.ts";

export interface Line {
  readonly file: string;
  /** Where it starts in the file. */
  readonly offset: number;
  /** Its bytes without the newline; a view that is valid until the next line is asked for. */
  readonly bytes: Uint8Array;
  /** False for a rest at the end of a file that no newline ends. */
  readonly whole: boolean;
}

/** No line is longer; what is, is given in pieces that are not whole. */
export const lineBytesMax = 16 << 20;
const chunkBytes = 1 << 20;
const newline = 0x0a;

export const checkpointsFile = "checkpoints.ndjson";

/** `YYYY-MM-DD.ndjson` of a moment, in UTC. */
export function dayFile(now: number): string {
  return `${new Date(now).toISOString().slice(0, 10)}.ndjson`;
}

export function isDayFile(name: string): boolean {
  return /^\d{4}-\d\d-\d\d\.ndjson$/.test(name);
}

/** The daily files, oldest first. */
export async function dayFiles(files: AuditFiles): Promise<readonly AuditFileInfo[]> {
  const found = (await files.list()).filter((info) => isDayFile(info.name));
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Lines from `offset` on, up to `end`. */
export async function* linesForward(
  files: AuditFiles,
  file: string,
  offset: number,
  end: number,
): AsyncGenerator<Line, void> {
  let held: Uint8Array = new Uint8Array();
  let base = offset;
  let at = offset;
  while (at < end) {
    const chunk = await files.read(file, at, Math.min(chunkBytes, end - at));
    if (chunk.length === 0) break;
    at += chunk.length;
    held = join(held, chunk);
    let start = 0;
    for (;;) {
      const stop = held.indexOf(newline, start);
      if (stop < 0) break;
      yield { file, offset: base + start, bytes: held.subarray(start, stop), whole: true };
      start = stop + 1;
    }
    held = held.subarray(start);
    base += start;
    if (held.length <= lineBytesMax) continue;
    yield { file, offset: base, bytes: held, whole: false };
    base += held.length;
    held = new Uint8Array();
  }
  if (held.length > 0) yield { file, offset: base, bytes: held, whole: false };
}

/**
 * Whole lines that end at or before `end` (which must be the start of a line or the file's
 * end), last first.
 */
export async function* linesBackward(
  files: AuditFiles,
  file: string,
  end: number,
): AsyncGenerator<Line, void> {
  let held: Uint8Array = new Uint8Array();
  let at = end;
  let torn = true;
  while (at > 0) {
    const wanted = Math.min(chunkBytes, at);
    at -= wanted;
    held = join(await files.read(file, at, wanted), held);
    if (torn) {
      // What follows the last newline is not a line yet.
      const last = held.lastIndexOf(newline);
      if (last < 0) {
        held = new Uint8Array();
        continue;
      }
      held = held.subarray(0, last + 1);
      torn = false;
    }
    for (;;) {
      const before = held.length < 2 ? -1 : held.lastIndexOf(newline, held.length - 2);
      if (before < 0) break;
      const bytes = held.subarray(before + 1, held.length - 1);
      yield { file, offset: at + before + 1, bytes, whole: true };
      held = held.subarray(0, before + 1);
    }
    if (held.length > lineBytesMax) return;
  }
  if (!torn && held.length > 0) yield { file, offset: 0, bytes: held.subarray(0, -1), whole: true };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
