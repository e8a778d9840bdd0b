/** The spool on a disk; see `spool.ts` for what it promises and docs/audit-log.md for why. */
import { concat } from "../bytes/writer.ts";
import { type Clock, rfc3339, type Timer } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { type AuditEvent, type EventFields, newEvent, type StatementEvent } from "./catalog.ts";
import type { SpoolFiles } from "./files.ts";
import type { EventContext } from "./context.ts";
import { type KeptContext, kinds, RecordBuffer, type RecordKind, shippedIn } from "./frame.ts";
import { contextRecords, KeptContexts, lackingIn } from "./kept_contexts.ts";
import { OpenIntents } from "./open_intents.ts";
import { prepare, prepareStatement, statementUid } from "./prepare.ts";
import { RoomQueue } from "./room.ts";
import {
  type Segment,
  Segments,
  type SpoolBatch,
  type SpoolPlace,
  type SpoolSource,
} from "./segments.ts";
import type { AuditMode, Spool, SpoolHealth } from "./spool.ts";
import { recover, type Recovered, withOutcomeUnknown } from "./spool_recover.ts";

export interface SpoolOptions {
  readonly files: SpoolFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Strict statements are refused once the spool holds so much. @default 1 GiB */
  readonly limitBytes?: number;
  /** @default 4 MiB, or an eighth of the limit */
  readonly segmentBytes?: number;
}

type Done = (fault: Fault | null) => void;

const lazyFlushMs = 10;
const flushBytes = 256 * 1024;
const memoryBytesMax = 4 << 20;
const reserveBytesMax = 8 << 20;
const tickMs = 1000;
const longOpenMs = 30_000;

/** Opens the spool of a directory, having put in order what an earlier run left. */
export async function openSpool(options: SpoolOptions): Promise<DiskSpool> {
  const recovered = await recover(options.files);
  const id = options.random.uuid();
  const segmentBytes = options.segmentBytes ?? Math.min(4 << 20, limitOf(options) >> 3);
  const segments = new Segments(options.files, id, recovered.segments, segmentBytes);
  segments.start();
  const spool = new DiskSpool(options, segments);
  spool.resume(recovered);
  await segments.sync();
  return spool;
}

export class DiskSpool implements Spool, SpoolSource {
  readonly #options: SpoolOptions;
  readonly #limitBytes: number;
  readonly #segments: Segments;
  readonly #pending = new RecordBuffer();
  readonly #contexts = new KeptContexts();
  readonly #open: OpenIntents;
  readonly #acknowledged = new Map<string, number>();
  readonly #tick: Timer;
  #strict: Done[] = [];
  #durable: Done[] = [];
  readonly #room: RoomQueue;
  #microtask = false;
  #lazy: Timer | null = null;
  #wake: () => void = () => {};
  #full: { readonly since: number; readonly why: string; readonly fault: Fault } | null = null;
  #lost = 0;
  #unsynced = false;
  #carrying = false;
  #closed = false;

  constructor(options: SpoolOptions, segments: Segments) {
    this.#options = options;
    this.#limitBytes = limitOf(options);
    this.#segments = segments;
    this.#room = new RoomQueue(() => options.clock.monotonic());
    this.#open = new OpenIntents(options.files, () => options.clock.monotonic());
    this.#tick = options.clock.every(tickMs, () => this.#everySecond());
  }

  event(event: AuditEvent): void {
    const parts = prepare(event);
    for (const part of parts) this.#add(kinds.event, part, null);
  }

  intent(event: StatementEvent, context: EventContext): void {
    const kept = this.#contexts.of(context);
    for (const part of prepareStatement(event, context.fields)) this.#add(kinds.intent, part, kept);
  }

  streamed(
    parts: readonly StatementEvent[],
    intent: StatementEvent,
    context: EventContext,
  ): void {
    const kept = this.#contexts.of(context);
    const ready = (event: StatementEvent) => prepareStatement(event, context.fields);
    for (const part of parts.flatMap(ready)) this.#add(kinds.part, part, kept);
    for (const one of ready(intent)) this.#add(kinds.streamed, one, kept);
  }

  result(event: StatementEvent, context: EventContext): void {
    const kept = this.#contexts.of(context);
    const parts = prepareStatement(event, context.fields);
    const last = parts.at(-1);
    for (const part of parts) this.#add(part === last ? kinds.result : kinds.part, part, kept);
  }

  settle(mode: AuditMode, done: Done): void {
    if (mode === "best_effort") {
      queueMicrotask(() => done(null));
      return;
    }
    (mode === "strict" ? this.#strict : this.#durable).push(done);
    if (this.#microtask) return;
    this.#microtask = true;
    queueMicrotask(() => {
      this.#microtask = false;
      this.#flush();
    });
  }

  room(done: () => void): void {
    this.#room.ask(done);
    this.#giveRoom();
  }

  get fault(): Fault | null {
    return this.#full?.fault ?? null;
  }

  get health(): SpoolHealth {
    let unshipped = 0;
    for (const segment of this.#segments.all) unshipped += this.#unacknowledged(segment);
    return {
      full: this.#full !== null,
      bytes: this.#segments.bytes,
      limitBytes: this.#limitBytes,
      segments: this.#segments.all.length,
      openIntents: this.#open.size,
      unshipped,
      lost: this.#lost,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#tick.cancel();
    this.#lazy?.cancel();
    this.#lazy = null;
    await this.#segments.close();
  }

  firstPlace(): SpoolPlace {
    return this.#segments.firstPlace();
  }

  async read(
    place: SpoolPlace,
    maxBytes: number,
    maxEvents: number,
  ): Promise<SpoolBatch | null> {
    if (this.#pending.length > 0) this.#flush();
    return await this.#segments.read(place, maxBytes, maxEvents);
  }

  async acknowledged(spool: string, high: number): Promise<void> {
    this.#acknowledged.set(spool, Math.max(high, this.#acknowledged.get(spool) ?? 0));
    this.#room.taken();
    // One huge statement can fill the spool by itself: its segment has to go, too.
    const { current } = this.#segments;
    const done = current.count > 0 && this.#unacknowledged(current) === 0;
    if (done && this.#full !== null && !this.#closed) this.#segments.start();
    await this.#segments.reap((segment) => this.#unacknowledged(segment) === 0);
    this.#giveRoom();
  }

  onRecords(wake: () => void): void {
    this.#wake = wake;
  }

  /** Answers what an earlier run left unanswered. Called once, before anything else. */
  resume(recovered: Recovered): void {
    const { unanswered, cutBytes } = recovered;
    const contexts = new Map<string, KeptContext>();
    for (const intent of unanswered) {
      const { uid, parts, context } = intent;
      const kept = context === null ? null : contexts.get(context) ?? this.#contexts.keep(context);
      if (kept !== null) contexts.set(kept.json, kept);
      for (const [index, json] of parts.entries()) {
        const kind = index === parts.length - 1 ? kinds.result : kinds.part;
        this.#pending.add(kind, uid, withOutcomeUnknown(json, intent), kept);
      }
    }
    if (unanswered.length > 0 || cutBytes > 0) {
      this.#report("audit.spool.recovered", {
        cut_bytes: cutBytes,
        unknown_statements: unanswered.length,
      });
    }
    this.#flush();
  }

  #add(
    kind: RecordKind,
    event: AuditEvent | StatementEvent,
    context: KeptContext | null,
  ): void {
    if (this.#closed) {
      this.#lost += 1;
      return;
    }
    const uid = kind === kinds.event ? "" : statementUid(event.uid);
    this.#pending.add(kind, uid, JSON.stringify(event), context);
    if (this.#pending.length > flushBytes && this.#full === null) this.#flush();
    else if (this.#pending.length > memoryBytesMax) this.#forget();
    else this.#flushLater();
  }

  /** The timer goes on where a flush comes first: starting one costs more than a look in vain. */
  #flushLater(): void {
    this.#lazy ??= this.#options.clock.after(lazyFlushMs, () => {
      this.#lazy = null;
      if (this.#pending.length > 0) this.#flush();
    });
  }

  #report<N extends "audit.spool.full" | "audit.spool.recovered">(
    name: N,
    fields: EventFields<N>,
  ): void {
    const { clock, random } = this.#options;
    const stamp = { time: rfc3339(clock.now()), uid: random.uuid(), ei: 0 };
    this.#pending.add(kinds.event, "", JSON.stringify(newEvent(name, stamp, fields)));
  }

  /** One write for all that is pending, then the answers to those who wait for it. */
  #flush(): void {
    const strict = this.#strict;
    const durable = this.#durable;
    this.#strict = [];
    this.#durable = [];
    if (this.#pending.length > 0 && !this.#closed) this.#write();
    const fault = this.fault;
    for (const done of strict) done(fault);
    if (fault !== null) { for (const done of durable) done(fault); }
    else if (durable.length > 0) this.#sync(durable);
  }

  #write(): void {
    const needed = this.#segments.bytes + this.#pending.length;
    if (needed > this.#limitBytes) this.#becomeFull(`${this.#limitBytes} bytes are its limit`);
    if (this.#full !== null) this.#dropIntents();
    const reserve = Math.min(reserveBytesMax, this.#limitBytes >> 3);
    if (this.#segments.bytes + this.#pending.length > this.#limitBytes + reserve) {
      this.#forget();
      return;
    }
    let shipped: number;
    try {
      shipped = this.#writePending();
    } catch (thrown) {
      this.#becomeFull(asFault(thrown).message);
      this.#dropIntents();
      this.#forget();
      return;
    }
    this.#pending.clear();
    this.#unsynced = true;
    if (shipped > 0) this.#wake();
    this.#checkRoom();
  }

  /** How many of the records are shipped. Contexts that the segment lacks go before them. */
  #writePending(): number {
    const { records } = this.#pending;
    const segment = this.#segments.next();
    const lacking = lackingIn(segment, records);
    const shipped = shippedIn(records);
    const before = lacking.length === 0 ? null : contextRecords(lacking);
    const pending = this.#pending.bytes;
    const bytes = before === null ? pending : concat([before, pending]);
    const { offset } = this.#segments.write(bytes, shipped);
    for (const context of lacking) context.segment = segment.number;
    const base = offset + (before?.length ?? 0);
    for (const record of records) this.#open.follow(record, segment, base);
    return shipped;
  }

  /** Statements whose intent could not be recorded don't go on: nothing is owed for them. */
  #dropIntents(): void {
    this.#pending.retain((record) => record.kind !== kinds.intent);
  }

  /** Bounds what waits in memory for a disk that is full. */
  #forget(): void {
    if (this.#pending.length <= memoryBytesMax) return;
    let room = memoryBytesMax;
    this.#lost += this.#pending.retain((record) => (room -= record.length) >= 0);
  }

  #becomeFull(why: string): void {
    if (this.#full !== null) return;
    const fault = new Fault({
      kind: "limit",
      code: "audit.spool-full",
      message: `the audit spool takes no more records: ${why}`,
      shown: "this can't be recorded for the audit log at the moment, so it is not run",
      hint: "make room on the disk of the database service, or let it reach the auth service",
    });
    this.#full = { since: this.#options.clock.monotonic(), why, fault };
    const { bytes } = this.#segments;
    this.#options.log.error("the audit spool is full", { why, bytes });
    this.#report("audit.spool.full", { bytes, message: why.slice(0, 1024) });
  }

  /** After a write that worked, and each second: is there room again? */
  #checkRoom(): void {
    const full = this.#full;
    if (full === null || this.#pending.length > 0) return;
    if (this.#segments.bytes > this.#limitBytes * 0.9) return;
    this.#full = null;
    const fullMs = Math.round(this.#options.clock.monotonic() - full.since);
    this.#options.log.info("the audit spool takes records again", { fullMs, lost: this.#lost });
    this.#report("audit.spool.recovered", { full_ms: fullMs, lost_events: this.#lost });
    this.#flushLater();
  }

  #giveRoom(): void {
    this.#room.give(this.#segments.bytes <= this.#limitBytes / 2);
  }

  #everySecond(): void {
    this.#giveRoom();
    if (this.#pending.length > 0) this.#flush();
    this.#checkRoom();
    if (this.#unsynced) this.#sync([]);
    if (!this.#carrying) void this.#carry();
  }

  #sync(durable: readonly Done[]): void {
    this.#unsynced = false;
    this.#segments.sync().then(
      () => durable.forEach((done) => done(null)),
      (thrown) => {
        this.#unsynced = true;
        this.#becomeFull(asFault(thrown).message);
        durable.forEach((done) => done(this.fault));
      },
    );
  }

  /** Ships what has been open for long, and moves it on so that old segments can go. */
  async #carry(): Promise<void> {
    this.#carrying = true;
    try {
      const before = this.#options.clock.monotonic() - longOpenMs;
      for (const intent of this.#open.longOpen(before, this.#segments.current)) {
        const { places } = intent;
        const parts = await this.#open.read(intent);
        // Its result, or a newer intent, may have come, and may still be waiting to be written.
        this.#flush();
        if (this.#closed || this.#full !== null || !this.#open.has(intent)) continue;
        if (intent.places !== places) continue;
        const move = places.some((place) => place.segment !== this.#segments.current);
        const { uid, context, kind } = intent;
        if (!intent.shipped) {
          for (const json of parts) this.#pending.add(kinds.started, uid, json, context);
        }
        if (move) { for (const json of parts) this.#pending.add(kind, uid, json, context); }
        this.#open.moving(intent, move, () => this.#flush());
      }
    } catch (thrown) {
      this.#options.log.warn("open statements could not be carried forward", {
        why: asFault(thrown).message,
      });
    } finally {
      this.#carrying = false;
    }
  }

  #unacknowledged(segment: Segment): number {
    const high = this.#acknowledged.get(segment.spool) ?? 0;
    return Math.min(segment.count, Math.max(0, segment.first + segment.count - 1 - high));
  }
}

function limitOf(options: SpoolOptions): number {
  return options.limitBytes ?? 1 << 30;
}
