/** State in memory: for tests, and for clusters that may forget everything. */
import type { Backend, Revision } from "../../core/backend.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import {
  type Item,
  type ItemNews,
  type ItemRange,
  type ItemTable,
  revisionOf,
  TableBackend,
} from "../table_backend.ts";

/** An empty backend; all of it is gone with the process. */
export function memoryBackend(clock: Clock): Backend {
  return new TableBackend(new MemoryTable(), clock);
}

/** Hexadecimal keys sort as their bytes do. */
class MemoryTable implements ItemTable {
  readonly #items = new Map<string, Item>();
  #revision = revisionOf(0n);

  revision(): Revision {
    return this.#revision;
  }

  get(key: Uint8Array): Item | null {
    return this.#items.get(key.toHex()) ?? null;
  }

  range({ from, end, limit, now }: ItemRange): readonly Item[] {
    const [first, last] = [from.toHex(), end.toHex()];
    const within = [...this.#items].filter(([key, { expires }]) =>
      key >= first && key < last && (expires === null || expires > now)
    );
    within.sort(([a], [b]) => a < b ? -1 : 1);
    return within.slice(0, limit).map(([, item]) => item);
  }

  news(range: ItemRange, known: Revision): readonly ItemNews[] {
    return this.range(range).map((item) => item.revision > known ? item : { ...item, value: null });
  }

  write(revision: Revision, puts: readonly Item[], deletes: readonly Uint8Array[]): void {
    for (const item of puts) this.#items.set(item.key.toHex(), item);
    for (const key of deletes) this.#items.delete(key.toHex());
    this.#revision = revision;
  }

  expired(now: EpochMs, limit: number): readonly Uint8Array[] {
    const over = [...this.#items.values()].filter((i) => i.expires !== null && i.expires <= now);
    return over.slice(0, limit).map(({ key }) => key);
  }

  nextExpiry(): EpochMs | null {
    let next: EpochMs | null = null;
    for (const { expires } of this.#items.values()) {
      if (expires !== null && (next === null || expires < next)) next = expires;
    }
    return next;
  }

  close(): void {
    this.#items.clear();
  }
}
