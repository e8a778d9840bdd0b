import { createHash } from "node:crypto";
import { kind, Lexer } from "./lexer.ts";

/** Longer texts are looked at up to here: what follows in such is values, as a rule. */
export const fingerprintCharacters = 64 * 1024;
const ID_DIGITS = 16;

/**
 * A short id of what a statement does whatever its values: the same for `WHERE id = 1`,
 * `where ID=?` and `WHERE id = 2 # again`. The front of the SHA-256 of {@linkcode normalised}.
 */
export function fingerprint(text: string): string {
  return idOf(normalised(text));
}

/** The same for a text of which only the first `fingerprintCharacters` are at hand. */
export function fingerprintOfFront(front: string): string {
  return idOf(normalised(front, true));
}

/** Programs say the same again and again, with other values: a look costs less than a hash. */
const remembered = new Map<string, string>();
const REMEMBERED_FORMS = 512;
const REMEMBERED_CHARACTERS = 2048;

function idOf(form: string): string {
  const known = remembered.get(form);
  if (known !== undefined) return known;
  const made = createHash("sha256").update(form).digest("hex").slice(0, ID_DIGITS);
  if (form.length > REMEMBERED_CHARACTERS) return made;
  if (remembered.size >= REMEMBERED_FORMS) remembered.clear();
  remembered.set(form, made);
  return made;
}

/** A sign after one of these belongs to the number that follows. */
const beforeSign = new Set(["(", ",", "=", "<", ">", "+", "-", "*", "/", "%"]);

/**
 * The text in a form that differs only where the statement does: constants and `?` are `?`, a list
 * of them is one `?`, several rows of values are one, comments and blanks go, words are in lower
 * case, names lose their backticks. Takes time in proportion to the text.
 */
export function normalised(text: string, isFront = false): string {
  const isCut = isFront || text.length > fingerprintCharacters;
  const lexer = new Lexer(isCut ? text.slice(0, fingerprintCharacters) : text);
  const tokens: string[] = [];
  while (lexer.next()) take(lexer, tokens);
  if (isCut) dropUnfinished(tokens);
  while (tokens.at(-1) === ";") tokens.pop();
  return tokens.join(" ");
}

function take(lexer: Lexer, tokens: string[]): void {
  switch (lexer.kind) {
    case kind.value: {
      const sign = tokens.at(-1);
      if ((sign === "-" || sign === "+") && beforeSign.has(tokens.at(-2) ?? "")) tokens.pop();
      return value(tokens);
    }
    case kind.mark:
      return value(tokens);
    case kind.word:
      tokens.push(lexer.text.toLowerCase());
      return;
    case kind.name:
      // Which names differ by case is a setting of the server.
      tokens.push(lexer.text.slice(1, -1).toLowerCase());
      return;
    default: {
      const sign = lexer.text;
      if (sign === ")") close(tokens);
      else tokens.push(sign);
    }
  }
}

/** A constant; one that follows another, or another in a list, is the same `?`. */
function value(tokens: string[]): void {
  if (tokens.at(-1) === "?") return;
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
