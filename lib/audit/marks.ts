/** How far each spool's events are in the log: what makes "at least once" into once. */
import { parseObject } from "./chain.ts";

/** Spools are forgotten, longest unused first, beyond so many. */
const spoolsMax = 2000;

export class SpoolMarks {
  readonly #highs = new Map<string, number>();

  /** A spool belongs to one host: another can't move its mark. */
  high(host: string, spool: string): number {
    return this.#highs.get(`${host}/${spool}`) ?? 0;
  }

  raise(host: string, spool: string, high: number): void {
    const key = `${host}/${spool}`;
    const before = this.#highs.get(key) ?? 0;
    this.#highs.delete(key);
    this.#highs.set(key, Math.max(before, high));
    if (this.#highs.size <= spoolsMax) return;
    for (const oldest of this.#highs.keys()) {
      this.#highs.delete(oldest);
      return;
    }
  }

  /** Takes note of a stored line. */
  follow(event: Readonly<Record<string, unknown>>): void {
    const { server_id, spool, spool_seq } = event;
    if (typeof server_id !== "string" || typeof spool !== "string") return;
    if (typeof spool_seq === "number") this.raise(server_id, spool, spool_seq);
  }

  copy(): SpoolMarks {
    const copied = new SpoolMarks();
    for (const [key, high] of this.#highs) copied.#highs.set(key, high);
    return copied;
  }

  toJson(): string {
    return JSON.stringify(Object.fromEntries(this.#highs));
  }

  static fromJson(json: string): SpoolMarks {
    const marks = new SpoolMarks();
    for (const [key, high] of Object.entries(parseObject(json) ?? {})) {
      if (typeof high === "number") marks.#highs.set(key, high);
    }
    return marks;
  }
}
