/**
 * Where statements end: at a `;` outside of strings, names, dollar quotes, comments and
 * parentheses ("Lexical Structure").
 */

export interface Split {
  /** Whole statements, each with its `;`. */
  readonly statements: readonly string[];
  /** What is not ended yet. */
  readonly rest: string;
}

/** One token: what hides a `;` as a whole, else a single character. An open end takes all. */
const token = /--[^\n]*|\/\*|'|"|\$(?:(?!\d)[\w\u0080-\uffff]+)?\$|[\w\u0080-\uffff$]+|[\s\S]/gu;

export function splitStatements(text: string): Split {
  const statements: string[] = [];
  let [begin, depth, before] = [0, 0, ""];
  const scan = new RegExp(token);
  for (let found = scan.exec(text); found !== null; found = scan.exec(text)) {
    const [word] = found;
    const end = endOf(text, found.index, word, before);
    if (end === null) break;
    scan.lastIndex = end;
    before = word;
    if (word === "(") depth += 1;
    else if (word === ")") depth = Math.max(0, depth - 1);
    else if (word === ";" && depth === 0) {
      statements.push(text.slice(begin, end).trim());
      begin = end;
    }
  }
  return { statements, rest: text.slice(begin).trimStart() };
}

/** Where what begins here ends; null where it doesn't. */
function endOf(text: string, at: number, word: string, before: string): number | null {
  const after = at + word.length;
  if (word === "/*") return endOfComment(text, after);
  if (word === "'") return endOfQuoted(text, after, "'", /^e$/i.test(before));
  if (word === '"') return endOfQuoted(text, after, '"', false);
  if (word.startsWith("$") && word.endsWith("$") && word.length > 1) {
    const end = text.indexOf(word, after);
    return end < 0 ? null : end + word.length;
  }
  return after;
}

function endOfQuoted(text: string, from: number, quote: string, escapes: boolean): number | null {
  for (let at = from; at < text.length; at++) {
    if (escapes && text[at] === "\\") at += 1;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return null;
}

/** Comments of this kind nest. */
function endOfComment(text: string, from: number): number | null {
  let depth = 1;
  for (const { 0: mark, index } of text.slice(from).matchAll(/\/\*|\*\//g)) {
    depth += mark === "/*" ? 1 : -1;
    if (depth === 0) return from + index + 2;
  }
  return null;
}
