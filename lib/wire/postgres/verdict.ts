import type { ErrorFields } from "./error_fields.ts";

/**
 * Was a statement refused before the server would have logged it? Its raw parser runs before
 * `log_statement` is looked at; all later checks come after. SQLSTATE alone does not tell: 42601 is
 * also
 * what analysis, DO blocks and function bodies report.
 */
export function refusedByRawParser(text: string, notUtf8: boolean, error: ErrorFields): boolean {
  if (error.file === "") return error.code === "42601";
  // The text could not be brought into the server's encoding.
  if (error.file === "mbutils.c") {
    return notUtf8 && error.context === "" && conversionErrors.has(error.code);
  }
  if (!parserFiles.has(error.file)) return false;
  // The parser was run again, on text inside the statement.
  if (error.internalQuery !== "" || error.context !== "" || error.position === 0) return false;
  return error.routine !== "scanner_yyerror" || !isInsideLiteral(text, error.position);
}

const parserFiles: ReadonlySet<string> = new Set(["scan.l", "gram.y", "parser.c"]);

/** character_not_in_repertoire, untranslatable_character */
const conversionErrors: ReadonlySet<string> = new Set(["22021", "22P05"]);

/** Longer texts are not looked into: the error counts as the raw parser's. */
const MAX_CHARACTERS = 1024 * 1024;

/**
 * Is the character at `position` (from 1) strictly inside a string constant? Errors in a body that
 * the server took from there (CREATE FUNCTION, DO) are reported at such places; the raw parser
 * reports the beginning of an element. ("Lexical Structure")
 */
export function isInsideLiteral(text: string, position: number): boolean {
  if (text.length > MAX_CHARACTERS) return false;
  const target = [...text].slice(0, position - 1).join("").length;
  for (let at = 0; at < target;) {
    const element = elementAt(text, at);
    if (target < element.end) return element.literal;
    at = element.end;
  }
  return false;
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
