/** Statements without a result yet: where their intents are on disk. */
import type { AuditFiles } from "./files.ts";
import {
  type KeptContext,
  kinds,
  type PendingRecord,
  readRecord,
  type RecordKind,
} from "./frame.ts";
import type { Segment } from "./segments.ts";

export interface OpenStatement {
  readonly uid: string;
  readonly context: KeptContext | null;
  /** `intent`, or `streamed`: then only the newest counts. */
  readonly kind: RecordKind;
  /** Monotonic milliseconds. */
  readonly since: number;
  /** Of the intent, or of its parts in order. */
  places: { readonly segment: Segment; readonly offset: number; readonly length: number }[];
  /** Whether it was shipped as `started`. */
  shipped: boolean;
}

const carriedAtOnceMax = 64;

export class OpenIntents {
  readonly #files: AuditFiles;
  readonly #now: () => number;
  readonly #open = new Map<string, OpenStatement>();

  constructor(files: AuditFiles, now: () => number) {
    this.#files = files;
    this.#now = now;
  }

  get size(): number {
    return this.#open.size;
  }

  has(statement: OpenStatement): boolean {
    return this.#open.get(statement.uid) === statement;
  }

  /** Takes note of a record that was written; `base` is where its buffer begins in the segment. */
  follow(record: PendingRecord, segment: Segment, base: number): void {
    const { kind, uid, length } = record;
    if (kind === kinds.intent || kind === kinds.streamed) {
      let statement = this.#open.get(uid);
      if (statement === undefined) {
        const { context } = record;
        statement = { uid, context, kind, since: this.#now(), places: [], shipped: false };
        this.#open.set(uid, statement);
      }
      if (kind === kinds.streamed) {
        release(statement.places);
        statement.places = [];
      }
      statement.places.push({ segment, offset: base + record.offset, length });
      segment.openIntents += 1;
    } else if (record.kind === kinds.result) {
      const statement = this.#open.get(record.uid);
      if (statement === undefined) return;
      release(statement.places);
      this.#open.delete(record.uid);
    }
  }

  /** Those open since before `since` that are not shipped as started or are not in `current`. */
  longOpen(since: number, current: Segment): readonly OpenStatement[] {
    const found: OpenStatement[] = [];
    for (const statement of this.#open.values()) {
      if (statement.since > since || found.length === carriedAtOnceMax) break;
      const behind = statement.places.some((place) => place.segment !== current);
      if (behind || !statement.shipped) found.push(statement);
    }
    return found;
  }

  /** The intent as recorded, or its parts, as JSON. */
  async read(statement: OpenStatement): Promise<readonly string[]> {
    const parts: string[] = [];
    for (const place of statement.places) {
      const bytes = await this.#files.read(place.segment.name, place.offset, place.length);
      const record = readRecord(bytes, 0);
      if (record !== null) parts.push(decoder.decode(record.payload));
    }
    return parts;
  }

  /**
   * Around the write of a carried statement's records: its new places, where there are, replace
   * the old.
   */
  moving(statement: OpenStatement, move: boolean, write: () => void): void {
    const old = statement.places;
    if (move) statement.places = [];
    write();
    if (move && statement.places.length === 0) statement.places = old;
    else {
      if (move) release(old);
      statement.shipped = true;
    }
  }
}

function release(places: OpenStatement["places"]): void {
  for (const place of places) place.segment.openIntents -= 1;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
