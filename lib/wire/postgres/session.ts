import { fingerprint } from "./fingerprint.ts";
import { Names } from "./names.ts";
import { type Pending, PendingQueue } from "./pending.ts";

const rememberedTexts = 64;
const rememberedCharacters = 2048;

/** What both directions of one session share. */
export class Session {
  readonly names = new Names();
  readonly pending = new PendingQueue();
  readonly #fingerprints = new Map<string, string>();
  #lastId = 0;

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  lastId(): number {
    return this.#lastId;
  }

  /** Programs say the same again and again: the last ones are remembered. */
  fingerprint(text: string): string {
    const known = this.#fingerprints.get(text);
    if (known !== undefined) return known;
    const made = fingerprint(text);
    if (text.length > rememberedCharacters) return made;
    if (this.#fingerprints.size >= rememberedTexts) this.#fingerprints.clear();
    this.#fingerprints.set(text, made);
    return made;
  }

  asked(item: Pending, messageName: string): void {
    this.pending.push(item, messageName);
  }

  /** Bytes of COPY data passed; they count for the COPY that takes them, known by their place. */
  copyData(bytes: number): void {
    const last = this.pending.last;
    if (last?.kind === "copyData") last.bytes += bytes;
    else this.pending.push({ kind: "copyData", bytes }, "CopyData");
  }
}
