import type { CommandReply } from "../commands.ts";
import { Fifo } from "../fifo.ts";
import { limits } from "./limits.ts";
import { wireError } from "./resp.ts";

/**
 * What the client still waits for, in order. `plain`: one reply for each of several commands;
 * `silent`: none, the client wanted so; `confirm`: one confirmation for each channel; `special`: a
 * reply that changes the session; `answer`: words of ours.
 */
export type OwedKind = "plain" | "silent" | "confirm" | "special" | "answer";

export interface Owed {
  readonly kind: OwedKind;
  /** Statement and place in it of the command; 0: it is not recorded here. */
  readonly id: number;
  /** The next one's place, and the end of the run. */
  next: number;
  end: number;
  /** Which command it is, where that matters. */
  readonly name: string;
  /** Confirmations still to come; -1: as many as there are channels by then. */
  left: number;
  /** What the database says to it is not for the client. */
  readonly swallow: boolean;
  /** Of an answer: its bytes, and what is recorded. */
  readonly bytes: Uint8Array;
  readonly reply: CommandReply | null;
  /** The session ends with it. */
  readonly last: boolean;
}

const nothing = new Uint8Array(0);
const defaults: Owed = {
  kind: "plain",
  id: 0,
  next: 0,
  end: 0,
  name: "",
  left: 0,
  swallow: false,
  bytes: nothing,
  reply: null,
  last: false,
};

export class OwedQueue {
  readonly #items = new Fifo<Owed>();
  #count = 0;
  #own = 0;
  #bytes = 0;

  get front(): Owed | undefined {
    return this.#items.first;
  }

  /** Words of ours, and replies to be swallowed: while there are, replies are cut apart. */
  get own(): number {
    return this.#own;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** A command of a statement that has one reply. */
  plain(id: number, index: number): void {
    this.#counted();
    const { last } = this.#items;
    if (last?.kind === "plain" && last.id === id && last.end === index) {
      last.end += 1;
    } else this.#items.push({ ...defaults, id, next: index, end: index + 1 });
  }

  push(kind: OwedKind, id: number, index: number, more: Partial<Owed> = {}): void {
    this.#counted();
    const item = { ...defaults, kind, id, next: index, end: index + 1, ...more };
    if (item.kind === "answer" || item.swallow) this.#own += 1;
    this.#bytes += item.bytes.length;
    if (this.#bytes > limits.owedBytes) throw tooMuch();
    this.#items.push(item);
  }

  /** One command of the front was answered; gives its place. */
  answered(): number {
    const front = this.front;
    if (front === undefined) return 0;
    const index = front.next;
    front.next += 1;
    this.#count -= 1;
    if (front.next < front.end) return index;
    if (front.kind === "answer" || front.swallow) this.#own -= 1;
    this.#bytes -= front.bytes.length;
    this.#items.shift();
    return index;
  }

  /** All that still wait, oldest first. */
  [Symbol.iterator](): Generator<Owed> {
    return this.#items[Symbol.iterator]();
  }

  #counted(): void {
    this.#count += 1;
    if (this.#count > limits.owed) throw tooMuch();
  }
}

function tooMuch(): Error {
  return wireError("oversize", "command", "too much was asked without an answer");
}
