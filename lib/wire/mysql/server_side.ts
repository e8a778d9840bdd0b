import type { Refusal, StatementResult, Tap } from "../protocol.ts";
import { latin1 } from "../latin1.ts";
import { Answers } from "./answers.ts";
import { HEADER, packet, PACKET_MAX, payloadBytesAt, wireError } from "./packet.ts";
import { refuseWithin } from "./refuse.ts";
import { first } from "./replies.ts";
import type { Session } from "./session.ts";
import { anyText } from "../text.ts";

const nothing = new Uint8Array(0);
/** A question for a file holds its name, which has 512 bytes at most. */
const FILE_QUESTION_BYTES = 4096;

/**
 * Database to client: forwarded, then skimmed; rows are counted by their headers. Held back are the
 * header of a packet while it is cut, and a question for a file until it is decided.
 */
export class ServerSide {
  readonly #session: Session;
  readonly #answers: Answers;
  /** Header of a packet, as far as it came. */
  readonly #head = new Uint8Array(HEADER);
  #headBytes = 0;
  /** Payload of the packet at hand that is still to come. */
  #left = 0;
  /** More packets of the same message follow. */
  #isSplit = false;
  #isRow = false;
  /** What is kept of the message at hand, and how much of it is wanted. */
  #front: Uint8Array = nothing;
  #frontBytes = 0;
  #wanted = 0;
  #messageBytes = 0;
  /** A question for a file, as far as it came. */
  #asked: Uint8Array | null = null;
  /** What comes does not go on: an answer of ours takes its place. */
  #isDropping = false;
  /** Number of the first packet that does not. */
  #dropsFrom = 0;
  #sequence = 0;
  #results: ([number, StatementResult] | "idle")[] = [];
  #rows = 0;
  #chunk: Uint8Array = nothing;
  #at = 0;
  #from = 0;
  #tap: Tap | null = null;

  constructor(session: Session, clientAtRest: () => boolean) {
    this.#session = session;
    this.#answers = new Answers(session, clientAtRest, {
      result: (id, result) => void this.#results.push([id, result]),
      idle: () => void this.#results.push("idle"),
      answer: (bytes) => this.#answer(bytes),
    });
  }

  /** No packet is half forwarded. */
  get atRest(): boolean {
    return this.#left === 0 || this.#asked !== null || this.#isDropping;
  }

  get rows(): number {
    return this.#rows;
  }

  push(chunk: Uint8Array, tap: Tap): void {
    this.#tap = tap;
    this.#chunk = chunk;
    this.#at = 0;
    this.#from = 0;
    try {
      while (this.#at < chunk.length) {
        if (this.#left > 0) this.#pass();
        else this.#header();
      }
    } finally {
      this.#flush(this.#at);
      this.#chunk = nothing;
      this.#tellResults(tap);
    }
  }

  /** The client has its bytes before anything is made of them. */
  #tellResults(tap: Tap): void {
    if (this.#results.length === 0) return;
    const results = this.#results;
    this.#results = [];
    for (const told of results) {
      if (told === "idle") tap.idle();
      else tap.result(...told);
    }
  }

  close(tap: Tap): void {
    this.#answers.close();
    this.#tellResults(tap);
  }

  /** Numbered as the client expects it: on from the reply at hand, or from its command. */
  refuse(refusal: Refusal): Uint8Array {
    const { file } = this.#session;
    const sequence = file !== null
      ? file.sequence + 1
      : this.#isDropping
      ? this.#dropsFrom
      : this.#answers.isUnderWay
      ? this.#sequence + 1
      : this.#answers.asked?.sequence ?? 0;
    return refuseWithin(refusal, sequence);
  }

  /** Words of ours, behind all that was read so far; they may take the place of what came last. */
  #answer(bytes: Uint8Array): void {
    this.#flush(this.#at);
    this.#isDropping = false;
    this.#tap?.answer(bytes);
  }

  #flush(end: number): void {
    const from = this.#from;
    if (end <= from) return;
    this.#from = end;
    const isAll = from === 0 && end === this.#chunk.length;
    this.#forward(isAll ? this.#chunk : this.#chunk.subarray(from, end));
  }

  #forward(bytes: Uint8Array): void {
    if (!this.#isDropping) this.#tap?.forward(bytes);
  }

  #header(): void {
    const start = this.#at;
    const { length } = this.#chunk;
    if (this.#headBytes === 0 && length - start > HEADER) {
      this.#sequence = this.#chunk[start + 3] ?? 0;
      this.#at = start + HEADER;
      return this.#begin(payloadBytesAt(this.#chunk, start), nothing);
    }
    this.#flush(start);
    const count = Math.min(HEADER - this.#headBytes, length - start);
    this.#head.set(this.#chunk.subarray(start, start + count), this.#headBytes);
    this.#headBytes += count;
    this.#at += count;
    this.#from = this.#at;
    if (this.#headBytes < HEADER) return;
    const bytes = payloadBytesAt(this.#head, 0);
    // What a message is, its first byte tells.
    if (!this.#isSplit && bytes > 0 && this.#at === length) return;
    this.#headBytes = 0;
    this.#sequence = this.#head[3] ?? 0;
    this.#begin(bytes, this.#head.slice());
  }

  /** `held`: the header, where it was held back; else it is what was passed last. */
  #begin(bytes: number, held: Uint8Array): void {
    const isFurther = this.#isSplit;
    this.#isSplit = bytes === PACKET_MAX;
    this.#left = bytes;
    if (isFurther) {
      this.#answers.more(bytes);
    } else {
      const byte = bytes === 0 ? 0 : this.#chunk[this.#at] ?? 0;
      this.#isRow = bytes > 0 && this.#answers.isRow(byte, bytes);
      if (this.#isRow) {
        this.#rows += 1;
        this.#answers.row(bytes);
      } else if (byte === first.localInfile && this.#answers.mayAskForFile) {
        return this.#question(bytes, held);
      } else {
        this.#wanted = this.#answers.wanted(byte);
        this.#front = nothing;
        this.#frontBytes = 0;
        this.#messageBytes = bytes;
      }
    }
    if (held.length > 0) this.#forward(held);
    if (bytes === 0) this.#ended();
  }

  #pass(): void {
    const start = this.#at;
    const count = Math.min(this.#left, this.#chunk.length - start);
    this.#left -= count;
    this.#at += count;
    if (this.#isRow) return;
    const part = this.#chunk.subarray(start, start + count);
    if (this.#asked === null) {
      this.#keep(part);
      if (this.#left === 0) this.#ended();
      return;
    }
    this.#asked.set(part, this.#asked.length - this.#left - count);
    this.#from = this.#at;
    if (this.#left === 0) this.#decide(this.#asked);
  }

  #keep(part: Uint8Array): void {
    const room = this.#wanted - this.#frontBytes;
    if (room <= 0) return;
    const bytes = room < part.length ? part.subarray(0, room) : part;
    if (this.#frontBytes === 0 && this.#left === 0 && !this.#isSplit) {
      this.#front = bytes;
      this.#frontBytes = bytes.length;
      return;
    }
    const need = this.#frontBytes + bytes.length;
    if (need > this.#front.length) {
      const larger = new Uint8Array(Math.max(need, this.#front.length * 2));
      larger.set(this.#front.subarray(0, this.#frontBytes));
      this.#front = larger;
    }
    this.#front.set(bytes, this.#frontBytes);
    this.#frontBytes = need;
  }

  #ended(): void {
    if (this.#isSplit || this.#isRow) return;
    const front = this.#front.subarray(0, this.#frontBytes);
    this.#front = nothing;
    this.#answers.packet(front, this.#messageBytes);
  }

  /** The database asks for a file: held back until all of the question is there. */
  #question(bytes: number, held: Uint8Array): void {
    if (bytes > FILE_QUESTION_BYTES) throw wireError("oversize", "LocalInfile", `${bytes} bytes`);
    this.#asked = new Uint8Array(HEADER + bytes);
    if (held.length > 0) this.#asked.set(held);
    else {
      this.#flush(this.#at - HEADER);
      this.#asked.set(this.#chunk.subarray(this.#at - HEADER, this.#at));
      this.#from = this.#at;
    }
  }

  /** It goes on where this client's own statement offers that file, and its session may. */
  #decide(question: Uint8Array): void {
    this.#asked = null;
    const { offers = [] } = this.#answers.asked ?? {};
    const name = question.subarray(HEADER + 1);
    const isOffered = offers.includes(anyText(name)) || offers.includes(latin1(name));
    if (isOffered && this.#session.terms.localInfile) {
      this.#answers.fileAsked();
      this.#forward(question);
      return;
    }
    const refusal: Refusal = isOffered
      ? { kind: "denied", message: "no role of yours allows LOAD DATA LOCAL INFILE" }
      : { kind: "target", message: "the database asked for a file that was not offered" };
    const { message } = refusal;
    this.#answers.fileRefused(refuseWithin(refusal, this.#sequence), {
      code: `wire.refused-${refusal.kind}`,
      severity: "ERROR",
      message,
    });
    this.#isDropping = true;
    this.#dropsFrom = this.#sequence;
    this.#tap?.reply(packet(this.#sequence + 1, () => {}));
  }
}
