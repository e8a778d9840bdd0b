/**
 * The segments of a spool on disk: one is written, the others wait to be shipped and removed. The
 * numbers of shipped records follow each other within a spool id; an id is good for one run of the
 * process, so that a disk that went back in time never gives a number twice.
 */
import { asFault } from "../core/fault.ts";
import type { AppendFile, AuditFiles } from "./files.ts";
import { frameLength, isShipped, kinds, readRecord, RecordBuffer, scanRecords } from "./frame.ts";

export interface Segment {
  readonly name: string;
  readonly number: number;
  readonly spool: string;
  /** Sequence number of its first shipped record. */
  readonly first: number;
  /** Shipped records in it. */
  count: number;
  /** Bytes of whole records; what follows was torn. */
  bytes: number;
  /** Statements begun here whose result is not recorded yet. */
  openIntents: number;
}

/** A place in the spool for reading: a segment, a byte in it, and the number of the next record. */
export interface SpoolPlace {
  segment: number;
  offset: number;
  seq: number;
}

export interface SpoolBatch {
  readonly spool: string;
  /** Sequence number of the first event. */
  readonly first: number;
  /** Events as JSON text. */
  readonly events: readonly string[];
  /** JSON objects that complete events. */
  readonly contexts: readonly string[];
  /** For each event the place of its context in `contexts`; -1 for an event that is whole. */
  readonly context_of: readonly number[];
  /** Where to go on once they are acknowledged. */
  readonly next: SpoolPlace;
  /** Its limits ended it, or the end of a segment: there may be more to read at once. */
  readonly more: boolean;
}

/** What the shipper needs of a spool. */
export interface SpoolSource {
  firstPlace(): SpoolPlace;
  read(place: SpoolPlace, maxBytes: number, maxEvents: number): Promise<SpoolBatch | null>;
  /** The Auth Service has all up to and with `high` of this spool id. */
  acknowledged(spool: string, high: number): Promise<void>;
  /** Calls `wake` whenever there is something new to read. */
  onRecords(wake: () => void): void;
}

export class Segments {
  readonly #files: AuditFiles;
  readonly #segmentBytes: number;
  readonly #spool: string;
  #segments: Segment[];
  #bytes: number;
  #file: AppendFile | null = null;
  #dirty: { file: AppendFile; segment: Segment; done: boolean }[] = [];
  #newNames = false;
  /** The contexts of the segment that was read last, as far as it was read. */
  #read: { segment: number; contexts: Map<number, string> } = { segment: 0, contexts: new Map() };
  #syncing: Promise<void> | null = null;

  /** `old` are the segments of earlier runs, oldest first; `start` opens this run's first. */
  constructor(files: AuditFiles, spool: string, old: readonly Segment[], segmentBytes: number) {
    this.#files = files;
    this.#spool = spool;
    this.#segments = [...old];
    this.#bytes = old.reduce((sum, segment) => sum + segment.bytes, 0);
    this.#segmentBytes = segmentBytes;
  }

  get all(): readonly Segment[] {
    return this.#segments;
  }

  get current(): Segment {
    const last = this.#segments.at(-1);
    if (last === undefined) throw new Error("the spool has no segment: start it first");
    return last;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Opens the segment that is written from now on; throws as the disk does. */
  start(): void {
    const before = this.#segments.at(-1);
    const number = (before?.number ?? 0) + 1;
    const first = before?.spool === this.#spool ? before.first + before.count : 1;
    const name = `${String(number).padStart(10, "0")}.seg`;
    const header = new RecordBuffer();
    header.add(kinds.header, "", JSON.stringify({ v: 1, spool: this.#spool, first }));
    const file = this.#files.append(name);
    try {
      // A leftover of a start that failed half way.
      if (file.bytes > 0) file.truncate(0);
      file.write(header.bytes);
    } catch (thrown) {
      file.close();
      throw thrown;
    }
    const old = this.#dirty.at(-1);
    if (old !== undefined) old.done = true;
    const segment: Segment = {
      name,
      number,
      spool: this.#spool,
      first,
      count: 0,
      bytes: header.length,
      openIntents: 0,
    };
    this.#segments.push(segment);
    this.#bytes += segment.bytes;
    this.#file = file;
    this.#newNames = true;
    this.#dirty.push({ file, segment, done: false });
  }

  /** The segment that the next write goes to: a new one where the last is full. */
  next(): Segment {
    if (this.current.bytes >= this.#segmentBytes) this.start();
    return this.current;
  }

  /**
   * Appends framed records in one write; throws as the disk does, having cut what was written
   * in part.
   */
  write(records: Uint8Array, shipped: number): { segment: Segment; offset: number } {
    const segment = this.current;
    const file = this.#file;
    if (file === null) throw new Error("the spool is closed");
    try {
      file.write(records);
    } catch (thrown) {
      this.#cut(file, segment);
      throw thrown;
    }
    const offset = segment.bytes;
    segment.bytes += records.length;
    this.#bytes += records.length;
    segment.count += shipped;
    return { segment, offset };
  }

  /** After a write that failed: back to the last whole record, or on in a new segment. */
  #cut(file: AppendFile, segment: Segment): void {
    try {
      if (file.bytes !== segment.bytes) file.truncate(segment.bytes);
    } catch {
      // Readers stop at `segment.bytes` in this run and at the torn record after a restart.
      this.start();
    }
  }

  /** fsyncs all that was written before the call. */
  async sync(): Promise<void> {
    // One that is running may have begun before the caller's last write.
    if (this.#syncing !== null) await this.#syncing.catch(asFault);
    this.#syncing ??= this.#syncNow().finally(() => this.#syncing = null);
    await this.#syncing;
  }

  async #syncNow(): Promise<void> {
    const newNames = this.#newNames;
    for (const each of [...this.#dirty]) {
      const done = each.done;
      await each.file.sync();
      if (!done) continue;
      each.file.close();
      this.#dirty = this.#dirty.filter((other) => other !== each);
    }
    if (!newNames) return;
    this.#newNames = false;
    await this.#files.sync();
  }

  /** The oldest place that holds anything to ship. */
  firstPlace(): SpoolPlace {
    const segment = this.#segments[0] ?? this.current;
    return { segment: segment.number, offset: 0, seq: segment.first };
  }

  /** Shipped records from `place` on, of one spool id; null where there are none. */
  async read(place: SpoolPlace, maxBytes: number, maxEvents: number): Promise<SpoolBatch | null> {
    for (;;) {
      const segment = this.#segments.find((each) => each.number >= place.segment);
      if (segment === undefined) return null;
      const from = segment.number === place.segment && place.offset > 0
        ? { ...place }
        : { segment: segment.number, offset: 0, seq: segment.first };
      // While it is read, records may be added and the next segment begun.
      const growing = segment === this.current;
      const batch = await this.#readSegment(segment, from, maxBytes, maxEvents);
      if (batch.events.length > 0) return batch;
      if (growing) return null;
      // A damaged rest of an older segment is passed over; the gap shows at the Auth Service.
      place = { segment: segment.number + 1, offset: 0, seq: 0 };
    }
  }

  async #readSegment(
    segment: Segment,
    from: SpoolPlace,
    maxBytes: number,
    maxEvents: number,
  ): Promise<SpoolBatch> {
    const contexts = await this.#contextsBefore(segment, from.offset);
    const batch = new Batch(contexts);
    const { events } = batch;
    const end = segment.bytes;
    let { offset, seq } = from;
    let taken = 0;
    while (offset < end && taken < maxBytes && events.length < maxEvents) {
      const bytes = await this.#chunk(segment, offset, end, maxBytes);
      let at = 0;
      for (;;) {
        const record = taken < maxBytes && events.length < maxEvents ? readRecord(bytes, at) : null;
        if (record === null) break;
        at += record.length;
        if (record.kind === kinds.context) {
          contexts.set(record.context, decoder.decode(record.payload));
        }
        if (!isShipped(record.kind)) continue;
        batch.add(decoder.decode(record.payload), record.context);
        taken += record.payload.length;
        seq += 1;
      }
      if (at === 0) break;
      offset += at;
    }
    const next = { segment: segment.number, offset, seq };
    const more = taken >= maxBytes || events.length >= maxEvents || segment !== this.current;
    const { contexts: named, context_of } = batch;
    const { spool } = segment;
    return { spool, first: from.seq, events, contexts: named, context_of, next, more };
  }

  /** Reading goes on where it ended, as a rule; else what stands before is looked through. */
  async #contextsBefore(segment: Segment, offset: number): Promise<Map<number, string>> {
    if (this.#read.segment === segment.number && offset > 0) return this.#read.contexts;
    const contexts = new Map<number, string>();
    this.#read = { segment: segment.number, contexts };
    if (offset === 0) return contexts;
    for (const record of scanRecords(await this.#files.read(segment.name, 0, offset))) {
      if (record.kind !== kinds.context) continue;
      contexts.set(record.context, decoder.decode(record.payload));
    }
    return contexts;
  }

  async #chunk(
    segment: Segment,
    offset: number,
    end: number,
    maxBytes: number,
  ): Promise<Uint8Array> {
    const wanted = Math.min(end - offset, maxBytes);
    const bytes = await this.#files.read(segment.name, offset, wanted);
    const length = frameLength(bytes, 0);
    if (length === null || length <= bytes.length) return bytes;
    return await this.#files.read(segment.name, offset, length);
  }

  /** Removes segments from the oldest on whose records are all acknowledged and answered. */
  async reap(acknowledged: (segment: Segment) => boolean): Promise<void> {
    let removed = false;
    for (;;) {
      const oldest = this.#segments[0];
      if (oldest === undefined || oldest === this.current) break;
      if (oldest.openIntents > 0 || !acknowledged(oldest)) break;
      // The results of its statements may be in later segments: they must be as safe as it was.
      if (!removed) await this.sync();
      await this.#files.remove(oldest.name);
      this.#segments = this.#segments.filter((each) => each !== oldest);
      this.#bytes -= oldest.bytes;
      removed = true;
    }
    if (removed) await this.#files.sync();
  }

  async close(): Promise<void> {
    await this.sync().catch(asFault);
    for (const each of this.#dirty) each.file.close();
    this.#dirty = [];
    this.#file = null;
  }
}

/** Events of one batch, each context once. */
class Batch {
  readonly events: string[] = [];
  readonly contexts: string[] = [];
  readonly context_of: number[] = [];
  readonly #known: ReadonlyMap<number, string>;
  readonly #places = new Map<number, number>();

  constructor(known: ReadonlyMap<number, string>) {
    this.#known = known;
  }

  add(json: string, context: number): void {
    this.events.push(json);
    this.context_of.push(this.#placeOf(context));
  }

  #placeOf(context: number): number {
    const place = this.#places.get(context);
    if (place !== undefined) return place;
    const json = this.#known.get(context);
    if (json === undefined) return -1;
    this.#places.set(context, this.contexts.push(json) - 1);
    return this.contexts.length - 1;
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
