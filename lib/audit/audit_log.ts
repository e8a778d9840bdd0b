/**
 * The log of one Auth Service: takes events in from the services' spools and from Auth itself,
 * chains them, keeps them, and signs checkpoints.
 */
import type { Backend } from "../core/backend.ts";
import { type Clock, rfc3339, type Timer } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { type AuditEvent, type EventFields, type EventName, newEvent } from "./catalog.ts";
import { type ChainEnd, type HeadSigner, parseObject, type Sha256Hex } from "./chain.ts";
import { Checkpoints, type KeptMarks } from "./checkpoints.ts";
import { joinContext } from "./context.ts";
import type { AuditFiles } from "./files.ts";
import { admit, type EventFields as Fields, type Sender } from "./inbox.ts";
import { dayFiles, linesForward } from "./lines.ts";
import { LogWriter, type Stamped } from "./log_writer.ts";
import type { SpoolMarks } from "./marks.ts";
import { prepare } from "./prepare.ts";
import type { FileSink } from "./sinks/file.ts";
import { sinks } from "./sinks/mod.ts";

export interface AuditLogOptions {
  /** The directory of the log. */
  readonly files: AuditFiles;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly sha256: Sha256Hex;
  /** Host id of this Auth Service: the name of its log. */
  readonly host: string;
  readonly cluster: string;
  /** Signs checkpoints with the `audit` authority. */
  readonly signer: HeadSigner;
  /** A checkpoint is made after so many events. @default 10000 */
  readonly checkpointEvents?: number;
  /** And after so many milliseconds, if there was any event. @default 300000 */
  readonly checkpointMs?: number;
}

/** Opens the log: cuts a torn last line, finds the chain's end and the spools' marks. */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { sink, end, repair } = await sinks.file(options);
  const checkpoints = new Checkpoints(options);
  const kept = await checkpoints.load();
  await readMarks(options.files, kept);
  if (end.seq < checkpoints.seq) {
    const fields = { signed: checkpoints.seq, found: end.seq };
    options.log.error("the audit log ends before its last signed head: run audit verify", fields);
  }
  const log = new AuditLog(options, sink, end, checkpoints, kept.marks);
  if (repair !== null) {
    options.log.warn("a torn last line of the audit log was cut off", { ...repair });
    await log.report("audit.log.repaired", { file: repair.file, cut_bytes: repair.cutBytes });
  }
  return log;
}

/** Follows the lines that were written after the marks were kept. */
async function readMarks(files: AuditFiles, kept: KeptMarks): Promise<void> {
  for (const { name, bytes } of await dayFiles(files)) {
    if (name < kept.file) continue;
    const offset = name === kept.file ? kept.offset : 0;
    for await (const line of linesForward(files, name, offset, bytes)) {
      kept.marks.follow(parseObject(decoder.decode(line.bytes)) ?? {});
    }
  }
}

/** What a spool sends; see the call `audit.append`. */
export interface ReceivedBatch {
  readonly spool: string;
  /** Number of the first event in its spool. */
  readonly first: number;
  readonly events: readonly string[];
  readonly contexts?: readonly string[];
  readonly context_of?: readonly number[];
}

interface Received {
  readonly json: string;
  readonly context: Fields | null;
  readonly contextJson: string | null;
  readonly spool: string;
  readonly spool_seq: number;
}

export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #sink: FileSink;
  readonly #writer: LogWriter;
  readonly #checkpoints: Checkpoints;
  readonly #listeners = new Set<(line: string) => void>();
  readonly #timer: Timer;
  /** What is stored; and what was taken in and may still wait for the disk. */
  readonly #stored: SpoolMarks;
  #taken: SpoolMarks;
  #place: { readonly file: string; readonly offset: number };
  #checkpointing: Promise<void> | null = null;
  #closed = false;

  constructor(
    options: AuditLogOptions,
    sink: FileSink,
    end: ChainEnd,
    checkpoints: Checkpoints,
    marks: SpoolMarks,
  ) {
    const { host: name, clock, sha256 } = options;
    this.#options = options;
    this.#sink = sink;
    this.#checkpoints = checkpoints;
    this.#stored = marks;
    this.#taken = marks.copy();
    this.#place = { file: sink.name, offset: 0 };
    this.#writer = new LogWriter({
      sink,
      end,
      name,
      clock,
      sha256,
      stored: (lines, events) => this.#isStored(lines, events),
      failed: (fault) => this.#isNotStored(fault),
    });
    const every = options.checkpointMs ?? 300_000;
    this.#timer = clock.every(every, () => this.#checkpointAfter(1));
  }

  /** The last line that is stored; its `seq` is how many events the log has. */
  get end(): ChainEnd {
    return this.#writer.end;
  }

  /**
   * Takes in a batch of a spool; resolves once all up to and with `high` is fsynced. Events that
   * are
   * not in the catalogue, or not the sender's to report, are kept as `audit.event.refused`.
   */
  async append(
    sender: Sender,
    { spool, first, events, contexts = [], context_of = [] }: ReceivedBatch,
  ): Promise<{ high: number }> {
    const parsed = contexts.map((json) => parseObject(json) ?? {});
    const last = first + events.length - 1;
    const high = this.#taken.high(sender.host, spool);
    const taken: Stamped[] = [];
    if (first > high + 1) taken.push(this.#gap(sender, high + 1, first - 1));
    for (const [index, json] of events.entries()) {
      const spool_seq = first + index;
      if (spool_seq <= high) continue;
      const place = context_of[index] ?? -1;
      const whole = { json, context: parsed[place] ?? null, contextJson: contexts[place] ?? null };
      taken.push(this.#takeIn({ ...whole, spool, spool_seq }, sender));
    }
    // Also where all is known already: it may still be on its way to the disk.
    const stored = this.#store(taken);
    // What wasn't taken in must be sent again: its mark stayed where it was.
    if (taken.length > 0) this.#taken.raise(sender.host, spool, last);
    await stored;
    return { high: Math.max(last, this.#stored.high(sender.host, spool)) };
  }

  /** Records an event of the Auth Service's own; resolves once it is fsynced. */
  async emit(event: AuditEvent): Promise<void> {
    const { cluster, host } = this.#options;
    const stamps = { cluster_name: cluster, server_id: host };
    await this.#store(prepare(event).map((part) => ({ ...part, ...stamps })));
  }

  /** The same, with time and uid given here; for events outside sessions. */
  async report<N extends EventName>(name: N, fields: EventFields<N>): Promise<void> {
    await this.#store([this.#own(name, fields)]);
  }

  /** A signed head over all that is stored now, to be kept elsewhere; null for an empty log. */
  async head(): Promise<string | null> {
    await this.#checkpoint();
    return this.#checkpoints.last;
  }

  /**
   * Calls `listener` with each line once it is stored, without newline; gives the way to end
   * it.
   */
  subscribe(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Signs the last head; events that come later are refused. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#timer.cancel();
    await this.#writer.settled();
    await this.#checkpoint().catch((thrown) => this.#checkpointFailed(thrown));
    this.#closed = true;
    await this.#writer.settled();
    await this.#sink.close();
  }

  #takeIn(received: Received, sender: Sender): Stamped {
    const { json, context, contextJson, spool, spool_seq } = received;
    const { cluster, log } = this.#options;
    const { host } = sender;
    const admission = admit(json, context, sender);
    if (admission.ok) {
      return { ...admission.event, cluster_name: cluster, server_id: host, spool, spool_seq };
    }
    log.warn("an audit event was refused", { host, why: admission.why });
    const refused = { host, reason: admission.why, payload: joinContext(json, contextJson) };
    return { ...this.#own("audit.event.refused", refused), server_id: host, spool, spool_seq };
  }

  #gap(sender: Sender, first: number, last: number): Stamped {
    const { host } = sender;
    this.#options.log.warn("audit events of a spool are missing", { host, first, last });
    return this.#own("audit.spool.gap", { host, first, last });
  }

  #own<N extends EventName>(name: N, fields: EventFields<N>): Stamped {
    const { clock, random, cluster, host } = this.#options;
    const stamp = { time: rfc3339(clock.now()), uid: random.uuid(), ei: 0 };
    return { ...newEvent(name, stamp, fields), cluster_name: cluster, server_id: host };
  }

  /** Throws where they are not taken in at all. */
  #store(events: readonly Stamped[]): Promise<void> {
    if (this.#closed) throw closing();
    return this.#writer.store(events);
  }

  #isStored(lines: readonly string[], events: readonly Stamped[]): void {
    for (const event of events) this.#stored.follow(event);
    this.#place = { file: this.#sink.name, offset: this.#sink.bytes };
    for (const listener of this.#listeners) for (const line of lines) listener(line);
    this.#checkpointAfter(this.#options.checkpointEvents ?? 10_000);
  }

  #isNotStored(fault: Fault): void {
    this.#taken = this.#stored.copy();
    this.#options.log.error("the audit log can't be written", { why: fault.message });
  }

  #checkpointAfter(events: number): void {
    if (this.#checkpointing !== null || this.#closed) return;
    if (Math.abs(this.end.seq - this.#checkpoints.seq) < events) return;
    this.#checkpoint().catch((thrown) => this.#checkpointFailed(thrown));
  }

  /** One at a time; one that is running may have begun before the caller's last event. */
  async #checkpoint(): Promise<void> {
    while (this.#checkpointing !== null) await this.#checkpointing.catch(asFault);
    if (this.end.seq === this.#checkpoints.seq) return;
    this.#checkpointing = this.#makeCheckpoint().finally(() => this.#checkpointing = null);
    await this.#checkpointing;
  }

  /**
   * The event comes first, so that the head covers it and the last line of a log at rest is
   * covered.
   */
  async #makeCheckpoint(): Promise<void> {
    const { seq, hash } = this.end;
    await this.report("audit.checkpoint", { head_seq: seq, head_hash: hash });
    const { file, offset } = this.#place;
    await this.#checkpoints.make(this.end, { marks: this.#stored.copy(), file, offset });
  }

  #checkpointFailed(thrown: unknown): void {
    this.#options.log.error("a checkpoint of the audit log could not be made", {
      why: asFault(thrown).message,
    });
  }
}

function closing(): Fault {
  return new Fault({
    kind: "unavailable",
    code: "audit.log-closed",
    message: "the audit log is closed",
    shown: "the auth service is stopping",
  });
}

const decoder = new TextDecoder();
