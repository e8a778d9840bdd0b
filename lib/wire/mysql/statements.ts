/** What a session has to know of a statement's text, told by its words alone. */
import { kind, Lexer } from "./lexer.ts";

/** How many `?` there are to be bound. */
export function placeholders(text: string): number {
  if (!text.includes("?")) return 0;
  const lexer = new Lexer(text);
  let count = 0;
  while (lexer.next()) if (lexer.kind === kind.mark) count += 1;
  return count;
}

const none: readonly string[] = [];

/**
 * The files that a text offers: those of `LOAD DATA ... LOCAL INFILE 'name'` and of `LOAD XML`,
 * also among other statements. Each with what a backslash means and without.
 */
export function offeredFiles(text: string): readonly string[] {
  if (!/local/i.test(text) || !/infile/i.test(text)) return none;
  const lexer = new Lexer(text);
  const names: string[] = [];
  let words: string[] = [];
  while (lexer.next()) {
    if (lexer.kind === kind.word) {
      if (words.push(lexer.text.toLowerCase()) > 5) words.shift();
      continue;
    }
    if (lexer.kind === kind.value && offersFile(words)) names.push(...contents(lexer.text));
    words = [];
  }
  return names;
}

/** Between them may be LOW_PRIORITY or CONCURRENT. */
function offersFile(words: readonly string[]): boolean {
  const load = words.lastIndexOf("load");
  return words.at(-1) === "infile" && words.at(-2) === "local" && load >= 0 &&
    /^(?:data|xml)$/.test(words[load + 1] ?? "");
}

const meanings: Readonly<Record<string, string>> = {
  "0": "\0",
  b: "\b",
  n: "\n",
  r: "\r",
  t: "\t",
  Z: "\x1a",
};

/** What a literal stands for ("String Literals"). */
function contents(literal: string): string[] {
  const quote = literal.at(-1) ?? "";
  const inside = literal.slice(literal.indexOf(quote) + 1, -1).replaceAll(quote + quote, quote);
  const meant = inside.replaceAll(/\\([^])/g, (_, one: string) => meanings[one] ?? one);
  return meant === inside ? [inside] : [meant, inside];
}

/** Where a KILL names a connection, and which. */
export interface Killed {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

const killWords = /^(?:hard|soft|connection|query)$/;

/** `KILL [CONNECTION | QUERY] id` that is all of the text; null for anything else. */
export function killed(text: string): Killed | null {
  if (text.length > 1024 || !/kill/i.test(text)) return null;
  const lexer = new Lexer(text);
  if (!lexer.next() || lexer.text.toLowerCase() !== "kill") return null;
  let found: Killed | null = null;
  while (lexer.next()) {
    if (found !== null) {
      if (lexer.text !== ";") return null;
    } else if (lexer.kind === kind.value && /^\d{1,10}$/.test(lexer.text)) {
      found = { start: lexer.start, end: lexer.end, id: Number(lexer.text) };
    } else if (lexer.kind !== kind.word || !killWords.test(lexer.text.toLowerCase())) return null;
  }
  return found;
}

/** The schema that a text leaves in use: that of the last `USE name` in it; null without any. */
export function usedSchema(text: string): string | null {
  if (text.length > 64 * 1024 || !/\buse\b/i.test(text)) return null;
  const lexer = new Lexer(text);
  let schema: string | null = null;
  let begins = true;
  while (lexer.next()) {
    if (lexer.text === ";") begins = true;
    else if (begins && lexer.kind === kind.word && lexer.text.toLowerCase() === "use") {
      const name = lexer.next() ? nameAt(lexer) : null;
      const isAll = !lexer.next() || lexer.text === ";";
      if (isAll && name !== null) schema = name;
      begins = isAll;
    } else begins = false;
  }
  return schema;
}

function nameAt(lexer: Lexer): string | null {
  if (lexer.kind === kind.name) return lexer.text.slice(1, -1).replaceAll("``", "`");
  return lexer.kind === kind.word ? lexer.text : null;
}
