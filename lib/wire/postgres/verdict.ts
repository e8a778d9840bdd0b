import type { ErrorFields } from "./error_fields.ts";

/**
 * Was a statement refused before the server would have logged it? Its raw parser runs before
 * `log_statement` is looked at; all later checks come after. SQLSTATE alone does not tell: 42601 is also
 * what analysis, DO blocks and function bodies report.
 */
export function refusedByRawParser(text: string, error: ErrorFields): boolean {
  if (error.file === "") return error.code === "42601";
  // The text could not be brought into the server's encoding.
  if (
    error.routine === "report_invalid_encoding" || error.routine === "report_untranslatable_char"
  ) {
    return error.context === "" && hasHighCharacter(text);
  }
  if (!parserFiles.has(error.file)) return false;
  // The parser was run again, on text inside the statement.
  if (error.internalQuery !== "" || error.context !== "" || error.position === 0) return false;
  return error.routine !== "scanner_yyerror" || !isInsideLiteral(text, error.position);
}

const parserFiles: ReadonlySet<string> = new Set(["scan.l", "gram.y", "parser.c"]);

function hasHighCharacter(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /[^\x00-\x7f]/.test(text);
}

/** One lexical element of SQL that may hide what is inside it ("Lexical Structure"). */
const elements =
  /--[^\n\r]*|\/\*|[eE]'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[\w\u0080-\uffff$]+|[^]/gu;

/**
 * Is the character at `position` (from 1) strictly inside a string constant? Errors in a body that
 * the server took from there (CREATE FUNCTION, DO) are reported at such places; the raw parser
 * reports the beginning of an element.
 */
export function isInsideLiteral(text: string, position: number): boolean {
  const characters = [...text].slice(0, position - 1).join("").length;
  elements.lastIndex = 0;
  for (let found = elements.exec(text); found !== null; found = elements.exec(text)) {
    const start = found.index;
    if (start >= characters) return false;
    const [element, tag] = found;
    let end = start + element.length;
    if (element === "/*") end = commentEnd(text, start);
    else if (/^\$.*\$$/su.test(element)) {
      const close = text.indexOf(`$${tag ?? ""}$`, end);
      end = close < 0 ? text.length : close + element.length;
    }
    if (characters < end) return /^(?:[eE]?'|\$)/.test(element);
    elements.lastIndex = end;
  }
  return false;
}

/** Comments nest. */
function commentEnd(text: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let found = marks.exec(text); found !== null; found = marks.exec(text)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}
