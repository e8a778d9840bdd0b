/** The log as daily files `YYYY-MM-DD.ndjson`, one JSON object a line. */
import type { Clock } from "../../core/clock.ts";
import { asFault, Fault } from "../../core/fault.ts";
import { type ChainEnd, noHash, parseObject, type Sha256Hex } from "../chain.ts";
import type { AppendFile, AuditFiles } from "../files.ts";
import { dayFile, dayFiles, linesBackward } from "../lines.ts";
import type { AuditSink, ChainedLines } from "./sink.ts";

export interface FileSinkOptions {
  readonly files: AuditFiles;
  readonly clock: Clock;
  readonly sha256: Sha256Hex;
}

/** What a crash left at the end of the log and was cut off: never acknowledged, since not whole. */
export interface Repair {
  readonly file: string;
  readonly cutBytes: number;
}

export interface OpenedFileSink {
  readonly sink: FileSink;
  readonly end: ChainEnd;
  readonly repair: Repair | null;
}

/**
 * Opens the log of a directory; throws a fault (`audit.log-damaged`) where its last line can't
 * be read.
 */
export async function openFileSink(options: FileSinkOptions): Promise<OpenedFileSink> {
  const { files, sha256 } = options;
  const infos = await dayFiles(files);
  let repair: Repair | null = null;
  for (const info of infos.toReversed()) {
    const last = await linesBackward(files, info.name, info.bytes).next();
    const stop = last.done ? 0 : last.value.offset + last.value.bytes.length + 1;
    if (stop < info.bytes) {
      await cut(files, info.name, stop);
      repair ??= { file: info.name, cutBytes: info.bytes - stop };
    }
    if (last.done) continue;
    const end = { seq: readSeq(last.value.bytes, info.name), hash: sha256(last.value.bytes) };
    return { sink: new FileSink(files, infos.at(-1)?.name ?? info.name), end, repair };
  }
  const name = infos.at(-1)?.name ?? dayFile(options.clock.now());
  return { sink: new FileSink(files, name), end: { seq: 0, hash: noHash }, repair };
}

async function cut(files: AuditFiles, name: string, bytes: number): Promise<void> {
  const file = files.append(name);
  try {
    file.truncate(bytes);
    await file.sync();
  } finally {
    file.close();
  }
}

function readSeq(line: Uint8Array, file: string): number {
  const seq = parseObject(decoder.decode(line))?.seq;
  if (typeof seq === "number" && Number.isSafeInteger(seq) && seq > 0) return seq;
  throw new Fault({
    kind: "internal",
    code: "audit.log-damaged",
    message: `the last line of ${file} is not an event of this log`,
    hint: "run `remoteler audit verify`, keep a copy of the directory, then move the file away",
  });
}

export class FileSink implements AuditSink {
  readonly #files: AuditFiles;
  /** Name of the newest file; never goes back, even where the clock does. */
  #name: string;
  #file: AppendFile | null = null;
  #broken: Fault | null = null;

  constructor(files: AuditFiles, name: string) {
    this.#files = files;
    this.#name = name;
  }

  /** The file that holds the last line. */
  get name(): string {
    return this.#name;
  }

  /** Size of that file. */
  get bytes(): number {
    return this.#file?.bytes ?? 0;
  }

  async write(lines: ChainedLines): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    const file = await this.#open(dayFile(lines.now));
    const before = file.bytes;
    try {
      file.write(lines.bytes);
      await file.sync();
    } catch (thrown) {
      this.#undo(file, before);
      throw unwritable(thrown);
    }
  }

  close(): Promise<void> {
    this.#file?.close();
    this.#file = null;
    return Promise.resolve();
  }

  async #open(today: string): Promise<AppendFile> {
    if (this.#file !== null && today <= this.#name) return this.#file;
    const name = today > this.#name ? today : this.#name;
    try {
      const file = this.#files.append(name);
      this.#file?.close();
      this.#file = file;
      this.#name = name;
      await this.#files.sync();
      return file;
    } catch (thrown) {
      throw unwritable(thrown);
    }
  }

  /** Lines that were not acknowledged are sent again: none of them may stay. */
  #undo(file: AppendFile, bytes: number): void {
    try {
      file.truncate(bytes);
    } catch (thrown) {
      this.#broken = unwritable(thrown);
    }
  }
}

function unwritable(thrown: unknown): Fault {
  return new Fault({
    kind: "unavailable",
    code: "audit.log-unwritable",
    message: `the audit log can't be written: ${asFault(thrown).message}`,
    shown: "the audit log can't be written at the moment",
    hint: "make room on the disk of the auth service",
    cause: thrown,
  });
}

const decoder = new TextDecoder();
