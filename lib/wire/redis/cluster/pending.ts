/** What the client waits for, in the order it asked. */
import { Fifo } from "../../fifo.ts";
import { type Combine, combine } from "./combine.ts";
import type { ClusterNode } from "./node.ts";

/** One question to one node, for one entry. */
export interface Part {
  readonly entry: Entry;
  /** -1: about no key. */
  readonly slot: number;
  /** Null where it was too long to be kept: it can't be asked again. */
  readonly bytes: Uint8Array | null;
  readonly places: readonly number[];
  /** Whether another node may be asked in place of the one that says so. */
  readonly follows: boolean;
  /** How often it was sent elsewhere, and again to the same. */
  redirects: number;
  retries: number;
  node: ClusterNode | null;
  reply: Uint8Array | null;
}

/** One command of the client. */
export interface Entry {
  /** Its replies are switched off: they are awaited and dropped. */
  readonly isQuiet: boolean;
  /** What comes after it is not sent before it is answered. */
  readonly isBarrier: boolean;
  /** It may wait at a node for something to happen. */
  readonly blocks: boolean;
  readonly how: Combine;
  readonly parts: Part[];
  /** Looks at the answer, and may put another in its place. */
  readonly seen: ((answer: Uint8Array) => Uint8Array) | null;
  /** Questions without an answer. */
  waiting: number;
  answer: Uint8Array | null;
}

export interface EntryMarks {
  readonly isQuiet?: boolean;
  readonly isBarrier?: boolean;
  readonly blocks?: boolean;
  readonly how?: Combine;
  readonly seen?: (answer: Uint8Array) => Uint8Array;
}

export function newEntry(marks: EntryMarks = {}): Entry {
  return {
    isQuiet: marks.isQuiet ?? false,
    isBarrier: marks.isBarrier ?? false,
    blocks: marks.blocks ?? false,
    how: marks.how ?? "first",
    seen: marks.seen ?? null,
    parts: [],
    waiting: 0,
    answer: null,
  };
}

/** Adds a question to an entry. */
export function newPart(
  entry: Entry,
  slot: number,
  bytes: Uint8Array | null,
  more: { readonly places?: readonly number[]; readonly follows?: boolean } = {},
): Part {
  const { places = [], follows = true } = more;
  const fresh = { redirects: 0, retries: 0, node: null, reply: null };
  const part: Part = { entry, slot, bytes, places, follows, ...fresh };
  entry.parts.push(part);
  entry.waiting += 1;
  return part;
}

/** A part was answered; the entry has its answer once all of them were. */
export function answered(part: Part, reply: Uint8Array): void {
  const { entry } = part;
  part.reply = reply;
  entry.waiting -= 1;
  if (entry.waiting > 0) return;
  const [only] = entry.parts;
  const whole = entry.parts.length === 1 && only?.reply ? only.reply : combine(
    entry.how,
    entry.parts.map(({ reply, places }) => ({ reply: reply ?? none, places })),
  );
  entry.answer = entry.seen === null ? whole : entry.seen(whole);
}

const none = new Uint8Array(0);

/** Entries in order, and what is kept for them. */
export class Pending {
  readonly #items = new Fifo<Entry>();
  #barriers = 0;

  get front(): Entry | undefined {
    return this.#items.first;
  }

  get count(): number {
    return this.#items.length;
  }

  get hasBarrier(): boolean {
    return this.#barriers > 0;
  }

  push(entry: Entry): void {
    if (entry.isBarrier) this.#barriers += 1;
    this.#items.push(entry);
  }

  shift(): void {
    if (this.#items.shift()?.isBarrier === true) this.#barriers -= 1;
  }
}
