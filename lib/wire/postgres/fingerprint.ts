import { createHash } from "node:crypto";
import { elementAt } from "./verdict.ts";

/** Longer texts are looked at up to here: what follows in such is values, as a rule. */
export const fingerprintCharacters = 64 * 1024;
const ID_DIGITS = 16;

/**
 * A short id of what a statement does whatever its values: the same for `WHERE id = 1`,
 * `where ID=$1` and `WHERE id = 2 -- again`. The front of the SHA-256 of {@linkcode normalised}.
 */
export function fingerprint(text: string): string {
  return idOf(normalised(text));
}

/** The same for a text of which only the first `fingerprintCharacters` are at hand. */
export function fingerprintOfFront(front: string): string {
  return idOf(normalised(front, true));
}

function idOf(form: string): string {
  const known = remembered.get(form);
  if (known !== undefined) return known;
  const made = createHash("sha256").update(form).digest("hex").slice(0, ID_DIGITS);
  if (form.length > REMEMBERED_CHARACTERS) return made;
  if (remembered.size >= REMEMBERED_FORMS) remembered.clear();
  remembered.set(form, made);
  return made;
}

/** Programs say the same again and again, with other values: a look costs less than a hash. */
const remembered = new Map<string, string>();
const REMEMBERED_FORMS = 512;
const REMEMBERED_CHARACTERS = 2048;

const OTHER = 0;
const BLANK = 1;
const LETTER = 2;
/** One character that is a token by itself whatever follows. */
const SIGN = 3;
const asciiKinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/\s/.test(character)) return BLANK;
  if (/[A-Za-z_]/.test(character)) return LETTER;
  return "(),;=*<>+[]".includes(character) ? SIGN : OTHER;
});
/** What goes on a word, of ASCII. */
const wordParts = Uint8Array.from(
  { length: 128 },
  (_, code) => /[\w$]/.test(String.fromCharCode(code)) ? 1 : 0,
);

function kindAt(source: string, at: number): number {
  return asciiKinds[source.charCodeAt(at)] ?? OTHER;
}

const blank = /\s+/y;
const number = /(?:0[xob][\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?)/iy;
const signs = new Set(["-", "+"]);
/** A sign after one of these belongs to the number that follows. */
const beforeSign = new Set(["(", ",", "=", "<", ">", "+", "-", "*", "/", "%"]);
/** Letters right before a quote: N'', B'', X'', and the end of U&''. */
const prefixes = new Set(["n", "b", "x", "&"]);

/**
 * The text in a form that differs only where the statement does: constants and `$1` are `?`, a list
 * of them is one `?`, several rows of values are one, comments and blanks go, words that are not
 * quoted are in lower case. Takes time in proportion to the text.
 */
export function normalised(text: string, isFront = false): string {
  const isCut = isFront || text.length > fingerprintCharacters;
  const source = isCut ? text.slice(0, fingerprintCharacters) : text;
  const tokens: string[] = [];
  for (let at = 0; at < source.length;) {
    at = takeToken(source, at, tokens);
  }
  if (isCut) dropUnfinished(tokens);
  while (tokens.at(-1) === ";") tokens.pop();
  return tokens.join(" ");
}

function takeToken(source: string, at: number, tokens: string[]): number {
  switch (kindAt(source, at)) {
    case BLANK:
      return at + 1;
    case SIGN:
      if (source[at] === ")") close(tokens);
      else tokens.push(source[at] ?? "");
      return at + 1;
    case LETTER: {
      // E'...' is a constant and begins like a word.
      if (source[at + 1] === "'") break;
      let end = at + 1;
      while (wordParts[source.charCodeAt(end)] === 1) end += 1;
      if (source.charCodeAt(end) >= 0x80) break;
      tokens.push(source.slice(at, end).toLowerCase());
      return end;
    }
  }
  return takeAnyToken(source, at, tokens);
}

/** Whatever it is, however long it takes to find out. */
function takeAnyToken(source: string, at: number, tokens: string[]): number {
  blank.lastIndex = at;
  if (blank.test(source)) return blank.lastIndex;
  number.lastIndex = at;
  if (number.test(source)) {
    if (signs.has(tokens.at(-1) ?? "") && beforeSign.has(tokens.at(-2) ?? "")) tokens.pop();
    value(tokens);
    return number.lastIndex;
  }
  const { end, literal } = elementAt(source, at);
  const two = source.slice(at, at + 2);
  if (two === "--" || two === "/*") return end;
  if (literal) {
    if (prefixes.has(tokens.at(-1) ?? "") && /\S/.test(source[at - 1] ?? " ")) dropPrefix(tokens);
    value(tokens);
    return end;
  }
  const token = source.slice(at, end);
  if (/^\$\d+$/.test(token)) value(tokens);
  else if (token === ")") close(tokens);
  else tokens.push(token.startsWith('"') ? token : token.toLowerCase());
  return end;
}

function dropPrefix(tokens: string[]): void {
  if (tokens.pop() === "&" && tokens.at(-1) === "u") tokens.pop();
}

/** A constant; one that follows another in a list is the same `?`. */
function value(tokens: string[]): void {
  if (tokens.at(-1) === "," && tokens.at(-2) === "?") tokens.pop();
  else tokens.push("?");
}

/** The end of a group; a row of values after another is the same row. */
function close(tokens: string[]): void {
  const row = tokens.slice(-6).join(" ");
  if (row === "( ? ) , ( ?") tokens.splice(-4, 4);
  tokens.push(")");
}

/** Of a text that was cut, what came after the last whole group. */
function dropUnfinished(tokens: string[]): void {
  const end = tokens.lastIndexOf(")");
  if (end >= 0) tokens.splice(end + 1);
}
