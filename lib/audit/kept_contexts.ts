/** The contexts of a spool's run: numbered once, written into each segment that needs them. */
import type { EventContext } from "./context.ts";
import { type KeptContext, kinds, type PendingRecord, RecordBuffer } from "./frame.ts";
import type { Segment } from "./segments.ts";

export class KeptContexts {
  readonly #of = new WeakMap<EventContext, KeptContext>();
  #count = 0;

  of(context: EventContext): KeptContext {
    const known = this.#of.get(context);
    if (known !== undefined) return known;
    const kept = this.keep(context.json);
    this.#of.set(context, kept);
    return kept;
  }

  /** One that an earlier run left. */
  keep(json: string): KeptContext {
    return { number: ++this.#count, json, segment: 0 };
  }
}

/** Those that the records need and the segment hasn't got. */
export function lackingIn(
  segment: Segment,
  records: readonly PendingRecord[],
): readonly KeptContext[] {
  let lacking: Set<KeptContext> | null = null;
  for (const { context } of records) {
    if (context === null || context.segment === segment.number) continue;
    lacking ??= new Set();
    lacking.add(context);
  }
  return lacking === null ? none : [...lacking];
}

export function contextRecords(contexts: readonly KeptContext[]): Uint8Array {
  const records = new RecordBuffer();
  for (const context of contexts) records.add(kinds.context, "", context.json, context);
  return records.bytes;
}

const none: readonly KeptContext[] = [];
