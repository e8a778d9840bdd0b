/** Values in roles that a user's traits fill in: `{{internal.db_users}}`, also inside a word. */
import { Fault } from "../core/fault.ts";
import { exactly, type Matcher, matcher } from "./match.ts";

/** What is known about a user besides roles: lists of words by name. */
export type Traits = Readonly<Record<string, readonly string[]>>;

/** One value of a role after its template was filled in: how it is written and whom it matches. */
export interface Allowed {
  readonly text: string;
  readonly matches: Matcher;
}

const whole = /^([^{}]*)\{\{\s*internal\.([A-Za-z0-9_]{1,64})\s*\}\}([^{}]*)$/;

/**
 * The patterns that a role's value stands for. Without `{{ }}` it is one pattern (see `matcher`).
 * A trait's values are words, never patterns, but for a `*` that is the whole value. A trait that
 * the user doesn't have stands for nothing.
 * @throws Fault `access.bad-pattern`, `access.bad-template`
 */
export function fill(value: string, traits: Traits): readonly Allowed[] {
  if (!value.includes("{{")) return [{ text: value, matches: matcher(value) }];
  const [, before = "", name = "", after = ""] = whole.exec(value) ?? [];
  if (name === "") throw badTemplate(value);
  const words = Object.hasOwn(traits, name) ? traits[name] ?? [] : [];
  return words.filter((word) => word !== "").map((word) => {
    if (word === "*" && before === "" && after === "") {
      return { text: "*", matches: matcher("*") };
    }
    const text = before + word + after;
    return { text, matches: exactly(text) };
  });
}

/** Every value of a list, filled in. */
export function fillAll(
  values: string | readonly string[] | undefined,
  traits: Traits,
): readonly Allowed[] {
  if (values === undefined) return [];
  return (typeof values === "string" ? [values] : values).flatMap((value) => fill(value, traits));
}

function badTemplate(value: string): Fault {
  const quoted = JSON.stringify(value.slice(0, 80));
  return new Fault({
    kind: "invalid",
    code: "access.bad-template",
    message: `template ${quoted} is not understood`,
    shown: `the template ${quoted} is not understood`,
    hint: "write {{internal.NAME}} once in a value, for example {{internal.db_users}}",
  });
}
