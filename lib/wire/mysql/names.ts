import { createHash, type Hash } from "node:crypto";
import type { StreamedStatement } from "../protocol.ts";
import type { Taken } from "./feeder.ts";
import { limits } from "./limits.ts";
import { wireError } from "./packet.ts";
import { hex } from "./text.ts";
import type { BoundType } from "./values.ts";

/** A parameter that came ahead of its statement, in any number of parts. */
export class LongData {
  readonly #front = new Uint8Array(limits.parameterPrefixBytes);
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;

  push(part: Uint8Array): void {
    const room = this.#front.length - this.#bytes;
    if (room > 0) {
      this.#front.set(room < part.length ? part.subarray(0, room) : part, this.#bytes);
    }
    this.#hash.update(part);
    this.#bytes += part.length;
  }

  taken(): Taken {
    const { length } = this.#front;
    const isWhole = this.#bytes <= length;
    return {
      front: isWhole ? this.#front.subarray(0, this.#bytes) : this.#front,
      bytes: this.#bytes,
      sha256: isWhole ? "" : hex(this.#hash.copy().digest()),
    };
  }
}

/** A prepared statement. */
export interface Prepared {
  readonly text: string;
  readonly fingerprint: string;
  /** Where its text was too long to be held; `text` is empty then. */
  readonly streamed?: StreamedStatement;
  /** How many parameters: by its text, then as the database says. */
  count: number;
  /** Told once and remembered; null: not yet. */
  types: readonly BoundType[] | null;
  readonly longData: Map<number, LongData>;
}

/** A client of MariaDB may mean the newest statement before it knows its id. */
export const NEWEST = 0xffffffff;
/** What one costs whose text was too long to be held: the record keeps its beginning. */
const STREAMED_BYTES = 16 * 1024;

/** What the ids of prepared statements stand for. */
export class Names {
  readonly #byId = new Map<number, Prepared>();
  /** The one whose Prepare came last; it may be unanswered. */
  #newest: Prepared | undefined;
  #bytes = 0;

  asked(prepared: Prepared): void {
    this.#newest = prepared;
  }

  get(id: number): Prepared | undefined {
    return id === NEWEST ? this.#newest : this.#byId.get(id);
  }

  /** The database gave it this id. */
  set(id: number, prepared: Prepared): void {
    this.close(id);
    this.#byId.set(id, prepared);
    this.#bytes += weight(prepared);
    if (this.#byId.size <= limits.names && this.#bytes <= limits.namesBytes) return;
    throw wireError("oversize", "Prepare", "too many prepared statements");
  }

  close(id: number): void {
    const known = this.#byId.get(id);
    if (known === undefined) return;
    this.#byId.delete(id);
    this.#bytes -= weight(known);
  }

  clear(): void {
    this.#byId.clear();
    this.#newest = undefined;
    this.#bytes = 0;
  }
}

function weight({ text, streamed }: Prepared): number {
  return streamed === undefined ? text.length : STREAMED_BYTES;
}
