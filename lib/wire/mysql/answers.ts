import { ByteReader } from "../../bytes/reader.ts";
import type { StatementError, Tap } from "../protocol.ts";
import { lenencInt } from "./lenenc.ts";
import { limits } from "./limits.ts";
import { readFront, wireError } from "./packet.ts";
import { first, readEof, readError, readOk, status } from "./replies.ts";
import type { FileSent, Pending, Session } from "./session.ts";
import { notRun, Tally } from "./tally.ts";

/** An ERR packet that reports progress and ends nothing (MariaDB). */
const PROGRESS = 0xffff;
/** An EOF of the old form is shorter than this; a row that begins like it is longer. */
const EOF_BYTES_MAX = 9;

/** What of a reply comes next. */
type Stage =
  | "first"
  /** Definitions, and an EOF of the old form behind them. */
  | "definitions"
  | "rows"
  | "columns"
  | "stream";

/**
 * Pairs what the database answers with what was asked, in order, and follows each reply to its end
 * ("Text Resultset", "Binary Protocol Resultset").
 */
export class Answers {
  readonly #session: Session;
  readonly #clientAtRest: () => boolean;
  readonly #tap: Pick<Tap, "answer" | "idle" | "result">;
  #current: Pending | null = null;
  #tally = new Tally();
  #stage: Stage = "first";
  /** Definitions that still come, and those of the next group (a Prepare has two). */
  #definitions = 0;
  #nextDefinitions = 0;
  /** Behind the definitions an EOF comes. */
  #wantsEof = false;
  /** Status as the database told it last. */
  #status: number | null = null;
  /** The file that was asked for last. */
  #file: FileSent | null = null;
  /** Words of ours that take the place of the rest of the reply. */
  #instead: { readonly answer: Uint8Array; readonly error: StatementError } | null = null;

  constructor(
    session: Session,
    clientAtRest: () => boolean,
    tap: Pick<Tap, "answer" | "idle" | "result">,
  ) {
    this.#session = session;
    this.#clientAtRest = clientAtRest;
    this.#tap = tap;
  }

  /** The command being answered, or the next one. */
  get asked(): Pending | undefined {
    return this.#current ?? this.#session.peek();
  }

  /** A reply has begun. */
  get isUnderWay(): boolean {
    return this.#current !== null;
  }

  /** The database may ask for a file here. */
  get mayAskForFile(): boolean {
    return this.#stage === "first" && this.asked?.form === "results";
  }

  /** Whether a packet that begins so is a row; these are the many. */
  isRow(byte: number, bytes: number): boolean {
    if (this.#current === null && this.#session.peek()?.form === "rows") this.#take(byte);
    if (this.#stage !== "rows" || byte === first.error) return false;
    return byte !== first.eof || !this.#isEnd(bytes);
  }

  row(bytes: number): void {
    this.#tally.shownRows += 1;
    this.#tally.bytesSent += bytes;
  }

  /** More of a packet that is longer than one. */
  more(bytes: number): void {
    this.#tally.bytesSent += bytes;
  }

  /** How much of a packet has to be seen. */
  wanted(byte: number): number {
    if (byte === first.error) return limits.errorBytes;
    const isDecisive = byte === first.eof || this.#stage === "first" || this.#stage === "rows";
    return isDecisive ? limits.okBytes : 1;
  }

  /** A packet that is no row; `front` is what was wanted of it. */
  packet(front: Uint8Array, bytes: number): void {
    const byte = front[0] ?? 0;
    const current = this.#current ?? this.#take(byte);
    if (current === null) return;
    this.#tally.bytesSent += bytes;
    if (byte === first.error && bytes > 2 && this.#isError(current)) return this.#error(front);
    switch (this.#stage) {
      case "first":
        return this.#first(current, front);
      case "definitions":
        return this.#definition(front, byte, bytes);
      case "rows":
        return this.#rowsEnd(front);
      case "columns":
        if (byte === first.eof && this.#isEnd(bytes)) this.#lastPacket(front);
        return;
      case "stream":
        if (byte === first.eof && bytes < EOF_BYTES_MAX) this.#finish();
        else this.#tally.shownRows += 1;
    }
  }

  /** The question for a file was passed on: the client's packets are its content from now on. */
  fileAsked(): void {
    this.#beginFile();
    this.#file = { bytes: 0, sequence: 0 };
    this.#session.file = this.#file;
  }

  /** It was not: what the database says to no file goes nowhere, the client is told `answer`. */
  fileRefused(answer: Uint8Array, error: StatementError): void {
    this.#beginFile();
    this.#instead = { answer, error };
  }

  /** What was asked meanwhile, the database would take for the file. */
  #beginFile(): void {
    this.#current ??= this.#take(first.localInfile);
    this.#countFile();
    if (this.#session.waiting === 0 && this.#clientAtRest()) return;
    throw wireError("unexpected", "LocalInfile", "more was asked in the meantime");
  }

  /** The session is over: what is open ends with what is known of it. */
  close(): void {
    this.#countFile();
    const current = this.#current;
    this.#current = null;
    if (current?.statement !== undefined) {
      this.#tap.result(current.statement.id, this.#tally.result("unknown", null));
    }
    for (let next = this.#session.shift(); next !== undefined; next = this.#session.shift()) {
      if (next.statement !== undefined) {
        this.#tap.result(next.statement.id, notRun("unknown", null, ""));
      }
    }
  }

  /** What the client sent counts for the statement that asked. */
  #countFile(): void {
    if (this.#file !== null) {
      this.#tally.fileBytes = (this.#tally.fileBytes ?? 0) + this.#file.bytes;
    }
    this.#file = null;
  }

  #isEnd(bytes: number): boolean {
    return bytes < (this.#session.deprecateEof ? 0xffffff : EOF_BYTES_MAX);
  }

  /** A text begins as it likes, and so does what a replica is sent. */
  #isError({ form }: Pending): boolean {
    return form !== "text" || this.#stage !== "first";
  }

  /** Null where the database says by itself why it ends the session. */
  #take(byte: number): Pending | null {
    const next = this.#session.shift();
    if (next === undefined) {
      if (byte === first.error) return null;
      throw wireError("unexpected", "reply", "answers nothing that was asked");
    }
    this.#current = next;
    this.#tally = new Tally();
    this.#stage = next.form === "rows"
      ? "rows"
      : next.form === "columns"
      ? "columns"
      : next.form === "stream"
      ? "stream"
      : "first";
    return next;
  }

  #error(front: Uint8Array): void {
    const error = readError(front);
    if (error.number === PROGRESS) return;
    this.#tally.failed(error);
    this.#finish();
  }

  #first(current: Pending, front: Uint8Array): void {
    switch (current.form) {
      case "text":
        return this.#finish();
      case "prepared":
        return this.#prepared(current, front);
      case "ok":
        return this.#lastPacket(front);
    }
    if (front[0] === first.ok) return this.#lastPacket(front);
    const from = new ByteReader(front);
    const [columns, isDescribed] = readFront("ColumnCount", from, () => [
      lenencInt(from),
      !this.#session.tellsMetadata || from.left === 0 || from.u8() !== 0,
    ]);
    if (columns < 1 || columns > limits.columns) {
      throw wireError("malformed", "ColumnCount", `${columns} columns`);
    }
    this.#define(isDescribed ? columns : 0, 0);
  }

  /** "COM_STMT_PREPARE_OK": its id, then what its parameters and columns are. */
  #prepared({ prepared }: Pending, front: Uint8Array): void {
    const from = new ByteReader(front);
    const [id, columns, parameters] = readFront("PrepareOk", from, () => {
      if (from.u8() !== first.ok) throw wireError("unexpected", "PrepareOk", "neither OK nor ERR");
      return [from.u32le(), from.u16le(), from.u16le()] as const;
    });
    if (prepared !== undefined) {
      prepared.count = parameters;
      prepared.isCertain = true;
      this.#session.names.set(id, prepared);
    }
    const isDescribed = !this.#session.tellsPreparedMetadata || front[12] !== 0;
    if (!isDescribed || parameters + columns === 0) return this.#finish();
    if (parameters === 0) this.#define(columns, 0);
    else this.#define(parameters, columns);
  }

  #define(count: number, next: number): void {
    this.#stage = "definitions";
    this.#definitions = count;
    this.#nextDefinitions = next;
    this.#wantsEof = !this.#session.deprecateEof;
    if (count === 0 && !this.#wantsEof) this.#defined(null);
  }

  #definition(front: Uint8Array, byte: number, bytes: number): void {
    if (this.#definitions > 0) {
      this.#definitions -= 1;
      if (this.#definitions === 0 && !this.#wantsEof) this.#defined(null);
      return;
    }
    if (byte !== first.eof || bytes >= EOF_BYTES_MAX) {
      throw wireError("unexpected", "definitions", "no end of them");
    }
    this.#defined(front.length >= 5 ? readEof(front) : null);
  }

  /** All definitions of a group are there; `bits`: the status that came behind them. */
  #defined(bits: number | null): void {
    if (this.#nextDefinitions > 0) return this.#define(this.#nextDefinitions, 0);
    if (this.#current?.form === "prepared") return this.#finish();
    // The rows of a cursor come when they are fetched.
    if (bits !== null && (bits & status.cursor) !== 0) return this.#ended(bits);
    this.#stage = "rows";
  }

  #rowsEnd(front: Uint8Array): void {
    this.#tally.rowsEnded();
    this.#ended(this.#statusOf(front));
  }

  /** An OK, or an EOF in either form, which ends what it stands behind. */
  #lastPacket(front: Uint8Array): void {
    const byte = front[0];
    if (byte !== first.ok && byte !== first.eof) {
      throw wireError("unexpected", "reply", `packet type ${byte}`);
    }
    if (byte === first.ok && this.#current?.form !== "columns") {
      const { affectedRows, status: bits, schema } = readOk(front, this.#session.flags);
      this.#tally.ok(affectedRows);
      if (schema !== null) this.#session.schema = schema;
      return this.#ended(bits);
    }
    this.#ended(this.#statusOf(front));
  }

  #statusOf(front: Uint8Array): number {
    if (!this.#session.deprecateEof || front.length < 7) {
      return front.length < 5 ? 0 : readEof(front);
    }
    const { status: bits, schema } = readOk(front, this.#session.flags);
    if (schema !== null) this.#session.schema = schema;
    return bits;
  }

  #ended(bits: number): void {
    this.#status = bits;
    if ((bits & status.moreResults) !== 0 && this.#current?.form === "results") {
      this.#stage = "first";
      return;
    }
    this.#finish();
  }

  #finish(): void {
    const current = this.#current;
    if (current === null) return;
    this.#countFile();
    this.#current = null;
    this.#stage = "first";
    const instead = this.#instead;
    this.#instead = null;
    if (instead !== null) {
      this.#tally.error = instead.error;
      this.#tap.answer(instead.answer);
    }
    if (this.#tally.error === null) this.#settle(current);
    if (current.statement !== undefined) {
      const isFirst = this.#tally.isEmpty;
      const code = this.#tally.error?.code;
      const outcome = outcomeOf(current, code, this.#session.logsAsSent || !isFirst);
      this.#tap.result(current.statement.id, this.#tally.result(outcome, this.#status));
    }
    this.#answerOurs();
    const inTransaction = (this.#status ?? 0) & status.inTransaction;
    if (inTransaction === 0 && this.#session.waiting === 0 && this.#clientAtRest()) {
      this.#tap.idle();
    }
  }

  /** What the command did to the session. */
  #settle({ schema, clears }: Pending): void {
    if (schema !== undefined) this.#session.schema = schema;
    if (clears === true) this.#session.names.clear();
  }

  /** What came next is answered by us. */
  #answerOurs(): void {
    for (let next = this.#session.peek(); next?.answer !== undefined; next = this.#session.peek()) {
      this.#session.shift();
      this.#tap.answer(next.answer);
    }
  }
}

/** A syntax error, an empty query, an unknown prepared statement. */
const codes = { syntax: "1064", empty: "1065", unknownStatement: "1243" } as const;

/**
 * The server's own log has no line of what it refused to prepare, nor of an execution of what it
 * does not know; MySQL's, which is written once a text was read, of one that can't be read.
 */
function outcomeOf(
  { form, prepared, isExecution, runsText }: Pending,
  code: string | undefined,
  logsAsSent: boolean,
): "done" | "parse_error" | "skipped" {
  if (code === undefined) return "done";
  if (form === "prepared" && prepared !== undefined) return "parse_error";
  if (isExecution === true) return code === codes.unknownStatement ? "skipped" : "done";
  const isUnread = form === "results" && (code === codes.syntax || code === codes.empty);
  return isUnread && !logsAsSent && runsText !== true ? "parse_error" : "done";
}
