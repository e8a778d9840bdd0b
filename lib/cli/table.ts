import { oneLine } from "./terminal.ts";

/** A column: its title and how a row's cell is read. */
export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => string;
  /** Numbers lie to the right. */
  readonly right?: boolean;
}

/** Widest cell; longer ones end in an ellipsis (machine formats have them whole). */
const cellCharactersMax = 100;

/** Rows under their titles in columns of equal width, two spaces apart, without trailing blanks. */
export function table<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  charactersMax: number = cellCharactersMax,
): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) =>
      columns.map((column) => shorten(oneLine(column.cell(row)), charactersMax))
    ),
  ];
  const widths = columns.map((_, index) =>
    cells.reduce((widest, line) => Math.max(widest, width(line[index] ?? "")), 0)
  );
  return cells.map((line) => drawLine(line, widths, columns)).join("");
}

function drawLine<T>(
  line: readonly string[],
  widths: readonly number[],
  columns: readonly Column<T>[],
): string {
  const drawn = line.map((cell, index) => {
    const blanks = " ".repeat(Math.max(0, (widths[index] ?? 0) - width(cell)));
    return columns[index]?.right === true ? blanks + cell : cell + blanks;
  });
  return `${drawn.join("  ").trimEnd()}\n`;
}

function shorten(cell: string, max: number): string {
  if (cell.length <= max) return cell;
  const characters = [...cell];
  return characters.length <= max ? cell : `${characters.slice(0, max - 1).join("")}…`;
}

/** Columns a text takes on a terminal: East Asian wide characters and emoji take two. */
function width(text: string): number {
  // Nearly every cell of a list of thousands.
  if (ascii.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += wide.test(character) ? 2 : 1;
  return columns;
}

const ascii = /^[ -~]*$/;

/** Unicode's East Asian Width W and F (Annex 11), by blocks. */
const wide = new RegExp(
  "[\\u1100-\\u115f\\u2e80-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60]" +
    "|\\p{Emoji_Presentation}",
  "u",
);
