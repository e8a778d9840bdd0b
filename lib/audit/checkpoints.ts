/** Signed heads: a file beside the log, and the newest in the backend with the spools' marks. */
import type { Backend, Key } from "../core/backend.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { type ChainEnd, type HeadSigner, parseObject, readHead, signHead } from "./chain.ts";
import type { AuditFiles } from "./files.ts";
import { checkpointsFile } from "./lines.ts";
import { SpoolMarks } from "./marks.ts";

export interface CheckpointOptions {
  readonly files: AuditFiles;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly signer: HeadSigner;
  readonly host: string;
  readonly cluster: string;
}

/** The spools' marks as they were when the log reached `offset` in `file`. */
export interface KeptMarks {
  readonly marks: SpoolMarks;
  readonly file: string;
  readonly offset: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Checkpoints {
  readonly #options: CheckpointOptions;
  #last: string | null = null;
  #seq = 0;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** The newest signed head, as `signHead` gives it; null before the first. */
  get last(): string | null {
    return this.#last;
  }

  /** `seq` of the last line that a signed head covers. */
  get seq(): number {
    return this.#seq;
  }

  /** Reads what an earlier run kept; call it once, first. */
  async load(): Promise<KeptMarks> {
    const { backend, host } = this.#options;
    const head = await backend.get(headKey(host));
    if (head !== null) {
      const line = decoder.decode(head.value);
      const reading = await readHead(line, null);
      if (reading.ok) {
        this.#last = line;
        this.#seq = reading.head.seq;
      }
    }
    const entry = await backend.get(marksKey(host));
    const kept = entry === null ? null : parseObject(decoder.decode(entry.value));
    const { marks, file, offset } = { marks: "", file: "", offset: 0, ...kept };
    if (typeof marks !== "string" || typeof file !== "string" || typeof offset !== "number") {
      return { marks: new SpoolMarks(), file: "", offset: 0 };
    }
    return { marks: SpoolMarks.fromJson(marks), file, offset };
  }

  /** Signs the chain's end and keeps it, with the marks as of then. */
  async make(end: ChainEnd, kept: KeptMarks): Promise<void> {
    const { backend, clock, cluster, host, signer } = this.#options;
    const time = rfc3339(clock.now());
    const marks = JSON.stringify({ ...kept, marks: kept.marks.toJson() });
    const head = { v: 1, cluster, log: host, ...end, time, file: kept.file } as const;
    const line = await signHead(head, signer);
    await this.#append(line);
    await backend.commit({
      puts: [
        { key: headKey(host), value: encoder.encode(line) },
        { key: marksKey(host), value: encoder.encode(marks) },
      ],
    });
    this.#last = line;
    this.#seq = end.seq;
  }

  async #append(line: string): Promise<void> {
    const file = this.#options.files.append(checkpointsFile);
    try {
      file.write(encoder.encode(`${line}\n`));
      await file.sync();
    } finally {
      file.close();
    }
  }
}

function headKey(host: string): Key {
  return ["audit", "head", host];
}

function marksKey(host: string): Key {
  return ["audit", "marks", host];
}
