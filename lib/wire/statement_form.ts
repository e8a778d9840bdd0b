/** What fingerprints of statements have in common, whatever language they are written in. */
import { createHash } from "node:crypto";

/** Longer texts are looked at up to here: what follows in such is values, as a rule. */
export const fingerprintCharacters = 64 * 1024;
const ID_DIGITS = 16;
/** Programs say the same again and again, with other values: a look costs less than a hash. */
const remembered = new Map<string, string>();
const REMEMBERED_FORMS = 512;
const REMEMBERED_CHARACTERS = 2048;

export const signs: ReadonlySet<string> = new Set(["-", "+"]);
/** A sign after one of these belongs to the number that follows. */
export const beforeSign: ReadonlySet<string> = new Set([
  ...["(", ",", "=", "<", ">", "+", "-", "*", "/", "%"],
]);

/** What a statement does whatever its values, in one language. */
export interface Fingerprints {
  /**
   * The text in a form that differs only where the statement does: constants and placeholders are
   * `?`, a list of them is one `?`, several rows of values are one, comments and blanks go. Takes
   * time in proportion to the text.
   */
  readonly normalised: (text: string) => string;
  /** The front of the SHA-256 of what `normalised` gives. */
  readonly fingerprint: (text: string) => string;
  /** The same for a text of which only the first `fingerprintCharacters` are at hand. */
  readonly fingerprintOfFront: (front: string) => string;
}

/** `takeAll`: finds the tokens of a text. */
export function fingerprintsOf(
  takeAll: (source: string, tokens: string[]) => void,
): Fingerprints {
  const normalised = (text: string) => formOf(text, false, takeAll);
  return {
    normalised,
    fingerprint: (text) => idOf(normalised(text)),
    fingerprintOfFront: (front) => idOf(formOf(front, true, takeAll)),
  };
}

/** The front of a form's SHA-256, in hex. */
export function idOf(form: string): string {
  const known = remembered.get(form);
  if (known !== undefined) return known;
  const made = createHash("sha256").update(form).digest("hex").slice(0, ID_DIGITS);
  if (form.length > REMEMBERED_CHARACTERS) return made;
  if (remembered.size >= REMEMBERED_FORMS) remembered.clear();
  remembered.set(form, made);
  return made;
}

/**
 * The tokens that `takeAll` finds, as one text. `isFront`: there is more than `text`, and its end
 * may be half of something.
 */
function formOf(
  text: string,
  isFront: boolean,
  takeAll: (source: string, tokens: string[]) => void,
): string {
  const isCut = isFront || text.length > fingerprintCharacters;
  const tokens: string[] = [];
  takeAll(isCut ? text.slice(0, fingerprintCharacters) : text, tokens);
  if (isCut) dropUnfinished(tokens);
  while (tokens.at(-1) === ";") tokens.pop();
  return tokens.join(" ");
}

/** Drops the sign at the end where it belongs to the number that follows. */
export function dropSign(tokens: string[]): void {
  if (signs.has(tokens.at(-1) ?? "") && beforeSign.has(tokens.at(-2) ?? "")) tokens.pop();
}

/** A constant; one that follows another in a list is the same `?`. */
export function pushValue(tokens: string[]): void {
  if (tokens.at(-1) === "," && tokens.at(-2) === "?") tokens.pop();
  else tokens.push("?");
}

/** The end of a group; a row of values after another is the same row. */
export function closeGroup(tokens: string[]): void {
  const row = tokens.slice(-6).join(" ");
  if (row === "( ? ) , ( ?") tokens.splice(-4, 4);
  tokens.push(")");
}

/** Of a text that was cut, what came after the last whole group. */
function dropUnfinished(tokens: string[]): void {
  const end = tokens.lastIndexOf(")");
  if (end >= 0) tokens.splice(end + 1);
}
