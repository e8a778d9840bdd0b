import {
  closeGroup,
  dropSign,
  type Fingerprints,
  fingerprintsOf,
  pushValue,
} from "../statement_form.ts";
import { kind, Lexer } from "./lexer.ts";

/**
 * `WHERE id = 1`, `where ID=?` and `WHERE id = 2 # again` are the same; names lose their
 * backticks, and words are in lower case.
 */
export const { normalised, fingerprint, fingerprintOfFront }: Fingerprints = fingerprintsOf(
  takeAll,
);

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
