/** How far each spool's events are in the log: what makes "at least once" into once. */
import { parseObject } from "./chain.ts";

/** A host has one spool for each of its roles, and a new one with each start. */
const spoolsOfHostMax = 8;
/**
 * Of all hosts together; beyond, those of the host that was heard of longest ago are forgotten. So
 * many fit into one value of the state's backend.
 */
export const spoolsMax = 8000;

export class SpoolMarks {
  /** By host and spool; what was raised last is last. */
  readonly #highs = new Map<string, Map<string, number>>();
  #count = 0;
  #newest = "";

  /** A spool belongs to one host: another can't move its mark. */
  high(host: string, spool: string): number {
    return this.#highs.get(host)?.get(spool) ?? 0;
  }

  raise(host: string, spool: string, high: number): void {
    const spools = this.#spoolsOf(host);
    const before = spools.get(spool);
    spools.set(spool, Math.max(before ?? 0, high));
    if (before !== undefined) return;
    this.#count += 1;
    if (spools.size > spoolsOfHostMax) this.#forgetOldest(spools);
    if (this.#count > spoolsMax) this.#forgetOne();
  }

  /** Takes note of a stored line. */
  follow(event: Readonly<Record<string, unknown>>): void {
    const { server_id, spool, spool_seq } = event;
    if (typeof server_id !== "string" || typeof spool !== "string") return;
    if (typeof spool_seq === "number") this.raise(server_id, spool, spool_seq);
  }

  copy(): SpoolMarks {
    const copied = new SpoolMarks();
    for (const [host, spools] of this.#highs) copied.#highs.set(host, new Map(spools));
    copied.#count = this.#count;
    copied.#newest = this.#newest;
    return copied;
  }

  /** An object of `HOST/SPOOL`, in the order in which they are forgotten. */
  toJson(): string {
    const all = [...this.#highs].flatMap(([host, spools]) =>
      [...spools].map(([spool, high]) => [`${host}/${spool}`, high])
    );
    return JSON.stringify(Object.fromEntries(all));
  }

  static fromJson(json: string): SpoolMarks {
    const marks = new SpoolMarks();
    for (const [key, high] of Object.entries(parseObject(json) ?? {})) {
      const slash = key.lastIndexOf("/");
      if (typeof high === "number") marks.raise(key.slice(0, slash), key.slice(slash + 1), high);
    }
    return marks;
  }

  #spoolsOf(host: string): Map<string, number> {
    const known = this.#highs.get(host);
    if (known !== undefined && host === this.#newest) return known;
    const spools = known ?? new Map<string, number>();
    this.#highs.delete(host);
    this.#highs.set(host, spools);
    this.#newest = host;
    return spools;
  }

  #forgetOne(): void {
    for (const [host, spools] of this.#highs) {
      this.#forgetOldest(spools);
      if (spools.size === 0) this.#highs.delete(host);
      return;
    }
  }

  #forgetOldest(spools: Map<string, number>): void {
    const [oldest] = spools.keys();
    if (oldest !== undefined && spools.delete(oldest)) this.#count -= 1;
  }
}
