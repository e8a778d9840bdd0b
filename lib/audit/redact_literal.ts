/** Secrets within literals and values: connection strings, addresses, statements, commands. */
import { lookahead, mark, secretNames } from "./secret_words.ts";

/** What a secret follows; the longest match is shorter than {@linkcode lookahead}. */
const starts = new RegExp(
  [
    // libpq allows blanks around `=`, others don't.
    `(?:passw(?:or)?d|passphrase)\\s{0,16}=\\s{0,16}(?<quote1>''|\\\\'|['"])?`,
    `(?:${secretNames})=(?<quote2>''|\\\\'|['"])?`,
    // A statement to be executed.
    `(?:${secretNames}|identified\\s{1,16}by)\\s{1,16}e?(?<quote3>''|\\\\'|['"]|\\$\\w{0,64}\\$)`,
    // `scheme://user:secret@host`; a long one may end after what is looked at.
    `:\\/\\/[^\\s\\/:@'"\\[]{0,100}:(?=[^\\s\\/@'"]{1,120}@|[^\\s\\/@'"]{121})`,
    // Programs and what they are told.
    `--[\\w-]{0,20}password\\s{1,8}`,
    `authorization:\\s{0,8}(?:basic|bearer|token)\\s{1,8}`,
    `\\s(?:-u|--user)[\\s=]{0,8}[^\\s:'"]{1,64}:`,
  ].join("|"),
  "gi",
);

const bareEnd = /[\s'"&;]/;
const addressEnd = /[\s'"@\/]/;

/** Where a secret that is being left out ends. */
type End = { readonly closer: string } | { readonly pattern: RegExp };

/**
 * Takes secrets out of the text inside a literal as it comes. What it gives does not depend on how
 * the text was cut.
 */
export class LiteralRedactor {
  #text = "";
  #end: End | null = null;
  /** Where its closer may be at the earliest. */
  #from = 0;

  /** What can be told of the text so far; at its `last` piece all the rest. */
  push(text: string, last: boolean): string {
    this.#text += text;
    let out = "";
    for (;;) {
      const before = this.#text.length;
      out += this.#end === null ? this.#search(last) : this.#skip(this.#end, last);
      if (this.#text.length === before) return out;
    }
  }

  #take(count: number): string {
    const taken = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return taken;
  }

  #search(last: boolean): string {
    const safe = last ? this.#text.length : Math.max(0, this.#text.length - lookahead);
    starts.lastIndex = 0;
    const found = starts.exec(this.#text);
    if (found === null || found.index >= safe) return this.#take(safe);
    const [start] = found;
    const { quote1, quote2, quote3 } = found.groups ?? {};
    const closer = quote1 ?? quote2 ?? quote3;
    const at = found.index + start.length;
    if (closer !== undefined) this.#end = { closer };
    else {
      const pattern = start.startsWith("://") ? addressEnd : bareEnd;
      const next = this.#text.charAt(at);
      // Nothing stands there.
      if (next === "" || pattern.test(next)) return this.#take(at);
      this.#end = { pattern };
    }
    return this.#take(at) + mark;
  }

  #skip(end: End, last: boolean): string {
    if ("pattern" in end) {
      const found = this.#text.search(end.pattern);
      if (found >= 0) this.#end = null;
      this.#take(found < 0 ? this.#text.length : found);
      return "";
    }
    const { closer } = end;
    for (;;) {
      const found = this.#text.indexOf(closer, this.#from);
      if (found < 0) break;
      // A quote after a backslash is part of the value.
      const isEscaped = found > 0 && closer.endsWith("'") && this.#text[found - 1] === "\\";
      this.#from = found + closer.length;
      if (isEscaped) continue;
      this.#end = null;
      this.#from = 0;
      this.#take(found);
      return this.#take(closer.length);
    }
    const next = last
      ? this.#text.length
      : Math.max(this.#from, this.#text.length - closer.length + 1);
    // With the character before it, which may be a backslash.
    const passed = last ? next : Math.max(0, next - 1);
    this.#take(passed);
    this.#from = next - passed;
    return "";
  }
}

/** The same for a text that is all there. */
export function redactLiteral(text: string): string {
  return new LiteralRedactor().push(text, true);
}
