/**
 * Records a statement whose text is too long to be held, as it comes: part 0 has its beginning and,
 * in the end, what came of it; the pieces are the parts after that. Nothing of the text is kept but
 * its beginning.
 */
import type { StatementEvent } from "./catalog.ts";
import type { EventContext } from "./context.ts";
import { partBytesMax } from "./catalog_db.ts";
import { splitText } from "./prepare.ts";
import { dialectOf } from "./redact_dialect.ts";
import { Redactor } from "./redactor.ts";
import type { Spool } from "./spool.ts";

/** SHA-256 that takes its input in pieces; handed in, since this room has no cryptography. */
export type TextHash = () => { update(bytes: Uint8Array): void; hex(): string };

type FullText = NonNullable<StatementEvent["full_text"]>;

/** Characters of the text that part 0, and each execution of a prepared one, has. */
export const startCharactersMax = 4096;

export interface StreamedQueryInit {
  readonly spool: Pick<Spool, "streamed" | "result">;
  readonly context: EventContext;
  /** The event without text. */
  readonly intent: StatementEvent;
  readonly hash: TextHash;
}

export class StreamedQuery {
  readonly #spool: StreamedQueryInit["spool"];
  readonly #context: EventContext;
  readonly #intent: StatementEvent;
  readonly #secrets = new Set<number>();
  #redactor: Redactor | null;
  readonly #hash: ReturnType<TextHash>;
  #start = "";
  #startIsWhole = false;
  #hasBegun = false;
  /** Half of a character, which goes with what follows. */
  #half = "";
  #bytes = 0;
  #parts = 1;
  #fullText: FullText | null = null;

  /** Nothing is recorded before the first piece. */
  constructor({ spool, context, intent, hash }: StreamedQueryInit) {
    this.#spool = spool;
    this.#context = context;
    this.#intent = intent;
    this.#hash = hash();
    this.#redactor = new Redactor(this.#secrets, dialectOf(context.fields.db_protocol));
  }

  /** The beginning of the text. */
  get start(): string {
    return this.#start;
  }

  /** Where the text is to be found; null until it is whole. */
  get fullText(): FullText | null {
    return this.#fullText;
  }

  /** Numbers of the parameters that are secrets by their place. */
  get secrets(): ReadonlySet<number> {
    return this.#secrets;
  }

  /** Records the next piece of the text, but for what a secret may begin in. */
  push(text: string): void {
    this.#record(this.#redactor?.push(text) ?? "");
  }

  /** The text is whole. */
  end(): void {
    this.#record(this.#redactor?.push("", true) ?? "", true);
    this.#redactor = null;
  }

  /** Records what came of the statement; `event` is without text. */
  result(event: StatementEvent): void {
    // What was held back is all that comes: the text ended early.
    if (this.#redactor !== null) this.#record(this.#redactor.push("", true));
    this.#spool.result(this.#partZero(event), this.#context);
  }

  #record(clean: string, isLast = false): void {
    const text = this.#wholeCharacters(clean, isLast);
    const bytes = utf8(text);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    const rest = this.#startIsWhole ? text : this.#takeStart(text);
    const pieces = rest === "" ? [] : bytes.length <= partBytesMax ? [rest] : splitText(rest);
    // Before the first part, so that no kill leaves parts of a statement that is not there.
    if (!this.#hasBegun) this.#spool.streamed([], this.#partZero(this.#intent), this.#context);
    this.#hasBegun = true;
    const { uid } = this.#intent;
    const parts = pieces.map((db_query): StatementEvent => {
      const index = this.#parts++;
      const part = { of: uid, index };
      return { ...this.#intent, uid: `${uid}.${index}`, db_query, outcome: "part", part };
    });
    if (isLast) this.#fullText = { of: uid, bytes: this.#bytes, sha256: this.#hash.hex() };
    this.#spool.streamed(parts, this.#partZero(this.#intent), this.#context);
  }

  #partZero(event: StatementEvent): StatementEvent {
    const part = { of: event.uid, index: 0, count: this.#parts };
    const full = this.#fullText === null ? {} : { full_text: this.#fullText };
    return { ...event, db_query: this.#start, part, ...full };
  }

  /** A character beyond U+FFFF is two in a string; it goes into one part. */
  #wholeCharacters(clean: string, isLast: boolean): string {
    const text = this.#half + clean;
    const isHalf = !isLast && isHighSurrogate(text.charCodeAt(text.length - 1));
    this.#half = isHalf ? text.slice(-1) : "";
    return isHalf ? text.slice(0, -1) : text;
  }

  #takeStart(text: string): string {
    let count = startCharactersMax - this.#start.length;
    if (isHighSurrogate(text.charCodeAt(count - 1))) count -= 1;
    // By its bytes, since a slice would keep the whole text alive.
    this.#start += decoder.decode(encoder.encode(text.slice(0, count)));
    this.#startIsWhole = text.length > count || this.#start.length === startCharactersMax;
    return text.slice(count);
  }
}

/** The first half of a character that is two in a string. */
function isHighSurrogate(code: number): boolean {
  return (code & 0xfc00) === 0xd800;
}

const encoder = new TextEncoder();
let room = new Uint8Array();

/** Valid until the next call, so that a long statement leaves nothing to collect. */
function utf8(text: string): Uint8Array {
  if (room.length < 3 * text.length) room = new Uint8Array(3 * text.length);
  return room.subarray(0, encoder.encodeInto(text, room).written);
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
