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
export async function show<T>(
  terminal: Terminal,
  format: Format,
  value: T,
  draw: (value: T) => string,
): Promise<void> {
  print(terminal, await render(format, value, draw));
}

/** Prints a list as a table, or as the list it is; an empty table becomes `none` on stderr. */
export async function showList<T>(
  terminal: Terminal,
  format: Format,
  rows: readonly T[],
  columns: readonly Column<T>[],
  none: string,
): Promise<void> {
  if (format === "text" && rows.length === 0) say(terminal, none);
  else await show(terminal, format, rows, (shown) => table(columns, shown));
}

export async function render<T>(
  format: Format,
  value: T,
  draw: (value: T) => string,
): Promise<string> {
  switch (format) {
    case "json":
      return `${JSON.stringify(value, null, 2)}\n`;
    case "yaml":
      return await yamlOf(value);
    case "text":
      return draw(value);
  }
}

/** A value as a YAML document. */
export async function yamlOf(value: unknown): Promise<string> {
  return (await import("./yaml.ts")).write(value);
}

/** The documents of a YAML (or JSON) text as plain data, empty ones left out. */
export async function readDocuments(text: string): Promise<readonly unknown[]> {
  return (await import("./yaml.ts")).parse(text);
}
