/**
 * What entries of the backend were decoded to, kept while their bytes stay the same: lists of a
 * large fleet are read often, and little of them changes from one reading to the next.
 */
import type { Entry } from "../core/backend.ts";

interface Kept<T> {
  readonly value: Uint8Array;
  readonly decoded: T;
}

export class Decoded<T> {
  readonly #decode: (entry: Entry) => T;
  #known: ReadonlyMap<string, Kept<T>> = new Map();

  /** `decode` may depend on nothing but key and value. */
  constructor(decode: (entry: Entry) => T) {
    this.#decode = decode;
  }

  /** All entries there are, in their order; whatever is not among them is forgotten. */
  async all(
    entries: AsyncIterable<Entry>,
  ): Promise<readonly { readonly entry: Entry; readonly decoded: T }[]> {
    const before = this.#known;
    const known = new Map<string, Kept<T>>();
    const found: { readonly entry: Entry; readonly decoded: T }[] = [];
    for await (const entry of entries) {
      const name = entry.key.join("\0");
      const old = before.get(name);
      const kept = old !== undefined && same(old.value, entry.value)
        ? old
        : { value: entry.value, decoded: this.#decode(entry) };
      known.set(name, kept);
      found.push({ entry, decoded: kept.decoded });
    }
    this.#known = known;
    return found;
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
