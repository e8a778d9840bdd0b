/**
 * A Backend over a table that this process alone writes: checks, expiry and watch are here, so that
 * `memory` and `sqlite` differ in nothing but where the items lie.
 */
import type {
  Backend,
  Change,
  Commit,
  CommitResult,
  Entry,
  Key,
  News,
  Revision,
} from "../core/backend.ts";
import type { Clock, EpochMs, Timer } from "../core/clock.ts";
import {
  checkCommit,
  checkLimit,
  decodeKey,
  encodeKey,
  encodePrefix,
  endOfPrefix,
} from "./items.ts";
import { closedFault, WatchHub } from "./watch_buffer.ts";

export interface Item {
  /** As {@linkcode encodeKey} writes it. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly revision: Revision;
  readonly expires: EpochMs | null;
}

/** An item whose value is left out where the reader knows it. */
export type ItemNews = Omit<Item, "value"> & { readonly value: Uint8Array | null };

/** At most `limit` items that live at `now` with `from` <= key < `end`, in order. */
export interface ItemRange {
  readonly from: Uint8Array;
  readonly end: Uint8Array;
  readonly limit: number;
  readonly now: EpochMs;
}

/** Items in key order; expired ones are there until they are deleted. All calls are synchronous. */
export interface ItemTable {
  /** The revision of the last write, also after everything was deleted. */
  revision(): Revision;
  get(key: Uint8Array): Item | null;
  range(range: ItemRange): readonly Item[];
  /** The same, with the values of those alone whose revision is higher than `known`. */
  news(range: ItemRange, known: Revision): readonly ItemNews[];
  /**
   * All of it or none, and then it throws. Kept as safely as the table keeps anything, unless a
   * power cut may undo it.
   */
  write(
    revision: Revision,
    puts: readonly Item[],
    deletes: readonly Uint8Array[],
    mayBeLost: boolean,
  ): void;
  /** Keys of at most `limit` items that are over at `now`. */
  expired(now: EpochMs, limit: number): readonly Uint8Array[];
  /** When the next item is over; null if none ever is. */
  nextExpiry(): EpochMs | null;
  close(): void;
}

const sweepBatch = 256;
/** Timers count 31 bits of milliseconds; looking again after an hour is as good. */
const maxSweepDelayMs = 3_600_000;

export class TableBackend implements Backend {
  readonly #table: ItemTable;
  readonly #clock: Clock;
  readonly #hub = new WatchHub();
  #sweep: { readonly at: EpochMs; readonly timer: Timer } | null = null;
  #closed = false;

  constructor(table: ItemTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
    this.#plan();
  }

  get(key: Key): Promise<Entry | null> {
    return this.#run(() => {
      const item = this.#live(encodeKey(key));
      return item && entryOf(item);
    });
  }

  list(prefix: Key, page: { limit: number; after?: Key }): Promise<readonly Entry[]>;
  list(
    prefix: Key,
    page: { limit: number; after?: Key; known: Revision },
  ): Promise<readonly News[]>;
  list(
    prefix: Key,
    { limit, after, known }: { limit: number; after?: Key; known?: Revision },
  ): Promise<readonly News[]> {
    return this.#run((): readonly News[] => {
      checkLimit(limit);
      const start = encodePrefix(prefix);
      const from = after === undefined ? start : later(start, follower(after));
      const range = { from, end: endOfPrefix(start), limit, now: this.#clock.now() };
      return known === undefined
        ? this.#table.range(range).map(entryOf)
        : this.#table.news(range, known).map(newsOf);
    });
  }

  commit(commit: Commit): Promise<CommitResult> {
    return this.#run((): CommitResult => {
      checkCommit(commit);
      const { checks = [], puts = [], deletes = [], mayBeLost = false } = commit;
      for (const { key, revision } of checks) {
        const found = this.#live(encodeKey(key))?.revision ?? null;
        if (found !== revision) return { ok: false, conflict: key };
      }
      if (puts.length + deletes.length === 0) return { ok: true, revision: this.#table.revision() };
      const revision = nextRevision(this.#table.revision());
      const items = puts.map(({ key, value, expires }) => ({
        key: encodeKey(key),
        // Ours from now on, whatever the caller does with its bytes.
        value: value.slice(),
        revision,
        expires: expires ?? null,
      }));
      const gone = deletes.map(encodeKey).filter((key) => this.#table.get(key) !== null);
      this.#write(revision, items, gone, mayBeLost);
      return { ok: true, revision };
    });
  }

  watch(prefix: Key, signal: AbortSignal): AsyncIterable<Change> {
    return this.#hub.watch(prefix, signal, () => this.#table.revision());
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#sweep?.timer.cancel();
    this.#hub.close();
    return Promise.try(() => this.#table.close());
  }

  #run<T>(work: () => T): Promise<T> {
    return this.#closed ? Promise.reject(closedFault()) : Promise.try(work);
  }

  #live(key: Uint8Array): Item | null {
    const item = this.#table.get(key);
    const over = item !== null && item.expires !== null && item.expires <= this.#clock.now();
    return over ? null : item;
  }

  #write(
    revision: Revision,
    puts: readonly Item[],
    deletes: readonly Uint8Array[],
    mayBeLost: boolean,
  ): void {
    this.#table.write(revision, puts, deletes, mayBeLost);
    this.#hub.publish([
      ...puts.map((item): Change => ({ type: "put", entry: entryOf(item) })),
      ...deletes.map((key): Change => ({ type: "delete", key: decodeKey(key), revision })),
    ]);
    this.#plan();
  }

  /** Sets the timer to the next expiry: readers never see what is over, watchers are told then. */
  #plan(): void {
    const next = this.#table.nextExpiry();
    if (next === this.#sweep?.at) return;
    this.#sweep?.timer.cancel();
    this.#sweep = null;
    if (next === null) return;
    const delay = Math.min(Math.max(next - this.#clock.now(), 0), maxSweepDelayMs);
    this.#sweep = { at: next, timer: this.#clock.after(delay, () => this.#expire()) };
  }

  #expire(): void {
    this.#sweep = null;
    if (this.#closed) return;
    const keys = this.#table.expired(this.#clock.now(), sweepBatch);
    // What a power cut undoes of this is over all the same.
    if (keys.length > 0) this.#write(nextRevision(this.#table.revision()), [], keys, true);
    else this.#plan();
  }
}

function nextRevision(revision: Revision): Revision {
  return revisionOf(revision + 1n);
}

/** A count as a revision; a negative one is a bug. */
export function revisionOf(value: bigint): Revision {
  if (!isRevision(value)) throw new RangeError("a revision below zero");
  return value;
}

function isRevision(value: bigint): value is Revision {
  return value >= 0n;
}

function entryOf({ key, value, revision, expires }: Item): Entry {
  return { key: decodeKey(key), value: value.slice(), revision, expires };
}

function newsOf({ key, value, revision, expires }: ItemNews): News {
  return { key: decodeKey(key), value: value?.slice() ?? null, revision, expires };
}

/** The smallest bytes after this key. */
function follower(key: Key): Uint8Array {
  const bytes = encodeKey(key);
  const next = new Uint8Array(bytes.length + 1);
  next.set(bytes);
  return next;
}

function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.toHex() > b.toHex() ? a : b;
}
