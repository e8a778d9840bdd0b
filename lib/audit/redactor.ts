/**
 * Takes passwords out of a statement as its text comes, in pieces of any size: what it gives does
 * not depend on how the text was cut, and it holds back little. One pass, linear in the length.
 */
import { LiteralRedactor } from "./redact_literal.ts";
import { type Dialect, dialectOf } from "./redact_dialect.ts";
import { isSecretName, lookahead, mark } from "./secret_words.ts";

/** Dollar quotes within dollar quotes that are followed; deeper ones are taken for code. */
const depthMax = 4;
/** Tokens after a telling word that are looked at one by one. */
const attentionTokens = 24;
/** Of a literal, what is remembered to know a setting's name by. */
const nameCharactersMax = 64;
const inIdentifier = /^[\w\u0080-\uffff$]/;
const startsWord = /^[\w\u0080-\uffff]/;
/** Key and value, or an address: a body that is a connection string and no statement. */
const connectionString = /^\s*(?:[\w.]+\s*=(?!>)|[\w+.-]+:\/\/)/;

interface Quoted {
  readonly quote: string;
  /** Whether a backslash takes the meaning from the next character. */
  readonly escapes: boolean;
  /** Null where all of it is a secret. */
  readonly inside: LiteralRedactor | null;
  /** Its first characters. */
  name: string;
}

interface DollarQuoted {
  readonly tag: string;
  readonly secret: boolean;
  /** Null for a secret, and until its kind can be told. */
  inside: LiteralRedactor | Redactor | null;
}

export class Redactor {
  /** Numbers of the parameters that stand where a secret is expected. */
  readonly parameters: Set<number>;
  readonly #dialect: Dialect;
  readonly #isMysql: boolean;
  readonly #depth: number;
  /** Two characters of what was given out, then what is to be read. */
  #text = "";
  #at = 0;
  /** Where the next suspect word is, at or after what is to be read; and the next backslash. */
  #suspect = -1;
  #backslash = -1;
  /** `?` so far. */
  #marks = 0;
  #inComment: "line" | number | null = null;
  #quoted: Quoted | null = null;
  #dollar: DollarQuoted | null = null;
  #attention = 0;
  readonly #words: string[] = [];
  /** A literal that comes next is a secret. */
  #armed = false;
  /** The last token was a secret literal: another right after it goes on with it. */
  #afterSecret = false;

  constructor(
    parameters: Set<number> = new Set(),
    dialect: Dialect = dialectOf("postgres"),
    depth = 0,
  ) {
    this.parameters = parameters;
    this.#dialect = dialect;
    this.#isMysql = dialect.name === "mysql";
    this.#depth = depth;
  }

  /** How many `?` the text has had so far. */
  get marks(): number {
    return this.#marks;
  }

  /** What can be told of the text so far; at its `last` piece all the rest. */
  push(text: string, last = false): string {
    this.#text += text;
    this.#suspect = -1;
    this.#backslash = -1;
    let out = "";
    for (;;) {
      const before = this.#at;
      out += this.#step(last);
      if (this.#at === before) break;
    }
    const done = Math.max(0, this.#at - 2);
    this.#text = this.#text.slice(done);
    this.#at -= done;
    return out;
  }

  #step(last: boolean): string {
    if (this.#quoted !== null) return this.#readQuoted(this.#quoted, last);
    if (this.#dollar !== null) return this.#readDollar(this.#dollar, last);
    if (this.#inComment === "line") return this.#readLineComment();
    if (this.#inComment !== null) return this.#readComment(this.#inComment, last);
    return this.#readCode(last);
  }

  #takeTo(end: number): string {
    const taken = this.#text.slice(this.#at, end);
    this.#at = end;
    return taken;
  }

  #readLineComment(): string {
    const end = this.#text.indexOf("\n", this.#at);
    if (end < 0) return this.#takeTo(this.#text.length);
    this.#inComment = null;
    return this.#takeTo(end + 1);
  }

  /** They nest ("Lexical Structure"), but not in MySQL. */
  #readComment(depth: number, last: boolean): string {
    const { length } = this.#text;
    const marks = /\/\*|\*\//g;
    let read = this.#at;
    marks.lastIndex = read;
    for (let found = marks.exec(this.#text); found !== null; found = marks.exec(this.#text)) {
      read = marks.lastIndex;
      if (found[0] === "*/") depth -= 1;
      else if (!this.#isMysql) depth += 1;
      if (depth > 0) continue;
      this.#inComment = null;
      return this.#takeTo(read);
    }
    this.#inComment = depth;
    const isHalfMark = !last && length > read && /[*\/]$/.test(this.#text);
    return this.#takeTo(isHalfMark ? length - 1 : length);
  }

  #readCode(last: boolean): string {
    const safe = last ? this.#text.length : this.#text.length - lookahead;
    if (this.#at >= safe) return "";
    let out = "";
    if (this.#attention === 0) {
      out = this.#takeTo(this.#skip(safe));
      if (this.#at >= safe) return out;
      if (this.#at === this.#suspect && !this.#isTelling()) return out + this.#takeTo(this.#at + 1);
    }
    const { tokens } = this.#dialect;
    tokens.lastIndex = this.#at;
    const token = tokens.exec(this.#text)?.[0] ?? "";
    const at = this.#at;
    out += this.#takeTo(at + token.length);
    return out + this.#token(token, at);
  }

  /**
   * Passes over code and literals in which nothing is suspect; gives where something is, or a quote
   * or comment that needs a closer look. The hot loop of long statements: it allocates nothing.
   */
  #skip(safe: number): number {
    const text = this.#text;
    const { special } = this.#dialect;
    let at = this.#at;
    for (; at < safe; at += 1) {
      if (at > this.#suspect) this.#findSuspect(at);
      if (at === this.#suspect) return at;
      const code = text.charCodeAt(at);
      if (special[code] !== 1) continue;
      if (code === 0x27 || code === 0x22 || code === 0x60) {
        const close = text.indexOf(text.charAt(at), at + 1);
        // A doubled quote is the end of one literal and the beginning of the next, to this end.
        if (close < 0 || close > this.#suspect || this.#isEscaping(at, close)) return at;
        at = close;
      } else if (code === 0x24) {
        const next = text.charCodeAt(at + 1);
        if (!(next >= 0x30 && next <= 0x39)) return at;
      } else if (
        (code === 0x2d && text.charCodeAt(at + 1) === 0x2d) ||
        (code === 0x2f && text.charCodeAt(at + 1) === 0x2a)
      ) return at;
      else if (code === 0x23) return at;
      else if (code === 0x3f) this.#marks += 1;
    }
    return at;
  }

  #findSuspect(from: number): void {
    const { suspects } = this.#dialect;
    suspects.lastIndex = from;
    this.#suspect = suspects.exec(this.#text)?.index ?? Infinity;
  }

  #isTelling(): boolean {
    const { tellingHere } = this.#dialect;
    tellingHere.lastIndex = this.#at;
    return tellingHere.test(this.#text);
  }

  /**
   * Whether the quote at `at` opens a literal in which a backslash has a meaning, as in E'...'; of
   * MySQL's, which all are such, whether there is one before `close`.
   */
  #isEscaping(at: number, close: number): boolean {
    if (this.#isMysql) {
      if (this.#backslash < at) this.#backslash = this.#text.indexOf("\\", at);
      if (this.#backslash < 0) this.#backslash = Infinity;
      return this.#backslash < close;
    }
    const before = this.#text.charCodeAt(at - 1) | 0x20;
    return before === 0x65 && !(at > 1 && startsWord.test(this.#text.charAt(at - 2)));
  }

  /** Takes note of a token that was given out; gives the mark where a secret begins. */
  #token(token: string, at: number): string {
    if (token === "--" || (token === "#" && this.#isMysql)) this.#inComment = "line";
    else if (token === "/*") this.#inComment = 1;
    else if (token.endsWith("'") || token === '"' || (token === "`" && this.#isMysql)) {
      return this.#openQuoted(token, at);
    } else if (token.endsWith("$") && this.#opensDollar(token, at)) {
      return this.#openDollar(token);
    } else if (token.trim() !== "") this.#word(token);
    return "";
  }

  #opensDollar(token: string, at: number): boolean {
    return token.length > 1 && !inIdentifier.test(this.#text.charAt(at - 1)) &&
      (this.#armed || this.#depth < depthMax);
  }

  #openQuoted(token: string, at: number): string {
    const quote = token.at(-1) ?? "";
    const escapes = this.#isMysql
      ? quote !== "`"
      : token.length === 2 || (quote === "'" && this.#isEscaping(at, at));
    const isName = this.#isMysql && quote === "`";
    const secret = !isName && (this.#armed || this.#isArgument() ||
      (this.#afterSecret && quote !== this.#dialect.nameQuote));
    this.#quoted = { quote, escapes, inside: secret ? null : new LiteralRedactor(), name: "" };
    return secret ? mark : "";
  }

  #readQuoted(quoted: Quoted, last: boolean): string {
    const { quote, escapes, inside } = quoted;
    const close = this.#closingQuote(quote, escapes, last);
    const body = this.#takeTo(close.at);
    if (inside !== null && quoted.name.length < nameCharactersMax) {
      quoted.name += body.slice(0, nameCharactersMax - quoted.name.length);
    }
    const out = inside?.push(body, close.found || last) ?? "";
    if (!close.found) return out;
    this.#quoted = null;
    this.#closed(quote, inside === null, quoted.name);
    return out + this.#takeTo(this.#at + 1);
  }

  /** Where the quote closes, or how far it is known not to. */
  #closingQuote(
    quote: string,
    escapes: boolean,
    last: boolean,
  ): { readonly at: number; readonly found: boolean } {
    const text = this.#text;
    const marks = marksOf(quote, escapes);
    marks.lastIndex = this.#at;
    for (let found = marks.exec(text); found !== null; found = marks.exec(text)) {
      const [mark] = found;
      const isCut = mark.length === 1 && marks.lastIndex === text.length && !last;
      if (isCut) return { at: found.index, found: false };
      if (mark === quote) return { at: found.index, found: true };
    }
    return { at: text.length, found: false };
  }

  #closed(quote: string, secret: boolean, name: string): void {
    this.#armed = false;
    if (quote === this.#dialect.nameQuote && !secret) return this.#word(name);
    this.#afterSecret = secret;
    if (this.#attention > 0) this.#remember(`'${name}`);
    if (secret) this.#attention = Math.max(this.#attention, 1);
  }

  #openDollar(tag: string): string {
    const secret = this.#armed || this.#isArgument();
    this.#armed = false;
    this.#afterSecret = false;
    this.#dollar = { tag, secret, inside: null };
    return secret ? mark : "";
  }

  #readDollar(dollar: DollarQuoted, last: boolean): string {
    const { tag, secret } = dollar;
    const close = this.#text.indexOf(tag, this.#at);
    const held = last ? 0 : tag.length - 1;
    const end = close < 0 ? Math.max(this.#at, this.#text.length - held) : close;
    const closed = close >= 0;
    if (!secret && dollar.inside === null) {
      if (!closed && !last && end - this.#at < lookahead) return "";
      const isConnection = connectionString.test(
        this.#text.slice(this.#at, Math.min(end, this.#at + lookahead)),
      );
      dollar.inside = isConnection
        ? new LiteralRedactor()
        : new Redactor(this.parameters, this.#dialect, this.#depth + 1);
    }
    const out = dollar.inside?.push(this.#takeTo(end), closed || last) ?? "";
    if (secret) this.#at = end;
    if (!closed) return out;
    this.#dollar = null;
    return out + this.#takeTo(end + tag.length);
  }

  #word(token: string): void {
    const word = token.toLowerCase();
    const wasArmed = this.#armed;
    this.#afterSecret = false;
    const secret = startsWord.test(word) && isSecretName(word);
    if (this.#attention === 0) this.#words.length = 0;
    if (secret || this.#dialect.tellingWords.has(word)) this.#attention = attentionTokens;
    if (word === "?") this.#marks += 1;
    if (this.#attention === 0) return;
    if (word === "?" && this.#isMysql && wasArmed) this.parameters.add(this.#marks);
    if (/^\$\d/.test(word)) {
      if (wasArmed || this.#isArgument()) this.parameters.add(Number(word.slice(1)));
    }
    this.#remember(word);
    this.#armed = secret || this.#announces(word, wasArmed);
    if (this.#armed) this.#attention = Math.max(this.#attention, 1);
  }

  #remember(word: string): void {
    this.#attention -= 1;
    this.#words.push(word);
    if (this.#words.length > attentionTokens) this.#words.shift();
  }

  /** Whether a literal that follows `word`, the newest token, is a secret. */
  #announces(word: string, wasArmed: boolean): boolean {
    const words = this.#words;
    switch (word) {
      case "by":
      case "as":
        return words.includes("identified");
      case "using":
        return this.#isMysql && words.includes("identified");
      case "replace":
        return this.#isMysql && (words.includes("identified") || words.includes("password"));
      case ":=":
      case "=>":
        return isSecretName(words.at(-2) ?? "");
      case "=":
      case "to":
        return this.#assigns(words.at(-2) ?? "");
      case ",":
        return words.at(-4) === "set_config" && words.at(-3) === "(" &&
          isSecretName(words.at(-2) ?? "");
      // U&'' and N'' put a letter or two between the word and the quote.
      case "u":
      case "n":
      case "&":
        return wasArmed;
      default:
        return false;
    }
  }

  /** SET name = ..., SET name TO ..., also of a column; SET PASSWORD FOR somebody = ... */
  #assigns(name: string): boolean {
    const words = this.#words;
    if (this.#isMysql && ofReplicas(name, words)) return true;
    const set = words.lastIndexOf("set");
    if (set < 0 || words.includes("where", set)) return false;
    return isSecretName(name) || words[set + 1] === "password";
  }

  /** What comes is the argument of a function that takes a secret. */
  #isArgument(): boolean {
    return this.#attention > 0 && this.#words.at(-1) === "(" &&
      this.#dialect.takers.includes(this.#words.at(-2) ?? "");
  }
}

/** CHANGE ... TO MASTER_PASSWORD = ..., START REPLICA USER = ... PASSWORD = ... */
function ofReplicas(name: string, words: readonly string[]): boolean {
  if (/(?:master|source)_password$/.test(name)) return true;
  return name === "password" && words.some((word) => /^(?:slave|replica|group_rep)/.test(word));
}

const plainMarks = { "'": /''?/g, '"': /""?/g, "`": /``?/g } as const;
const escapedMarks = { "'": /\\[^]?|''?/g, '"': /\\[^]?|""?/g } as const;

/** What may close a quote, or only seems to. */
function marksOf(quote: string, escapes: boolean): RegExp {
  if (quote === "`") return plainMarks["`"];
  const marks = escapes ? escapedMarks : plainMarks;
  return quote === "'" ? marks["'"] : marks['"'];
}
