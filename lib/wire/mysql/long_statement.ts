import type { Gate, Parameter, StreamedStatement } from "../protocol.ts";
import { PieceDecoder } from "../streaming.ts";
import { readAttributes, type Values } from "./execute.ts";
import { Feeder } from "./feeder.ts";
import { fingerprintCharacters } from "../statement_form.ts";
import { fingerprint, fingerprintOfFront } from "./fingerprint.ts";

/** What a long statement turned out to be, once its command is complete. */
export interface LongRead {
  readonly statement: StreamedStatement;
  readonly fingerprint: string;
  /** The front of its text. */
  readonly front: string;
}

/**
 * Reads a Query or Prepare that is too long to be held, piece by piece, and tells its text as it
 * comes.
 */
export class LongStatement {
  readonly #start: (parameters: readonly Parameter[]) => StreamedStatement;
  readonly #decoder = new PieceDecoder();
  /** What comes before the text. */
  #attributes: Feeder<Values> | null;
  #parameters: readonly Parameter[] = [];
  #statement: StreamedStatement | null = null;
  /** The front of the text, for the fingerprint. */
  #front = "";
  #characters = 0;

  /** `start` makes the statement, without its text. */
  constructor(
    hasAttributes: boolean,
    start: (parameters: readonly Parameter[]) => StreamedStatement,
  ) {
    this.#attributes = hasAttributes ? new Feeder("Query", readAttributes()) : null;
    this.#start = start;
  }

  /** Null before any of its text was told. */
  get statement(): StreamedStatement | null {
    return this.#statement;
  }

  /** Reads on; gives what it was at the `last` piece. */
  read(piece: Uint8Array, last: boolean, gate: Gate): LongRead | null {
    let left = piece;
    if (this.#attributes !== null) {
      left = piece.subarray(this.#attributes.push(piece));
      const result = last ? { value: this.#attributes.end() } : this.#attributes.result;
      if (result === null) return null;
      this.#parameters = result.value.parameters;
      this.#attributes = null;
    }
    if (left.length === 0 && !last) return null;
    const text = this.#decoder.decode(left, last);
    this.#front += text.slice(0, fingerprintCharacters - this.#front.length);
    this.#characters += text.length;
    if (this.#statement === null) {
      this.#statement = this.#start(this.#parameters);
      gate.begin(this.#statement, text);
    } else if (text !== "") gate.more(text);
    if (!last) return null;
    return this.#whole(this.#statement, gate);
  }

  #whole(statement: StreamedStatement, gate: Gate): LongRead {
    const front = this.#front;
    const isCut = this.#characters > fingerprintCharacters;
    const print = isCut ? fingerprintOfFront(front) : fingerprint(front);
    gate.whole(statement, print);
    return { statement, fingerprint: print, front };
  }
}
