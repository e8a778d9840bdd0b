/** Chains events and writes them in groups: one write and one fsync serve all that wait. */
import type { Clock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { ChainEnd, Sha256Hex } from "./chain.ts";
import type { AuditSink } from "./sinks/mod.ts";

/** An event with all but its place in the chain. */
export type Stamped = Readonly<Record<string, unknown>>;

export interface LogWriterOptions {
  readonly sink: AuditSink;
  readonly end: ChainEnd;
  /** Name of the log. */
  readonly name: string;
  readonly clock: Clock;
  readonly sha256: Sha256Hex;
  /** Called with each group once it is stored, before anybody who waits for it. */
  readonly stored: (lines: readonly string[], events: readonly Stamped[]) => void;
  /** Called when a group could not be stored; nothing of it is. */
  readonly failed: (fault: Fault) => void;
}

interface Waiting {
  readonly events: readonly Stamped[];
  readonly done: () => void;
  readonly failed: (fault: Fault) => void;
}

interface Group {
  readonly waiting: readonly Waiting[];
  readonly events: readonly Stamped[];
  readonly lines: readonly string[];
  readonly bytes: Uint8Array;
  readonly end: ChainEnd;
}

/** Bytes of lines that are written at once, roughly. */
const groupBytesMax = 4 << 20;
/** Events that wait for the disk; beyond, senders are asked to come again. */
const waitingMax = 50_000;
const newline = 0x0a;

export class LogWriter {
  readonly #options: LogWriterOptions;
  #end: ChainEnd;
  #waiting: Waiting[] = [];
  #waitingCount = 0;
  #writing: Promise<void> | null = null;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#end = options.end;
  }

  /** The last line that is stored. */
  get end(): ChainEnd {
    return this.#end;
  }

  /**
   * Takes events in and resolves once these, and all before them, are fsynced; rejects where they
   * are not stored. Throws `audit.log-busy` where so many more may not wait for the disk now.
   */
  store(events: readonly Stamped[]): Promise<void> {
    if (this.#waitingCount + events.length > waitingMax) throw busy();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ events, done: resolve, failed: reject });
    this.#waitingCount += events.length;
    this.#writing ??= this.#writeAll();
    return promise;
  }

  /** Resolves once nothing waits. */
  async settled(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // What comes in this tick goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        if (group.lines.length > 0) await this.#write(group);
        for (const each of group.waiting) each.done();
      } catch (thrown) {
        this.#fail(group, asFault(thrown));
      }
    }
    // In the same turn as the last look: what comes right after begins anew.
    this.#writing = null;
  }

  async #write(group: Group): Promise<void> {
    const { sink, clock, stored } = this.#options;
    const { bytes, end, lines } = group;
    await sink.write({ bytes, end, count: lines.length, now: clock.now() });
    this.#end = end;
    stored(lines, group.events);
  }

  /** What waits behind goes back too: its numbers would leave a gap. */
  #fail(group: Group, fault: Fault): void {
    const all = [...group.waiting, ...this.#waiting];
    this.#waiting = [];
    this.#waitingCount = 0;
    this.#options.failed(fault);
    for (const each of all) each.failed(fault);
  }

  #nextGroup(): Group {
    const { name, sha256 } = this.#options;
    const log = JSON.stringify(name);
    const events: Stamped[] = [];
    const lines: string[] = [];
    const encoded: Uint8Array[] = [];
    let { seq, hash } = this.#end;
    let size = 0;
    let taken = 0;
    for (const each of this.#waiting) {
      if (size > groupBytesMax) break;
      taken += 1;
      for (const event of each.events) {
        seq += 1;
        const line = `${
          JSON.stringify(event).slice(0, -1)
        },"log":${log},"seq":${seq},"prev":"${hash}"}`;
        const bytes = encoder.encode(line);
        hash = sha256(bytes);
        size += bytes.length + 1;
        events.push(event);
        lines.push(line);
        encoded.push(bytes);
      }
    }
    const waiting = this.#waiting.splice(0, taken);
    this.#waitingCount -= events.length;
    return { waiting, events, lines, bytes: joinLines(encoded, size), end: { seq, hash } };
  }
}

function joinLines(lines: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const line of lines) {
    joined.set(line, at);
    at += line.length + 1;
    joined[at - 1] = newline;
  }
  return joined;
}

function busy(): Fault {
  return new Fault({
    kind: "unavailable",
    code: "audit.log-busy",
    message: "too many events wait for the disk of the audit log",
  });
}

const encoder = new TextEncoder();
