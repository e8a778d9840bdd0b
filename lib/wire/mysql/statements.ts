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

/** `LOAD DATA ... LOCAL INFILE`, `LOAD XML ... LOCAL INFILE`, also among other statements. */
export function asksForFile(text: string): boolean {
  if (!/local/i.test(text) || !/infile/i.test(text)) return false;
  const lexer = new Lexer(text);
  let words: string[] = [];
  while (lexer.next()) {
    if (lexer.kind !== kind.word) words = [];
    else if (words.push(lexer.text.toLowerCase()) > 5) words.shift();
    if (words.at(-1) !== "infile" || words.at(-2) !== "local") continue;
    // Between them: LOW_PRIORITY or CONCURRENT.
    const load = words.lastIndexOf("load");
    if (load >= 0 && /^(?:data|xml)$/.test(words[load + 1] ?? "")) return true;
  }
  return false;
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

/** The schema of a `USE name` that is all of the text; null for anything else. */
export function usedSchema(text: string): string | null {
  if (text.length > 1024 || !/use/i.test(text)) return null;
  const lexer = new Lexer(text);
  if (!lexer.next() || lexer.text.toLowerCase() !== "use" || !lexer.next()) return null;
  const isQuoted = lexer.kind === kind.name;
  if (!isQuoted && lexer.kind !== kind.word) return null;
  const name = isQuoted ? lexer.text.slice(1, -1).replaceAll("``", "`") : lexer.text;
  while (lexer.next()) if (lexer.text !== ";") return null;
  return name;
}
