import { createHash, type Hash } from "node:crypto";
import { concat } from "../../bytes/writer.ts";
import type { StreamedStatement } from "../protocol.ts";
import type { Taken } from "./feeder.ts";
import { limits } from "./limits.ts";
import { wireError } from "./packet.ts";
import { hex } from "../text.ts";
import type { BoundType } from "./values.ts";

/** A parameter that came ahead of its statement, in any number of parts. */
export class LongData {
  #front: Uint8Array = new Uint8Array(0);
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;

  push(part: Uint8Array): void {
    const room = limits.parameterPrefixBytes - this.#front.length;
    if (room > 0) this.#front = concat([this.#front, part.subarray(0, room)]);
    this.#hash.update(part);
    this.#bytes += part.length;
  }

  taken(): Taken {
    const isWhole = this.#bytes === this.#front.length;
    return {
      front: this.#front,
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
  /** How many parameters: by its text, then as the database says, which makes it certain. */
  count: number;
  isCertain: boolean;
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
  /** Parameters of all of them that came ahead. */
  #longData = 0;

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
    this.dropLongData(known);
  }

  /** A parameter that comes ahead of its statement. */
  longData(prepared: Prepared, at: number): LongData {
    const known = prepared.longData.get(at);
    if (known !== undefined) return known;
    this.#longData += 1;
    if (this.#longData > limits.longData) {
      throw wireError("oversize", "Long Data", "too many parameters ahead of their statements");
    }
    const made = new LongData();
    prepared.longData.set(at, made);
    return made;
  }

  dropLongData(prepared: Prepared | undefined): void {
    if (prepared === undefined) return;
    this.#longData -= prepared.longData.size;
    prepared.longData.clear();
  }

  clear(): void {
    this.#longData = 0;
    this.#byId.clear();
    this.#newest = undefined;
    this.#bytes = 0;
  }
}

function weight({ text, streamed }: Prepared): number {
  return streamed === undefined ? text.length : STREAMED_BYTES;
}
