/**
 * Takes passwords out of statements before anything is recorded. Best effort: what does not stand
 * where the language or a connection string has a secret (a password pasted elsewhere, or built by
 * concatenation) can't be known.
 */
import type { QueryEvent } from "./catalog.ts";
import { dialectOf } from "./redact_dialect.ts";
import { redactLiteral } from "./redact_literal.ts";
import { Redactor } from "./redactor.ts";
import { mark, suspect } from "./secret_words.ts";

type Parameters = NonNullable<QueryEvent["db_query_parameters"]>;

/** A value without any of these holds no connection string. */
const joints = /[=:]/;
const none: ReadonlySet<number> = new Set();

/** A secret is in quotes, or bound to a `$1` or `?`; most statements have none of these. */
const quotes = /['"$?]/;

/**
 * The text with secrets replaced by `***`; the same string where there are none. `protocol`: whose
 * language it is in.
 */
export function redact(text: string, protocol?: string): string {
  return redactStatement(text, protocol).text;
}

/** The same, and the numbers of the parameters that stand where a secret is expected. */
export function redactStatement(text: string, protocol?: string): Clean {
  if (text === last.given && protocol === last.protocol) return last;
  last = { given: text, protocol, ...cleaned(text, protocol) };
  return last;
}

interface Clean {
  readonly text: string;
  readonly secrets: ReadonlySet<number>;
  /** How many `?` it has; 0 where there are no secrets. */
  readonly marks: number;
}

/** A statement's intent and its result have the same text. */
let last: Clean & { readonly given: string; readonly protocol: string | undefined } = {
  given: "",
  protocol: undefined,
  text: "",
  secrets: none,
  marks: 0,
};

function cleaned(text: string, protocol: string | undefined): Clean {
  if (!quotes.test(text) || !suspect.test(text)) return { text, secrets: none, marks: 0 };
  const redactor = new Redactor(new Set(), dialectOf(protocol));
  const clean = redactor.push(text, true);
  return { text: clean, secrets: redactor.parameters, marks: redactor.marks };
}

/**
 * Bound values without secrets: of those in `secrets` (numbers from 1) nothing is left, of others
 * what a connection string says is left out. The same list where there are none. `inRow`: there
 * may be several rows of so many values, each for the same places.
 */
export function redactParameters(
  given: Parameters,
  secrets: ReadonlySet<number>,
  inRow: number = 0,
): Parameters {
  let clean: Parameters[number][] | null = null;
  let at = 0;
  for (const { type, value, encoding } of given) {
    at += 1;
    if (value === null) continue;
    const place = inRow > 0 ? (at - 1) % inRow + 1 : at;
    const shown = secrets.has(place) ? mark : encoding === "text" ? redactValue(value) : value;
    if (shown === value) continue;
    clean ??= [...given];
    // No length and no hash: they would tell a short secret.
    clean[at - 1] = { type, value: shown, encoding: "text" };
  }
  return clean ?? given;
}

function redactValue(value: string): string {
  return joints.test(value) && suspect.test(value) ? redactLiteral(value) : value;
}
