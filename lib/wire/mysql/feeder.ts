import { createHash, type Hash } from "node:crypto";
import { limits } from "./limits.ts";
import { wireError } from "./packet.ts";
import { hex } from "../text.ts";

/** Bytes of a body: all of them, or their front. */
export interface Taken {
  readonly front: Uint8Array;
  /** Whole length. */
  readonly bytes: number;
  /** SHA-256 in hex where `front` is not all; else empty. */
  readonly sha256: string;
}

/** What a script wants next: so many bytes; null is the answer where `orEnd` and none are left. */
export interface Want {
  readonly count: number;
  /** Part of the form and not a value: kept whole. At most 16 KiB. */
  readonly isForm?: boolean;
  readonly orEnd?: boolean;
}

/** Reads a body from its front to its end, however it is cut. */
export type Script<T> = Generator<Want, T, Taken | null>;

const nothing: Taken = { front: new Uint8Array(0), bytes: 0, sha256: "" };
const FORM_BYTES_MAX = 16 * 1024;

/**
 * Runs a script on a body that comes in parts. Of a large value only its front, length and SHA-256
 * are kept, so one of 1 GiB costs no more than one of a megabyte.
 */
export class Feeder<T> {
  readonly #messageName: string;
  readonly #script: Script<T>;
  #want: Want = { count: 0 };
  /** How much of what is wanted is kept. */
  #keep = 0;
  /** What of that came so far, where it is cut. */
  #front: Uint8Array = nothing.front;
  #seen = 0;
  #hash: Hash | null = null;
  #kept = 0;
  #result: { readonly value: T } | null = null;

  constructor(messageName: string, script: Script<T>) {
    this.#messageName = messageName;
    this.#script = script;
    this.#turn(script.next());
  }

  /** What the script gave, once it came to its end; the bytes after that are not read. */
  get result(): { readonly value: T } | null {
    return this.#result;
  }

  /**
   * Reads on; gives how many bytes were used: all, but at the script's end. What the script is
   * given may be a view of `part`, good until it wants more.
   */
  push(part: Uint8Array): number {
    let at = 0;
    while (at < part.length && this.#result === null) {
      const { count } = this.#want;
      if (this.#seen === 0 && count <= part.length - at) {
        const bytes = part.subarray(at, at + count);
        at += count;
        this.#taken(bytes, this.#keep < count ? createHash("sha256").update(bytes) : null);
        continue;
      }
      const used = Math.min(count - this.#seen, part.length - at);
      this.#take(part.subarray(at, at + used));
      at += used;
      if (this.#seen === count) this.#taken(this.#front, this.#hash);
    }
    return at;
  }

  /** That was all of the body. Throws where the script wants more of it. */
  end(): T {
    if (this.#result === null && this.#want.orEnd === true && this.#seen === 0) {
      this.#turn(this.#script.next(null));
    }
    if (this.#result === null) throw wireError("malformed", this.#messageName, "ends early");
    return this.#result.value;
  }

  /** A part of what is wanted. */
  #take(bytes: Uint8Array): void {
    if (this.#seen === 0) {
      this.#front = new Uint8Array(this.#keep);
      this.#hash = this.#keep < this.#want.count ? createHash("sha256") : null;
    }
    const room = this.#front.length - this.#seen;
    if (room > 0) {
      this.#front.set(room < bytes.length ? bytes.subarray(0, room) : bytes, this.#seen);
    }
    this.#hash?.update(bytes);
    this.#seen += bytes.length;
  }

  #taken(bytes: Uint8Array, hash: Hash | null): void {
    const sha256 = hash === null ? "" : hex(hash.digest());
    const front = bytes.length > this.#keep ? bytes.subarray(0, this.#keep) : bytes;
    this.#turn(this.#script.next({ front, bytes: this.#want.count, sha256 }));
  }

  /** Goes on to what is wanted next; nothing is wanted of what has no bytes. */
  #turn(turn: IteratorResult<Want, T>): void {
    while (turn.done !== true && turn.value.count === 0) turn = this.#script.next(nothing);
    if (turn.done === true) {
      this.#result = { value: turn.value };
      return;
    }
    const { count, isForm } = turn.value;
    const room = Math.min(limits.parameterPrefixBytes, limits.executeKeptBytes - this.#kept);
    const keep = isForm === true ? count : Math.min(count, room);
    if (isForm !== true) this.#kept += keep;
    else if (count > FORM_BYTES_MAX) throw wireError("oversize", this.#messageName, "form");
    this.#want = turn.value;
    this.#keep = keep;
    this.#seen = 0;
  }
}
