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

/** Prints a list page by page, with the same bytes as {@linkcode show} of all of it. */
export class PagedList<T> {
  readonly #terminal: Terminal;
  readonly #format: Format;
  readonly #draw: (rows: readonly T[]) => string;
  #count = 0;

  constructor(terminal: Terminal, format: Format, draw: (rows: readonly T[]) => string) {
    this.#terminal = terminal;
    this.#format = format;
    this.#draw = draw;
  }

  /** Rows so far. */
  get count(): number {
    return this.#count;
  }

  async page(rows: readonly T[]): Promise<void> {
    if (rows.length === 0) return;
    const isFirst = this.#count === 0;
    this.#count += rows.length;
    if (this.#format !== "json") {
      return print(this.#terminal, await render(this.#format, rows, this.#draw));
    }
    // Within strings JSON has no line ends.
    const texts = rows.map((row) => JSON.stringify(row, null, 2).replaceAll("\n", "\n  "));
    this.#terminal.out(`${isFirst ? "[\n" : ",\n"}  ${texts.join(",\n  ")}`);
  }

  async end(): Promise<void> {
    if (this.#count === 0) return await show(this.#terminal, this.#format, [], this.#draw);
    if (this.#format === "json") this.#terminal.out("\n]\n");
  }
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
