/** Kinds of what a text is made of ("Language Structure"). */
export const kind = {
  /** A word: of the language, or a name without quotes. */
  word: 1,
  /** A name in backticks. */
  name: 2,
  /** A number or a string. */
  value: 3,
  /** `?` */
  mark: 4,
  /** One other character. */
  sign: 5,
} as const;

// Alternatives start with different characters and none nests a repetition: linear.
const blanks = /\s+|#[^\n]*|--(?:[ \t\r\f\v][^\n]*|(?=\n)|$)/y;
const opensCode = /\/\*M?!\d{0,6}/y;
const word = /[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*/y;
const number = /0x[\da-f]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/iy;
/** Letters right before a quote: N'', B'', X''. */
const prefixed = /[nbx]'/iy;

/**
 * Cuts a statement into what it is made of, in the default SQL mode; comments are passed over, but
 * what the server runs of them (`/*! ... *\/`) is not. Always moves on.
 */
export class Lexer {
  readonly #text: string;
  #at = 0;
  #isInComment = false;
  /** Of the token that `next` found. */
  kind = 0;
  start = 0;
  end = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Finds the next token; false at the end. */
  next(): boolean {
    this.#skip();
    if (this.#at >= this.#text.length) return false;
    this.start = this.#at;
    this.kind = this.#read();
    this.end = this.#at;
    return true;
  }

  /** The token as it stands there. */
  get text(): string {
    return this.#text.slice(this.start, this.end);
  }

  #skip(): void {
    for (;;) {
      const at = this.#at;
      if (this.#passes(blanks)) continue;
      if (this.#text.startsWith("/*", at)) {
        if (this.#passes(opensCode)) this.#isInComment = true;
        else this.#skipTo(this.#text.indexOf("*/", at + 2), 2);
      } else if (this.#isInComment && this.#text.startsWith("*/", at)) {
        this.#isInComment = false;
        this.#at += 2;
      } else return;
    }
  }

  #passes(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #skipTo(found: number, length: number): void {
    this.#at = found < 0 ? this.#text.length : found + length;
  }

  #read(): number {
    const one = this.#text.charCodeAt(this.#at);
    if (one === 0x27 || one === 0x22) return this.#quoted(this.#at, true);
    if (one === 0x60) return this.#quoted(this.#at, false);
    prefixed.lastIndex = this.#at;
    if (prefixed.test(this.#text)) return this.#quoted(this.#at + 1, true);
    if (this.#passes(word)) return kind.word;
    if (this.#passes(number)) return kind.value;
    this.#at += 1;
    return one === 0x3f ? kind.mark : kind.sign;
  }

  /** Past the closing quote; a doubled one, or in a string one after a backslash, is none. */
  #quoted(open: number, isString: boolean): number {
    const text = this.#text;
    const quote = text.charCodeAt(open);
    let at = open + 1;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (isString && code === 0x5c) at += 1;
      else if (code === quote && text.charCodeAt(at + 1) === quote) at += 1;
      else if (code === quote) break;
    }
    this.#at = Math.min(at + 1, text.length);
    return isString ? kind.value : kind.name;
  }
}
