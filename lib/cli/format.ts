import { parseAllDocuments, stringify } from "yaml";
import { Fault } from "../core/fault.ts";
import { choice } from "./options.ts";
import { print, say, type Terminal } from "./terminal.ts";
import { type Column, table } from "./table.ts";

export type Format = "text" | "json" | "yaml";

/** `--format=text|json|yaml`, the same on every command that shows something. */
export const formatOption = choice(["text", "json", "yaml"], {
  help: "how to print: for people, or for machines with a stable shape",
  otherwise: "text",
});

/** Prints one value: JSON or YAML as it is, text as `draw` says. */
export function show<T>(
  terminal: Terminal,
  format: Format,
  value: T,
  draw: (value: T) => string,
): void {
  print(terminal, render(format, value, draw));
}

/** Prints a list as a table, or as the list it is; an empty table becomes `none` on stderr. */
export function showList<T>(
  terminal: Terminal,
  format: Format,
  rows: readonly T[],
  columns: readonly Column<T>[],
  none: string,
): void {
  if (format === "text" && rows.length === 0) say(terminal, none);
  else show(terminal, format, rows, (shown) => table(columns, shown));
}

export function render<T>(format: Format, value: T, draw: (value: T) => string): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(value, null, 2)}\n`;
    case "yaml":
      return stringify(value);
    case "text":
      return draw(value);
  }
}

/** The documents of a YAML (or JSON) text as plain data, empty ones left out. */
export function readDocuments(text: string): readonly unknown[] {
  const documents = parseAllDocuments(text, { prettyErrors: false, schema: "core" });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      const line = text.slice(0, error.pos[0]).split("\n").length;
      throw new Fault({
        kind: "invalid",
        code: "cli.bad-yaml",
        message: `line ${line} is no YAML: ${error.code.toLowerCase().replaceAll("_", " ")}`,
      });
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null || value === undefined ? [] : [value];
  });
}
