import type { StreamSizes } from "../streaming.ts";
import { splitInline } from "./inline.ts";
import { limits } from "./limits.ts";
import { LongCommand } from "./long_command.ts";
import { CR, LF, lineEnd, readLength, types, wireError } from "./resp.ts";

/**
 * What becomes of a command that is too long to be held: its bytes pass as they come, or are left
 * out, or are held all the same, up to the usual size.
 */
export type LongTreatment = "pass" | "drop" | "hold";

export interface CommandHandler {
  /**
   * A whole command; `bytes` are those it came as. The views of its arguments are valid during the
   * call only. False ends the reading.
   */
  command(args: readonly Uint8Array[], bytes: Uint8Array): boolean;
  /** Bytes that ask for nothing and are answered by nothing: an empty line, an empty array. */
  blank(bytes: Uint8Array): void;
  /** A command turns out to be too long to be held; `args` are the first of it, at least one. */
  long(args: readonly Uint8Array[]): LongTreatment;
  /** Bytes of it that pass. */
  passes(bytes: Uint8Array): void;
  /** All of it is known; `last` are its last bytes, without which the server can't run it. */
  ended(command: LongCommand, last: Uint8Array): void;
}

const nothing = new Uint8Array(0);
/** No command has a longer name; what does is not awaited whole. */
const nameBytesMax = 128;
const wholeMaxUsual = 1024 * 1024;

/**
 * Cuts what a client sends into commands, however the chunks fall. What is held grows as bytes
 * arrive, never from an announced length; a command over `wholeMax` passes argument by argument.
 */
export class CommandReader {
  readonly #wholeMax: number;
  #held: Uint8Array = nothing;
  #heldBytes = 0;
  /** Arguments still to come; -1 between commands. */
  #left = -1;
  /** Of the command being read, from its first byte: begin and end of each argument. */
  #offsets: number[] = [];
  /** Where reading goes on, from its first byte. */
  #next = 0;
  /** Length of the argument being read; -1 before its header is. */
  #length = -1;
  #hold = false;
  #long: LongCommand | null = null;
  #drop = false;
  /** Of an argument that passes: bytes still to come. */
  #body = 0;
  #isOver = false;

  constructor(sizes: StreamSizes) {
    this.#wholeMax = sizes.wholeMax;
  }

  /** No command is half read. */
  get atRest(): boolean {
    return this.#heldBytes === 0 && this.#long === null;
  }

  /** The one that is passing, as far as it is known. */
  get long(): LongCommand | null {
    return this.#long;
  }

  push(chunk: Uint8Array, to: CommandHandler): void {
    if (this.#isOver) return;
    const buffer = this.#join(chunk);
    let at = 0;
    while (!this.#isOver) {
      const next = this.#long !== null
        ? this.#pass(this.#long, buffer, at, to)
        : this.#left >= 0
        ? this.#read(buffer, at, to)
        : this.#begin(buffer, at, to);
      if (next < 0) break;
      at = next;
    }
    if (at < buffer.length && !this.#isOver) this.#keep(buffer, at);
    else this.#held = nothing;
  }

  /** What is held and the chunk, in one; the held bytes are never written to again. */
  #join(chunk: Uint8Array): Uint8Array {
    if (this.#heldBytes === 0) return chunk;
    const need = this.#heldBytes + chunk.length;
    if (need > this.#held.length) {
      const larger = new Uint8Array(Math.max(need, this.#heldBytes * 2));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(chunk, this.#heldBytes);
    this.#heldBytes = 0;
    return this.#held.subarray(0, need);
  }

  #keep(buffer: Uint8Array, at: number): void {
    if (at > 0 || buffer.buffer !== this.#held.buffer) this.#held = buffer.slice(at);
    this.#heldBytes = buffer.length - at;
  }

  /** Reads on at `at`; gives where the next command begins, -1 where more is needed. */
  #begin(buffer: Uint8Array, at: number, to: CommandHandler): number {
    if (at >= buffer.length) return -1;
    if (buffer[at] !== types.array) return this.#inline(buffer, at, to);
    const cr = this.#header(buffer, at, "command");
    if (cr < 0) return -1;
    const count = readLength(buffer, at + 1, cr, limits.argumentsMax, "command");
    if (count <= 0) {
      to.blank(buffer.subarray(at, cr + 2));
      return cr + 2;
    }
    this.#left = count;
    this.#next = cr + 2 - at;
    return at;
  }

  /** Where the CR of a header line stands; -1 while it is not there. */
  #header(buffer: Uint8Array, at: number, name: string): number {
    const max = at + limits.headerBytes;
    const cr = lineEnd(buffer, at + 1, Math.min(buffer.length, max));
    if (cr < 0 && buffer.length >= max) throw wireError("malformed", name, "no length");
    return cr;
  }

  #inline(buffer: Uint8Array, at: number, to: CommandHandler): number {
    const max = at + limits.inlineBytes;
    const end = buffer.indexOf(LF, Math.max(at, at + this.#next - 1));
    if (end < 0 || end >= max) {
      if (buffer.length >= max) throw wireError("oversize", "inline command", "too long");
      this.#next = buffer.length - at;
      return -1;
    }
    this.#next = 0;
    const line = buffer.subarray(at, buffer[end - 1] === CR && end > at ? end - 1 : end);
    const args = splitInline(line);
    if (args === null) throw wireError("malformed", "inline command", "unbalanced quotes");
    const bytes = buffer.subarray(at, end + 1);
    if (args.length === 0) to.blank(bytes);
    else if (!to.command(args, bytes)) this.#isOver = true;
    return end + 1;
  }

  #read(buffer: Uint8Array, at: number, to: CommandHandler): number {
    const offsets = this.#offsets;
    while (this.#left > 0) {
      if (this.#length < 0) {
        const start = at + this.#next;
        this.#length = this.#argumentHeader(buffer, start);
        if (this.#length < 0) return -1;
        if (this.#isTooLong(offsets.length > 0)) {
          const treatment = this.#treatment(buffer, at, to);
          if (treatment !== "hold") return this.#beginLong(buffer, at, treatment, to);
          this.#hold = true;
        }
      }
      const begin = this.#next;
      const end = begin + this.#length;
      if (at + end + 2 > buffer.length) return -1;
      if (buffer[at + end] !== CR || buffer[at + end + 1] !== LF) throw unended();
      offsets.push(begin, end);
      this.#next = end + 2;
      this.#length = -1;
      this.#left -= 1;
    }
    const args = this.#arguments(buffer, at);
    const end = at + this.#next;
    this.#reset();
    if (!to.command(args, buffer.subarray(at, end))) this.#isOver = true;
    return end;
  }

  /** Length of the argument whose header begins at `start`; -1 while that is not there. */
  #argumentHeader(buffer: Uint8Array, start: number): number {
    const first = buffer[start];
    if (first === undefined) return -1;
    if (first !== types.bulk) throw wireError("malformed", "command", "an argument without length");
    const cr = this.#header(buffer, start, "command");
    if (cr < 0) return -1;
    const length = readLength(buffer, start + 1, cr, limits.bulkBytes, "command");
    if (length < 0) throw wireError("malformed", "command", "an argument of negative length");
    this.#next += cr + 2 - start;
    return length;
  }

  #isTooLong(named: boolean): boolean {
    if (!named) return this.#length > nameBytesMax && this.#length > this.#wholeMax;
    const size = this.#next + this.#length;
    return size > wholeMaxUsual || (size > this.#wholeMax && !this.#hold);
  }

  #treatment(buffer: Uint8Array, at: number, to: CommandHandler): LongTreatment {
    if (this.#offsets.length === 0) throw wireError("oversize", "command", "no name is so long");
    const treatment = to.long(this.#arguments(buffer, at));
    const size = this.#next + this.#length;
    return treatment === "hold" && size > wholeMaxUsual ? "drop" : treatment;
  }

  #beginLong(
    buffer: Uint8Array,
    at: number,
    treatment: LongTreatment,
    to: CommandHandler,
  ): number {
    this.#long = new LongCommand(this.#arguments(buffer, at));
    this.#drop = treatment === "drop";
    this.#long.begin(this.#length);
    this.#body = this.#length;
    const end = at + this.#next;
    if (!this.#drop) to.passes(buffer.subarray(at, end));
    return end;
  }

  /** Lets a long command's bytes pass; gives where to go on, -1 where more is needed. */
  #pass(long: LongCommand, buffer: Uint8Array, at: number, to: CommandHandler): number {
    if (this.#body > 0) {
      if (at >= buffer.length) return -1;
      const bytes = buffer.subarray(at, at + this.#body);
      long.body(bytes);
      if (!this.#drop) to.passes(bytes);
      this.#body -= bytes.length;
      return at + bytes.length;
    }
    if (this.#length >= 0) return this.#passEnd(long, buffer, at, to);
    this.#next = 0;
    const length = this.#argumentHeader(buffer, at);
    if (length < 0) return -1;
    this.#length = length;
    this.#body = length;
    long.begin(length);
    const end = at + this.#next;
    if (!this.#drop) to.passes(buffer.subarray(at, end));
    return end;
  }

  #passEnd(long: LongCommand, buffer: Uint8Array, at: number, to: CommandHandler): number {
    if (at + 2 > buffer.length) return -1;
    if (buffer[at] !== CR || buffer[at + 1] !== LF) throw unended();
    long.end();
    const last = buffer.subarray(at, at + 2);
    this.#left -= 1;
    this.#length = -1;
    if (this.#left > 0) {
      if (!this.#drop) to.passes(last);
      return at + 2;
    }
    this.#reset();
    this.#long = null;
    to.ended(long, this.#drop ? nothing : last);
    return at + 2;
  }

  #arguments(buffer: Uint8Array, at: number): Uint8Array[] {
    const args: Uint8Array[] = [];
    const offsets = this.#offsets;
    for (let index = 0; index < offsets.length; index += 2) {
      args.push(buffer.subarray(at + (offsets[index] ?? 0), at + (offsets[index + 1] ?? 0)));
    }
    return args;
  }

  #reset(): void {
    this.#left = -1;
    this.#offsets = [];
    this.#next = 0;
    this.#length = -1;
    this.#hold = false;
  }
}

function unended(): Error {
  return wireError("malformed", "command", "an argument without its end");
}
