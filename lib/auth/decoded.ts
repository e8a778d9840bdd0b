/**
 * What entries of the backend were decoded to, kept while their bytes stay the same: lists of a
 * large fleet are read often, and little of them changes from one reading to the next.
 */
import { listNews, revisionOf } from "../backend/mod.ts";
import type { Backend, Entry, Key, News } from "../core/backend.ts";

/** An entry as it was decoded; the same object for as long as nobody writes it. */
export interface Kept<T> {
  readonly entry: Entry;
  readonly decoded: T;
}

/** What was read, and the highest revision in it. */
interface Reading<T> {
  readonly known: ReadonlyMap<string, Kept<T>>;
  readonly newest: Entry["revision"];
}

export class Decoded<T> {
  readonly #prefix: Key;
  readonly #decode: (entry: Entry) => T;
  #last: Reading<T> = { known: new Map(), newest: revisionOf(0n) };

  /** For all that is under the prefix; `decode` may depend on nothing but key and value. */
  constructor(prefix: Key, decode: (entry: Entry) => T) {
    this.#prefix = prefix;
    this.#decode = decode;
  }

  /** All entries there are, in their order; whatever is not among them is forgotten. */
  async all(backend: Backend): Promise<readonly Kept<T>[]> {
    const { known: before, newest: known } = this.#last;
    const found: Kept<T>[] = [];
    const now = new Map<string, Kept<T>>();
    let newest = known;
    for await (const page of listNews(backend, this.#prefix, known)) {
      for (const news of page) {
        const name = news.key.join("\0");
        const old = before.get(name);
        const kept = old?.entry.revision === news.revision
          ? old
          : await this.#read(backend, news, old);
        if (kept === null) continue;
        now.set(name, kept);
        found.push(kept);
        if (kept.entry.revision > newest) newest = kept.entry.revision;
      }
    }
    this.#last = { known: now, newest };
    return found;
  }

  /** Null where it is gone meanwhile. */
  async #read(backend: Backend, news: News, old: Kept<T> | undefined): Promise<Kept<T> | null> {
    const { key, value } = news;
    // Written between two pages of the last reading, before a newer one that it saw.
    const entry = value === null ? await backend.get(key) : { ...news, value };
    if (entry === null) return null;
    const isSame = old !== undefined && same(old.entry.value, entry.value);
    return { entry, decoded: isSame ? old.decoded : this.#decode(entry) };
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
