/**
 * The matcher of roles: plain words, `*` for any run of characters, and `^re$` for a regular
 * expression of a small safe subset, run in time linear in the input (a set of states stepped once
 * for each character, never backtracking), so that no pattern can be made slow by what it is given.
 */
import { Fault } from "../core/fault.ts";
import { Parser, type Program, run } from "./pattern.ts";

/** Tells whether a value is meant; values longer than 1024 characters never are. */
export type Matcher = (value: string) => boolean;

const longestPattern = 256;
const longestValue = 1024;

/**
 * Compiles one pattern. `*` alone matches anything; `*` inside matches any run; a pattern that
 * starts with `^` and ends with `$` is a regular expression of literals, `.`, `[a-z]`, `[^a-z]`,
 * `*`, `+`, `?`, `|`, `( )` and `\` before punctuation. Everything else must be equal.
 * @throws Fault `access.bad-pattern` where it is too long or holds what the subset doesn't have
 */
export function matcher(pattern: string): Matcher {
  if (pattern.length > longestPattern) {
    throw badPattern(pattern, `is longer than ${longestPattern} characters`);
  }
  if (pattern === "*") return () => true;
  if (pattern.startsWith("^") && pattern.endsWith("$") && pattern.length > 1) {
    const program = compile(pattern);
    return (value) => value.length <= longestValue && run(program, value);
  }
  if (pattern.startsWith("^")) {
    throw badPattern(pattern, "starts with ^ but does not end with $");
  }
  if (pattern.includes("*")) return glob(pattern.split("*"));
  return (value) => value === pattern;
}

/** A matcher for one exact value, whatever characters it holds. */
export function exactly(wanted: string): Matcher {
  return (value) => value === wanted;
}

function compile(pattern: string): Program {
  const parsed = new Parser(pattern.slice(1, -1)).parse();
  if (typeof parsed === "string") throw badPattern(pattern, parsed);
  return parsed;
}

/**
 * The pieces between stars, in order; taking the first place for each is enough, so it is linear
 * in the pieces.
 */
function glob(pieces: readonly string[]): Matcher {
  const first = pieces[0] ?? "";
  const last = pieces[pieces.length - 1] ?? "";
  const middle = pieces.slice(1, -1);
  return (value) => {
    if (value.length > longestValue) return false;
    if (value.length < first.length + last.length) return false;
    if (!value.startsWith(first) || !value.endsWith(last)) return false;
    const end = value.length - last.length;
    let at = first.length;
    for (const piece of middle) {
      const found = value.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

function badPattern(pattern: string, why: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "access.bad-pattern",
    message: `pattern ${JSON.stringify(pattern.slice(0, 80))} ${why}`,
    shown: `the pattern ${JSON.stringify(pattern.slice(0, 80))} ${why}`,
    hint: "use plain words, * for any run, or ^...$ with literals . [] * + ? | ()",
  });
}
