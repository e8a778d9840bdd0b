import { oneLine, table, type Terminal } from "../../cli/mod.ts";
import type { SqlListener, SqlResult } from "./result.ts";
import { noticeLines, type SqlError } from "./sql_error.ts";

/** A result for people: a table with its number of rows, or what the database says it did. */
export function drawResult({ columns, rows, tag }: SqlResult): string {
  if (columns === null) return tag === "" ? "" : `${tag}\n`;
  const drawn = table(
    columns.map((title, index) => ({
      title: oneLine(title),
      cell: (row: readonly (string | null)[]) => visible(row[index] ?? null),
    })),
    rows,
    Infinity,
  );
  return `${drawn}(${rows.length} row${rows.length === 1 ? "" : "s"})\n`;
}

/** A value on one line: line breaks and tabs by their escapes, so that columns stay columns. */
function visible(value: string | null): string {
  if (value === null) return "NULL";
  return value.replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
}

/** An error for people, each line marked as this program's. */
export function drawError(error: SqlError): readonly string[] {
  return noticeLines(error.fields).map(oneLine);
}

/** Notices to stderr, COPY's data to stdout. */
export function listenerOn(terminal: Terminal, prefix: string = ""): SqlListener {
  return {
    notice: (fields) => {
      for (const line of noticeLines(fields)) terminal.err(`${prefix}${oneLine(line)}\n`);
    },
    copied: (text) => terminal.out(text),
  };
}
