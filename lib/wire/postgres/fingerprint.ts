import {
  closeGroup,
  dropSign,
  type Fingerprints,
  fingerprintsOf,
  pushValue,
} from "../statement_form.ts";
import { elementAt } from "./verdict.ts";

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
/** Letters right before a quote: N'', B'', X'', and the end of U&''. */
const prefixes = new Set(["n", "b", "x", "&"]);

/**
 * `WHERE id = 1`, `where ID=$1` and `WHERE id = 2 -- again` are the same; words that are not
 * quoted are in lower case.
 */
export const { normalised, fingerprint, fingerprintOfFront }: Fingerprints = fingerprintsOf(
  takeAll,
);

function takeAll(source: string, tokens: string[]): void {
  for (let at = 0; at < source.length;) at = takeToken(source, at, tokens);
}

function takeToken(source: string, at: number, tokens: string[]): number {
  switch (kindAt(source, at)) {
    case BLANK:
      return at + 1;
    case SIGN:
      if (source[at] === ")") closeGroup(tokens);
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
    dropSign(tokens);
    pushValue(tokens);
    return number.lastIndex;
  }
  const { end, literal } = elementAt(source, at);
  const two = source.slice(at, at + 2);
  if (two === "--" || two === "/*") return end;
  if (literal) {
    if (prefixes.has(tokens.at(-1) ?? "") && /\S/.test(source[at - 1] ?? " ")) dropPrefix(tokens);
    pushValue(tokens);
    return end;
  }
  const token = source.slice(at, end);
  if (/^\$\d+$/.test(token)) pushValue(tokens);
  else if (token === ")") closeGroup(tokens);
  else tokens.push(token.startsWith('"') ? token : token.toLowerCase());
  return end;
}

function dropPrefix(tokens: string[]): void {
  if (tokens.pop() === "&" && tokens.at(-1) === "u") tokens.pop();
}
