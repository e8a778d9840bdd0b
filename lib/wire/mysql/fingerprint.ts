import {
  closeGroup,
  dropSign,
  fingerprintCharacters,
  formOf,
  idOf,
  pushValue,
} from "../statement_form.ts";
import { kind, Lexer } from "./lexer.ts";

export { fingerprintCharacters };

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

/**
 * The text in a form that differs only where the statement does: constants and `?` are `?`, a list
 * of them is one `?`, several rows of values are one, comments and blanks go, words are in lower
 * case, names lose their backticks. Takes time in proportion to the text.
 */
export function normalised(text: string, isFront = false): string {
  return formOf(text, isFront, takeAll);
}

function takeAll(source: string, tokens: string[]): void {
  const lexer = new Lexer(source);
  while (lexer.next()) take(lexer, tokens);
}

function take(lexer: Lexer, tokens: string[]): void {
  switch (lexer.kind) {
    case kind.value:
      dropSign(tokens);
      return value(tokens);
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
      if (sign === ")") closeGroup(tokens);
      else tokens.push(sign);
    }
  }
}

/** Constants side by side are one text ("a" "b"). */
function value(tokens: string[]): void {
  if (tokens.at(-1) !== "?") pushValue(tokens);
}
