import type { ErrorFields } from "./error_fields.ts";
import { brokenEscapeAt, hasBrokenBytes } from "./escapes.ts";

/**
 * Was a statement refused before the server would have logged it? Its raw parser runs before
 * `log_statement` is looked at; all later checks come after. SQLSTATE alone does not tell: 42601 is
 * also
 * what analysis, DO blocks and function bodies report.
 */
export function refusedByRawParser(text: string, notUtf8: boolean, error: ErrorFields): boolean {
  if (error.file === "") return error.code === "42601";
  // The parser was run again, on text inside the statement.
  if (error.internalQuery !== "" || error.context !== "") return false;
  if (error.file === "mbutils.c") {
    return conversionErrors.has(error.code) && isOfTheText(text, notUtf8, error.position);
  }
  if (!parserFiles.has(error.file)) return false;
  if (error.position === 0) return true;
  const constant = literalAround(text, error.position);
  return constant === null || breaksAt(text, constant, error.position);
}

const parserFiles: ReadonlySet<string> = new Set(["scan.l", "gram.y", "parser.c"]);

/** character_not_in_repertoire, untranslatable_character */
const conversionErrors: ReadonlySet<string> = new Set(["22021", "22P05"]);

/** Longer texts are not looked into: the error counts as the raw parser's. */
const MAX_CHARACTERS = 1024 * 1024;

/** Is it the text, or a constant in it, that is not in the encoding, and no value at run time? */
function isOfTheText(text: string, notUtf8: boolean, position: number): boolean {
  if (position > 0) return literalAround(text, position) !== null;
  if (notUtf8) return true;
  if (text.length > MAX_CHARACTERS) return false;
  for (let at = 0; at < text.length;) {
    const { end, literal } = elementAt(text, at);
    if (literal && hasEscapes(text, at) && hasBrokenBytes(text, at, end)) return true;
    at = end;
  }
  return false;
}

function hasEscapes(text: string, start: number): boolean {
  return text[start] === "E" || text[start] === "e";
}

/** Is it the constant itself that breaks there, and no text in it? */
function breaksAt(text: string, { start, end }: Span, position: number): boolean {
  if (!hasEscapes(text, start)) return /^u&/i.test(text.slice(Math.max(0, start - 2), start));
  return brokenEscapeAt(text, start, end) === indexOf(text, position);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the character at `position` (from 1) begins. */
function indexOf(text: string, position: number): number {
  return [...text].slice(0, position - 1).join("").length;
}

/**
 * The string constant that the character at `position` is strictly inside of. Errors in a body that
 * the server took from there (CREATE FUNCTION, DO) are reported at such places; the raw parser
 * reports the beginning of an element, but for escapes. ("Lexical Structure")
 */
export function literalAround(text: string, position: number): Span | null {
  if (text.length > MAX_CHARACTERS) return null;
  const target = indexOf(text, position);
  for (let at = 0; at < target;) {
    const element = elementAt(text, at);
    if (target < element.end) return element.literal ? { start: at, end: element.end } : null;
    at = element.end;
  }
  return null;
}

export interface Element {
  readonly end: number;
  readonly literal: boolean;
}

const word = /[\w\u0080-\uffff$]+/y;
const dollar = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

/** What begins at `at`: a comment, a quoted text, a word, or one character. Always moves on. */
export function elementAt(text: string, at: number): Element {
  const two = text.slice(at, at + 2);
  if (two === "--") return { end: textEnd(text, text.indexOf("\n", at), 0), literal: false };
  if (two === "/*") return { end: commentEnd(text, at), literal: false };
  if (two === "E'" || two === "e'") {
    return { end: quoteEnd(text, at + 2, "'", true), literal: true };
  }
  const one = text[at] ?? "";
  if (one === "'") return { end: quoteEnd(text, at + 1, "'", false), literal: true };
  if (one === '"') return { end: quoteEnd(text, at + 1, '"', false), literal: false };
  dollar.lastIndex = at;
  const tag = dollar.exec(text)?.[0];
  if (tag !== undefined) {
    return { end: textEnd(text, text.indexOf(tag, at + tag.length), tag.length), literal: true };
  }
  word.lastIndex = at;
  return { end: at + (word.exec(text)?.[0].length ?? 1), literal: false };
}

function textEnd(text: string, found: number, length: number): number {
  return found < 0 ? text.length : found + length;
}

/** Past the closing quote; a doubled one, or with escapes one after a backslash, does not close. */
function quoteEnd(text: string, from: number, quote: string, escapes: boolean): number {
  for (let at = from; at < text.length; at++) {
    if (escapes && text[at] === "\\") at += 1;
    else if (text[at] === quote && text[at + 1] === quote) at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}

/** Comments nest. */
function commentEnd(text: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let found = marks.exec(text); found !== null; found = marks.exec(text)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}
