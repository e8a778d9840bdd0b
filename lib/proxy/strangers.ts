import { sourceOf } from "./rate_limit.ts";

/** Counts connections of which nothing is known yet, so that no source can take every place. */
export class Strangers {
  readonly #max: number;
  readonly #maxPerSource: number;
  #all = 0;
  readonly #bySource = new Map<string, number>();

  constructor(limits: { readonly max: number; readonly maxPerSource: number }) {
    this.#max = limits.max;
    this.#maxPerSource = limits.maxPerSource;
  }

  /** Gives what must be called when the connection is known or gone; null where no place is. */
  enter(address: string): (() => void) | null {
    const source = sourceOf(address);
    const before = this.#bySource.get(source) ?? 0;
    if (this.#all >= this.#max || before >= this.#maxPerSource) return null;
    this.#all += 1;
    this.#bySource.set(source, before + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#all -= 1;
      const left = (this.#bySource.get(source) ?? 1) - 1;
      if (left === 0) this.#bySource.delete(source);
      else this.#bySource.set(source, left);
    };
  }

  get count(): number {
    return this.#all;
  }
}
