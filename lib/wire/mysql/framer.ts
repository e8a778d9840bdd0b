import { Pieces, type StreamSizes } from "../streaming.ts";
import { limits } from "./limits.ts";
import { HEADER, PACKET_MAX, payloadBytesAt, wireError } from "./packet.ts";

/**
 * What becomes of a command's body: handed over whole, in parts as it passes, or in pieces of one
 * size each of which is handed over before it passes.
 */
export type Treatment = "whole" | "parts" | "pieces";

/**
 * True lets the packet go on, false that too and nothing behind it; "withheld": it goes nowhere;
 * other bytes take its place.
 */
export type Verdict = boolean | "withheld" | Uint8Array;

export interface CommandHandler {
  /** Packets are parts of a file and no commands. */
  readonly isFile: boolean;
  /**
   * A command begins; `bodyBytes` of it follow, `isSplit`: in this packet and others. Throws where
   * it is not allowed, before any of its body is held.
   */
  begin(command: number, bodyBytes: number, isSplit: boolean): Treatment;
  /** A complete body, valid during the call only; says what becomes of its packet. */
  whole(command: number, body: Uint8Array): Verdict;
  /** The next part of a body; `last` comes once, also for an empty body. */
  part(command: number, bytes: Uint8Array, last: boolean): void;
  /** The command's last packet had this number; comes after its last part. */
  ended(command: number, sequence: number): void;
  /** So many bytes of a file passed; none in a packet of its own end it. */
  filed(bytes: number, sequence: number): void;
}

type Forward = (bytes: Uint8Array) => void;
const nothing = new Uint8Array(0);

/**
 * Cuts what a client sends into commands, however the chunks fall ("MySQL Packets"). Only what a
 * decision needs is held: a partial header, a small body, or a piece of a long one. Nothing is
 * allocated from a length field: what is held grows as bytes arrive, and a piece has one size.
 */
export class Framer {
  readonly #pieces: Pieces;
  /** Header of a packet, and of a command's first one the command, as far as it came. */
  readonly #head = new Uint8Array(HEADER + 1);
  #headBytes = 0;
  /** Null between commands. */
  #treatment: Treatment | "file" | null = null;
  #command = 0;
  /** Payload of the packet at hand that is still to come. */
  #left = 0;
  #isSplit = false;
  #isFileSplit = false;
  #sequence = 0;
  /** Bytes of the command so far. */
  #bytes = 0;
  #held: Uint8Array = nothing;
  #heldBytes = 0;
  /** Where in the piece at hand the body's bytes are: from, to, from, to. */
  #spans: number[] = [];
  #pieceBytes = 0;
  #ended = false;
  /** The chunk being read, how far, and how far it has gone on. */
  #chunk: Uint8Array = nothing;
  #at = 0;
  #from = 0;

  constructor(sizes: StreamSizes) {
    this.#pieces = new Pieces(sizes);
  }

  /** No command is half read. */
  get atRest(): boolean {
    return this.#treatment === null && this.#headBytes === 0;
  }

  /**
   * Reads on. Bytes go to `forward` in order and unchanged; of a command that throws nothing more
   * is forwarded, but all before it is.
   */
  push(chunk: Uint8Array, to: CommandHandler, forward: Forward): void {
    if (this.#ended) return;
    this.#chunk = chunk;
    this.#at = 0;
    this.#from = 0;
    try {
      while (this.#at < chunk.length && !this.#ended) this.#step(to, forward);
    } finally {
      this.#flush(forward, this.#at);
      this.#chunk = nothing;
    }
  }

  #flush(forward: Forward, end: number): void {
    const { length } = this.#chunk;
    const from = this.#from;
    this.#from = Math.max(from, end);
    if (end <= from) return;
    forward(from === 0 && end === length ? this.#chunk : this.#chunk.subarray(from, end));
  }

  /** What was read so far does not go on, or went on in another form. */
  #drop(): void {
    this.#from = this.#at;
  }

  #step(to: CommandHandler, forward: Forward): void {
    if (this.#treatment === null) return this.#first(to, forward);
    if (this.#left === 0) return this.#next(to, forward);
    switch (this.#treatment) {
      case "whole":
        return this.#hold(to, forward);
      case "pieces":
        return this.#gather(Math.min(this.#left, this.#chunk.length - this.#at), to, forward);
    }
    const count = Math.min(this.#left, this.#chunk.length - this.#at);
    const part = this.#chunk.subarray(this.#at, this.#at + count);
    this.#left -= count;
    const isLast = this.#left === 0 && !this.#isSplit;
    if (this.#treatment === "file") to.filed(count, this.#sequence);
    else to.part(this.#command, part, isLast);
    this.#at += count;
    if (this.#left === 0) this.#packetEnded(to);
  }

  /** The header of a packet that begins something; what is not all there is held back. */
  #first(to: CommandHandler, forward: Forward): void {
    const { length } = this.#chunk;
    const start = this.#at;
    if (this.#headBytes === 0 && length - start > HEADER) {
      return this.#begin(this.#chunk.subarray(start, start + HEADER + 1), to, forward, true);
    }
    this.#flush(forward, start);
    const isEmpty = () => this.#headBytes === HEADER && payloadBytesAt(this.#head, 0) === 0;
    while (this.#headBytes <= HEADER && this.#at < length && !isEmpty()) {
      this.#head[this.#headBytes++] = this.#chunk[this.#at++] ?? 0;
    }
    this.#drop();
    if (this.#headBytes <= HEADER && !isEmpty()) return;
    const head = this.#head.slice(0, this.#headBytes);
    this.#headBytes = 0;
    this.#begin(head, to, forward, false);
  }

  /** `inChunk`: the header is part of the chunk and not passed yet. */
  #begin(head: Uint8Array, to: CommandHandler, forward: Forward, inChunk: boolean): void {
    const bytes = payloadBytesAt(head, 0);
    this.#sequence = head[3] ?? 0;
    this.#isSplit = bytes === PACKET_MAX;
    if (to.isFile) return this.#beginFile(head, bytes, to, forward, inChunk);
    if (bytes === 0) throw wireError("malformed", "command", "empty packet");
    if (this.#sequence !== 0) {
      throw wireError("unexpected", "command", `packet number ${this.#sequence}`);
    }
    this.#command = head[HEADER] ?? 0;
    this.#bytes = bytes;
    const treatment = to.begin(this.#command, bytes - 1, this.#isSplit);
    this.#treatment = treatment;
    this.#left = bytes - 1;
    if (treatment === "whole") {
      if (inChunk && this.#wholeInChunk(to, forward)) return;
      this.#flush(forward, this.#at);
      this.#heldBytes = 0;
      this.#keep(head);
      if (inChunk) this.#at += head.length;
      this.#drop();
      if (this.#left === 0) this.#hold(to, forward);
      return;
    }
    if (inChunk) this.#at += head.length;
    else forward(head);
    if (treatment === "pieces") this.#flush(forward, this.#at);
    if (this.#left > 0) return;
    to.part(this.#command, nothing, true);
    this.#packetEnded(to);
  }

  #beginFile(
    head: Uint8Array,
    bytes: number,
    to: CommandHandler,
    forward: Forward,
    inChunk: boolean,
  ): void {
    const isRest = this.#isFileSplit;
    this.#isFileSplit = this.#isSplit;
    this.#isSplit = false;
    if (inChunk) this.#at += HEADER + Math.min(1, bytes);
    else forward(head);
    if (bytes === 0) {
      // After a packet of the longest kind an empty one ends only that.
      if (!isRest) to.filed(0, this.#sequence);
      return;
    }
    // Its first byte has come with the header.
    to.filed(1, this.#sequence);
    this.#left = bytes - 1;
    this.#treatment = this.#left > 0 ? "file" : null;
  }

  /** The usual case: a small command that is all there, and needs no copy. */
  #wholeInChunk(to: CommandHandler, forward: Forward): boolean {
    const start = this.#at + HEADER + 1;
    const end = start + this.#left;
    if (end > this.#chunk.length) return false;
    this.#wholeBody(this.#chunk.subarray(start, end), to, forward, () => {
      this.#flush(forward, this.#at);
      this.#at = end;
      this.#drop();
    });
    this.#at = end;
    return true;
  }

  /** `drop`: the packet as it came does not go on. */
  #wholeBody(body: Uint8Array, to: CommandHandler, forward: Forward, drop: () => void): void {
    const command = this.#command;
    this.#left = 0;
    this.#treatment = null;
    const verdict = to.whole(command, body);
    to.ended(command, this.#sequence);
    if (verdict === false) this.#ended = true;
    const replaced = verdict instanceof Uint8Array;
    if (replaced || verdict === "withheld") drop();
    if (replaced) forward(verdict);
  }

  #keep(bytes: Uint8Array): void {
    const need = this.#heldBytes + bytes.length;
    if (need > this.#held.length) {
      const larger = new Uint8Array(Math.max(need, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = need;
  }

  #hold(to: CommandHandler, forward: Forward): void {
    const count = Math.min(this.#left, this.#chunk.length - this.#at);
    this.#keep(this.#chunk.subarray(this.#at, this.#at + count));
    this.#left -= count;
    this.#at += count;
    this.#drop();
    if (this.#left > 0) return;
    const whole = this.#held.subarray(0, this.#heldBytes);
    this.#held = nothing;
    let isDropped = false;
    this.#wholeBody(whole.subarray(HEADER + 1), to, forward, () => (isDropped = true));
    if (!isDropped) forward(whole);
  }

  /** The header of a further packet of the command at hand. */
  #next(to: CommandHandler, forward: Forward): void {
    const count = Math.min(HEADER - this.#headBytes, this.#chunk.length - this.#at);
    this.#head.set(this.#chunk.subarray(this.#at, this.#at + count), this.#headBytes);
    this.#headBytes += count;
    const isWhole = this.#headBytes === HEADER;
    const bytes = isWhole ? payloadBytesAt(this.#head, 0) : 0;
    if (isWhole) this.#further(bytes);
    if (this.#treatment === "pieces") {
      this.#gather(count, to, forward, true);
      return;
    }
    this.#at += count;
    if (!isWhole || bytes > 0) return;
    to.part(this.#command, nothing, true);
    this.#packetEnded(to);
  }

  #further(bytes: number): void {
    this.#headBytes = 0;
    this.#bytes += bytes;
    if (this.#bytes > limits.commandBytes) {
      throw wireError("oversize", "command", `over ${limits.commandBytes} bytes`);
    }
    const sequence = this.#head[3] ?? 0;
    if (sequence !== ((this.#sequence + 1) & 0xff)) {
      throw wireError("unexpected", "command", "packets out of order");
    }
    this.#sequence = sequence;
    this.#left = bytes;
    this.#isSplit = bytes === PACKET_MAX;
  }

  /** The packet at hand is complete; maybe the command is. */
  #packetEnded(to: CommandHandler): void {
    if (this.#isSplit) return;
    const isFile = this.#treatment === "file";
    this.#treatment = null;
    if (!isFile) to.ended(this.#command, this.#sequence);
  }

  /** Gathers a piece; once it is full, or the command complete, it is handed over and passes. */
  #gather(bytes: number, to: CommandHandler, forward: Forward, isHeader = false): void {
    this.#flush(forward, this.#at);
    for (let left = bytes; left > 0;) {
      const count = Math.min(left, this.#pieces.room);
      this.#pieces.add(this.#chunk.subarray(this.#at, this.#at + count));
      if (!isHeader) this.#span(this.#pieceBytes, count);
      this.#pieceBytes += count;
      this.#at += count;
      // From here on the pieces let it go on, or nothing does.
      this.#drop();
      left -= count;
      if (!isHeader) this.#left -= count;
      const isLast = left === 0 && this.#left === 0 && !this.#isSplit && this.#headBytes === 0;
      if (isLast || this.#pieces.room === 0) this.#release(isLast, to, forward);
    }
    if (this.#left === 0 && !this.#isSplit && this.#headBytes === 0) this.#packetEnded(to);
  }

  #span(from: number, count: number): void {
    const last = this.#spans.length - 1;
    if (last > 0 && this.#spans[last] === from) this.#spans[last] = from + count;
    else this.#spans.push(from, from + count);
  }

  #release(isLast: boolean, to: CommandHandler, forward: Forward): void {
    const piece = this.#pieces.take();
    const spans = this.#spans;
    this.#spans = [];
    this.#pieceBytes = 0;
    for (let at = 0; at < spans.length; at += 2) {
      const part = piece.subarray(spans[at], spans[at + 1]);
      to.part(this.#command, part, isLast && at + 2 >= spans.length);
    }
    if (isLast && spans.length === 0) to.part(this.#command, nothing, true);
    this.#pieces.release(piece, isLast, forward);
  }
}
