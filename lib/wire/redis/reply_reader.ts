import { latin1 } from "../latin1.ts";
import { limits } from "./limits.ts";
import {
  CR,
  isBulk,
  isLine,
  LF,
  lineEnd,
  readLength,
  types,
  unknownType,
  valuesIn,
  wireError,
} from "./resp.ts";

/** What is told of a reply: nothing of its payload but what errors and pushes say first. */
export interface SeenReply {
  /** Its first byte. */
  readonly type: number;
  /** Of an aggregate, its own count (pairs of a map); of a bulk string, its bytes; -1 for null. */
  readonly count: number;
  /** Front of its line, for a status, an error or a number. */
  readonly line: string;
  /** First line of an error among the elements of an aggregate (as EXEC has them). */
  readonly inner: string;
  /** Of an aggregate: its first element, where that is a short string, and a last integer. */
  readonly kind: string;
  readonly last: number;
  /** Its bytes on the wire. */
  readonly bytes: number;
}

export interface ReplyHandler {
  /** A reply or push is complete: it ended at `end` of the chunk. The object is used again. */
  reply(reply: SeenReply, end: number): void;
}

const spaceless = (): SeenReply & Mutable => ({
  type: 0,
  count: 0,
  line: "",
  inner: "",
  kind: "",
  last: -1,
  bytes: 0,
});

type Mutable = { -readonly [K in keyof SeenReply]: SeenReply[K] };

/**
 * Reads replies by their headers, however the chunks fall: nothing is unpacked, nothing is held but
 * a half header. Nesting is counted, at most {@linkcode limits.depth} deep.
 */
export class ReplyReader {
  #seen: Mutable = spaceless();
  /** Values still to come in each open aggregate; the last is the innermost. */
  readonly #open: number[] = [];
  /** Which of them are attributes: what they say is about the value after them. */
  readonly #isAttribute: boolean[] = [];
  /** Payload bytes still to pass, with the line's end. */
  #skip = 0;
  #header = new Uint8Array(limits.headerBytes);
  #headerBytes = 0;
  /** Type of a text line being read, 0 outside; and what is kept of it. */
  #lineType = 0;
  #kept: number[] = [];
  #endsWithCr = false;
  /** Bytes of a first element still to be kept. */
  #toKeep = 0;
  /** What that is for. */
  #keeping: "kind" | "error" | "none" = "none";
  #inReply = false;
  #isComplete = false;

  /** No reply is half read. */
  get atRest(): boolean {
    return !this.#inReply;
  }

  push(chunk: Uint8Array, to: ReplyHandler): void {
    let at = 0;
    let counted = 0;
    while (at < chunk.length) {
      this.#inReply = true;
      at = this.#step(chunk, at);
      if (!this.#isComplete) continue;
      this.#isComplete = false;
      this.#seen.bytes += at - counted;
      counted = at;
      this.#inReply = false;
      const seen = this.#seen;
      to.reply(seen, at);
      seen.type = 0;
      seen.inner = "";
      seen.kind = "";
      seen.line = "";
      seen.last = -1;
      seen.bytes = 0;
    }
    this.#seen.bytes += at - counted;
  }

  #step(chunk: Uint8Array, at: number): number {
    if (this.#skip > 0) return this.#pass(chunk, at);
    if (this.#lineType !== 0) return this.#text(chunk, at);
    if (this.#headerBytes > 0) return this.#resume(chunk, at);
    const type = chunk[at] ?? 0;
    if (isLine(type)) {
      this.#beginLine(type);
      return at + 1 < chunk.length ? this.#text(chunk, at + 1) : at + 1;
    }
    const cr = lineEnd(chunk, at + 1, Math.min(chunk.length, at + limits.headerBytes));
    if (cr >= 0) {
      this.#announced(chunk, at, cr);
      return cr + 2;
    }
    return this.#holdHeader(chunk, at);
  }

  /** A header that is cut at the chunk's end. */
  #holdHeader(chunk: Uint8Array, at: number): number {
    const type = chunk[at] ?? 0;
    if (!isBulk(type) && valuesIn(type, 0) === null) throw unknownType(type);
    const part = chunk.subarray(at, at + limits.headerBytes);
    if (part.length === limits.headerBytes) throw wireError("malformed", "reply", "no length");
    this.#header.set(part);
    this.#headerBytes = part.length;
    return at + part.length;
  }

  #resume(chunk: Uint8Array, at: number): number {
    const before = this.#headerBytes;
    const part = chunk.subarray(at, at + limits.headerBytes - before);
    this.#header.set(part, before);
    const length = before + part.length;
    const cr = lineEnd(this.#header, 1, length);
    if (cr < 0) {
      if (length === limits.headerBytes) throw wireError("malformed", "reply", "no length");
      this.#headerBytes = length;
      return at + part.length;
    }
    this.#headerBytes = 0;
    this.#announced(this.#header, 0, cr);
    return at + cr + 2 - before;
  }

  /** A header is there whole. */
  #announced(bytes: Uint8Array, at: number, cr: number): void {
    const type = bytes[at] ?? 0;
    if (isBulk(type)) {
      const length = readLength(bytes, at + 1, cr, limits.bulkBytes, "reply");
      if (this.#open.length === 0) this.#top(type, length);
      if (length < 0) return this.#valueEnded();
      this.#skip = length + 2;
      this.#keepFront(type, length);
      return;
    }
    const count = readLength(bytes, at + 1, cr, limits.elementsMax, "reply");
    const values = valuesIn(type, count);
    if (values === null) throw unknownType(type);
    if (this.#open.length >= limits.depth) throw wireError("oversize", "reply", "nested too deep");
    const isAttribute = type === types.attribute;
    if (this.#open.length === 0 && !isAttribute) this.#top(type, count);
    if (values === 0 && !isAttribute) return this.#valueEnded();
    if (values === 0) return;
    this.#open.push(values);
    this.#isAttribute.push(isAttribute);
  }

  #keepFront(type: number, length: number): void {
    if (type === types.bulkError && this.#open.length <= 1) {
      this.#keeping = "error";
      this.#toKeep = Math.min(length, limits.lineKeptBytes);
    } else if (type === types.bulk && length <= limits.kindBytes && this.#isFirst()) {
      this.#keeping = "kind";
      this.#toKeep = length;
    }
  }

  #top(type: number, count: number): void {
    this.#seen.type = type;
    this.#seen.count = count;
  }

  /** Whether the value that begins is the first element of the outermost aggregate. */
  #isFirst(): boolean {
    if (this.#open.length !== 1 || this.#isAttribute[0] === true) return false;
    return this.#open[0] === valuesIn(this.#seen.type, this.#seen.count);
  }

  #pass(chunk: Uint8Array, at: number): number {
    const count = Math.min(this.#skip, chunk.length - at);
    for (let index = 0; index < count && this.#toKeep > 0; index++) {
      this.#kept.push(chunk[at + index] ?? 0);
      this.#toKeep -= 1;
    }
    // The last two bytes are the line's end, which a peer must not leave out.
    for (let index = Math.max(0, this.#skip - 2); index < this.#skip; index++) {
      if (index >= count) break;
      const wanted = this.#skip - index === 2 ? CR : LF;
      if (chunk[at + index] !== wanted) throw wireError("malformed", "reply", "no end of a string");
    }
    this.#skip -= count;
    if (this.#skip === 0) this.#payloadEnded();
    return at + count;
  }

  #payloadEnded(): void {
    if (this.#kept.length > 0) {
      const said = latin1(Uint8Array.from(this.#kept));
      this.#kept = [];
      if (this.#keeping === "kind") this.#seen.kind = said.toLowerCase();
      else this.#errorSaid(said);
    }
    this.#keeping = "none";
    this.#valueEnded();
  }

  #errorSaid(said: string): void {
    if (this.#open.length === 0) this.#seen.line = said;
    else if (this.#seen.inner === "") this.#seen.inner = said;
  }

  #beginLine(type: number): void {
    this.#lineType = type;
    this.#endsWithCr = false;
    if (this.#open.length === 0) this.#top(type, 0);
  }

  /** Reads on in a line, which may be long (MONITOR shows whole values): its front is kept. */
  #text(chunk: Uint8Array, from: number): number {
    if (this.#endsWithCr && chunk[from] === LF) {
      this.#lineEnded(Uint8Array.from(this.#kept));
      return from + 1;
    }
    if (this.#endsWithCr) this.#kept.push(CR);
    this.#endsWithCr = false;
    const cr = lineEnd(chunk, from);
    if (cr >= 0) {
      const isAll = this.#kept.length === 0;
      if (!isAll) this.#keepLine(chunk, from, cr);
      const end = Math.min(cr, from + limits.lineKeptBytes);
      this.#lineEnded(isAll ? chunk.subarray(from, end) : Uint8Array.from(this.#kept));
      return cr + 2;
    }
    this.#endsWithCr = chunk[chunk.length - 1] === CR;
    this.#keepLine(chunk, from, this.#endsWithCr ? chunk.length - 1 : chunk.length);
    return chunk.length;
  }

  #keepLine(chunk: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to && this.#kept.length < limits.lineKeptBytes; at++) {
      this.#kept.push(chunk[at] ?? 0);
    }
  }

  #lineEnded(line: Uint8Array): void {
    const type = this.#lineType;
    this.#lineType = 0;
    this.#endsWithCr = false;
    this.#kept = [];
    const depth = this.#open.length;
    if (depth === 0) {
      if (type !== types.integer) this.#seen.line = latin1(line);
    } else if (depth === 1 && this.#isAttribute[0] !== true) {
      if (type === types.error) this.#errorSaid(latin1(line));
      else if (type === types.integer) this.#seen.last = Number(latin1(line));
      else if (type === types.status && this.#isFirst()) {
        this.#seen.kind = latin1(line.subarray(0, limits.kindBytes)).toLowerCase();
      }
    }
    this.#valueEnded();
  }

  /** Counts a value, and all aggregates that end with it. */
  #valueEnded(): void {
    for (let depth = this.#open.length - 1; depth >= 0; depth--) {
      const left = (this.#open[depth] ?? 0) - 1;
      this.#open[depth] = left;
      if (left > 0) return;
      this.#open.pop();
      // An attribute is no value of what it stands in.
      if (this.#isAttribute.pop() === true) return;
    }
    this.#isComplete = true;
  }
}
