import type { EpochMs } from "./clock.ts";

/** Grows with every commit of the store; opaque but for equality and order. */
export type Revision = bigint & { readonly __unit: "revision" };

/** Path of an entry; parts are non-empty and hold no NUL. */
export type Key = readonly string[];

export interface Entry {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly revision: Revision;
  /** After this moment the entry is gone for all readers; null never expires. */
  readonly expires: EpochMs | null;
}

/** An entry for a reader that may have its value already; null where it isn't newer than asked. */
export type News = Omit<Entry, "value"> & { readonly value: Uint8Array | null };

/** All checks hold and all writes land, or nothing happens. */
export interface Commit {
  /** A null revision demands that the key is absent. */
  readonly checks?: readonly { readonly key: Key; readonly revision: Revision | null }[];
  readonly puts?: readonly {
    readonly key: Key;
    readonly value: Uint8Array;
    readonly expires?: EpochMs;
  }[];
  readonly deletes?: readonly Key[];
  /**
   * A power cut may undo it, the end of a process not: for leases, which are renewed all the time
   * and would keep the disk busy with nothing.
   */
  readonly mayBeLost?: boolean;
}

export type CommitResult =
  | { readonly ok: true; readonly revision: Revision }
  | { readonly ok: false; readonly conflict: Key };

export type Change =
  | { readonly type: "ready"; readonly revision: Revision }
  | { readonly type: "put"; readonly entry: Entry }
  | { readonly type: "delete"; readonly key: Key; readonly revision: Revision };

/** The store of all state: a key-value store with ranges, compare-and-swap, leases and watch. */
export interface Backend {
  get(key: Key): Promise<Entry | null>;
  /** Entries under `prefix` in key order, at most `limit`, those after `after` only. */
  list(prefix: Key, page: { limit: number; after?: Key }): Promise<readonly Entry[]>;
  /** The same, with the values of those alone that were written after the revision `known`. */
  list(
    prefix: Key,
    page: { limit: number; after?: Key; known: Revision },
  ): Promise<readonly News[]>;
  commit(commit: Commit): Promise<CommitResult>;
  /**
   * Starts with "ready"; ends with a fault (`backend.watch-behind`) when the reader fell behind:
   * list again and rewatch.
   */
  watch(prefix: Key, signal: AbortSignal): AsyncIterable<Change>;
  close(): Promise<void>;
}
