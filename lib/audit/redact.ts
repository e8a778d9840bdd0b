/**
 * Takes passwords out of statements before anything is recorded. One pass over the text, linear in
 * its length. Best effort: what is not written as a literal after PASSWORD, IDENTIFIED BY or the
 * like (a password pasted elsewhere, or built by concatenation) can't be known.
 */
const mark = "***";
const depthMax = 4;
const suspect = /password|identified/i;

/** The text with secrets replaced by `***`; the same string where there are none. */
export function redact(text: string): string {
  return suspect.test(text) ? redactLevel(text, 0) : text;
}

// Alternatives start with different characters and none nests a repetition: linear.
const tokens = new RegExp(
  [
    "--[^\\n]*", // line comment
    "/\\*[^]*?(?:\\*/|$)", // block comment
    "[eE]?'", // opens a string; its end is looked for by hand: a pattern would need a deep stack
    '"',
    "\\$(?:[A-Za-z_\\u0080-\\uffff][\\w\\u0080-\\uffff]*)?\\$",
    "[\\w\\u0080-\\uffff]+",
    "\\s+",
    "[^]",
  ].join("|"),
  "y",
);

function redactLevel(text: string, depth: number): string {
  let out = "";
  let copied = 0;
  let secretNext = false;
  const words: string[] = [];
  tokens.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    tokens.lastIndex = at;
    const token = tokens.exec(text)?.[0] ?? text.slice(at);
    const start = at;
    at += token.length;
    if (/^(?:\s|--|\/\*)/.test(token)) continue;
    const literal = readLiteral(text, start, token);
    if (literal === null) {
      secretNext = announces(words, token);
      continue;
    }
    at = literal.end;
    const body = text.slice(literal.bodyStart, literal.bodyEnd);
    const clean = secretNext ? mark : insideLiteral(body, literal.dollar, depth);
    if (clean !== body) {
      out += text.slice(copied, literal.bodyStart) + clean;
      copied = literal.bodyEnd;
    }
    secretNext = false;
  }
  return out + text.slice(copied);
}

interface Literal {
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly end: number;
  readonly dollar: boolean;
}

function readLiteral(text: string, start: number, token: string): Literal | null {
  const end = start + token.length;
  const quote = token.at(-1) ?? "";
  if (quote === "'" || quote === '"') {
    const close = closingQuote(text, end, quote, token.length === 2);
    return { bodyStart: end, bodyEnd: close, end: Math.min(close + 1, text.length), dollar: false };
  }
  if (token.length < 2 || !token.startsWith("$") || !token.endsWith("$")) return null;
  const close = text.indexOf(token, end);
  const bodyEnd = close < 0 ? text.length : close;
  return { bodyStart: end, bodyEnd, end: close < 0 ? bodyEnd : close + token.length, dollar: true };
}

/**
 * Where the quote closes; doubled quotes, and characters after a backslash where it escapes,
 * don't.
 */
function closingQuote(text: string, from: number, quote: string, escapes: boolean): number {
  let at = from;
  for (;;) {
    const found = text.indexOf(quote, at);
    if (found < 0) return text.length;
    let backslashes = 0;
    if (escapes) {
      while (found - backslashes > at && text[found - backslashes - 1] === "\\") backslashes += 1;
    }
    if (backslashes % 2 === 1) at = found + 1;
    else if (text[found + 1] === quote) at = found + 2;
    else return found;
  }
}

/** Whether a literal that follows `token` is a secret; `words` remembers the last few. */
function announces(words: string[], token: string): boolean {
  const word = token.toLowerCase();
  words.push(word);
  if (words.length > 6) words.shift();
  if (word === "password") return true;
  if (word === "by" || word === "as") return words.includes("identified");
  if (word === "=" || word === ":=") {
    const set = words.indexOf("set");
    return set >= 0 && words[set + 1] === "password";
  }
  // E'', N'' and U&'' put a letter or two between the word and the quote.
  if (word === "u" || word === "n" || word === "&") return words.slice(-4).includes("password");
  return false;
}

/** Statements and connection strings inside a literal: function bodies, EXECUTE, dblink. */
function insideLiteral(body: string, dollar: boolean, depth: number): string {
  if (!suspect.test(body)) return body;
  if (dollar) return depth < depthMax ? redactLevel(body, depth + 1) : mark;
  return body
    .replace(/(password\s{0,16}=\s{0,16})(?:'{2}[^']*'{0,2}|[^\s'"&;]+)/gi, `$1${mark}`)
    .replace(/((?:password|identified\s{1,16}by)\s{1,16}'')[^']*/gi, `$1${mark}`);
}
