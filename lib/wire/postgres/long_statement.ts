import type { Gate, StreamedStatement } from "../protocol.ts";
import { concat } from "../../bytes/writer.ts";
import { PieceDecoder } from "../streaming.ts";
import { fingerprintCharacters } from "../statement_form.ts";
import { fingerprint, fingerprintOfFront } from "./fingerprint.ts";
import { limits } from "./limits.ts";
import { readBody, wireError } from "./message.ts";
import { anyText } from "../text.ts";

const nothing = new Uint8Array(0);

/** What a long statement turned out to be, once its message is complete. */
export interface LongRead {
  readonly statement: StreamedStatement;
  /** OIDs of parameters, as a Parse has them. */
  readonly types: readonly number[];
  readonly fingerprint: string;
  readonly notUtf8: boolean;
}

/**
 * Reads a Query or Parse that is too long to be held, piece by piece ("Query", "Parse"), and tells
 * its text as it comes.
 */
export class LongStatement {
  readonly #command: "query" | "prepare";
  readonly #nextId: () => number;
  readonly #decoder = new PieceDecoder();
  #stage: "name" | "text" | "rest";
  /** Front of the statement's name. */
  #name: Uint8Array = nothing;
  #statement: StreamedStatement | null = null;
  /** The front of the text, for the fingerprint. */
  #front = "";
  #characters = 0;
  #fingerprint = "";
  /** What follows the text. */
  #rest: Uint8Array = nothing;

  constructor(command: "query" | "prepare", nextId: () => number) {
    this.#command = command;
    this.#nextId = nextId;
    this.#stage = command === "query" ? "text" : "name";
  }

  /** Null before any of its text was told. */
  get statement(): StreamedStatement | null {
    return this.#statement;
  }

  /** Reads on; gives what it was at the `last` piece. Throws where the body contradicts itself. */
  read(piece: Uint8Array, last: boolean, gate: Gate): LongRead | null {
    let left = piece;
    if (this.#stage === "name") left = this.#readName(left);
    if (this.#stage === "text") left = this.#readText(left, gate);
    if (this.#stage === "rest") this.#readRest(left);
    if (!last) return null;
    const statement = this.#statement;
    if (this.#stage !== "rest" || statement === null) throw this.#malformed("ends early");
    const types = readBody(
      this.#messageName,
      this.#rest,
      (from) =>
        this.#command === "query" ? [] : Array.from({ length: from.u16be() }, () => from.u32be()),
    );
    return { statement, types, fingerprint: this.#fingerprint, notUtf8: this.#decoder.notUtf8 };
  }

  get #messageName(): string {
    return this.#command === "query" ? "Query" : "Parse";
  }

  #malformed(detail: string): Error {
    return wireError("malformed", this.#messageName, detail);
  }

  #readName(bytes: Uint8Array): Uint8Array {
    const nul = bytes.indexOf(0);
    this.#name = concat([this.#name, nul < 0 ? bytes : bytes.subarray(0, nul)]);
    if (this.#name.length > limits.smallBytes) throw wireError("oversize", "Parse", "name");
    if (nul < 0) return nothing;
    this.#stage = "text";
    return bytes.subarray(nul + 1);
  }

  #readText(bytes: Uint8Array, gate: Gate): Uint8Array {
    const nul = bytes.indexOf(0);
    const text = this.#decoder.decode(nul < 0 ? bytes : bytes.subarray(0, nul), nul >= 0);
    this.#front += text.slice(0, fingerprintCharacters - this.#front.length);
    this.#characters += text.length;
    if (this.#statement === null) {
      this.#statement = this.#begun();
      gate.begin(this.#statement, text);
    } else if (text !== "") gate.more(text);
    if (nul < 0) return nothing;
    this.#stage = "rest";
    const isCut = this.#characters > fingerprintCharacters;
    this.#fingerprint = isCut ? fingerprintOfFront(this.#front) : fingerprint(this.#front);
    this.#front = "";
    gate.whole(this.#statement, this.#fingerprint);
    return bytes.subarray(nul + 1);
  }

  #begun(): StreamedStatement {
    return {
      id: this.#nextId(),
      command: this.#command,
      statementName: anyText(this.#name),
      portalName: "",
      parameters: [],
      reexecution: false,
    };
  }

  #readRest(bytes: Uint8Array): void {
    const max = this.#command === "query" ? 0 : limits.parameterDescriptionBytes;
    if (this.#rest.length + bytes.length > max) throw this.#malformed("bytes too many");
    this.#rest = concat([this.#rest, bytes]);
  }
}
