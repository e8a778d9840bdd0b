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
  const lines = new Array<string>(rows.length + 1).fill("");
  for (const column of columns) {
    padded(cellsOf(column, rows, charactersMax), column.right === true)
      .forEach((cell, at) => lines[at] += cell);
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** A cell as it is shown, and the columns it takes. */
interface Cell {
  readonly text: string;
  readonly width: number;
}

/** The title and the cells below it. Neighbours are often alike: those are looked at once. */
function cellsOf<T>(column: Column<T>, rows: readonly T[], charactersMax: number): readonly Cell[] {
  let before = column.title;
  let cell: Cell = { text: before, width: width(before) };
  const cells = [cell];
  for (const row of rows) {
    const text = column.cell(row);
    if (text !== before) cell = cellOf(text, charactersMax);
    before = text;
    cells.push(cell);
  }
  return cells;
}

function cellOf(text: string, charactersMax: number): Cell {
  // Nearly every cell of a list of thousands.
  if (text.length <= charactersMax && ascii.test(text)) return { text, width: text.length };
  const shown = shorten(oneLine(text), charactersMax);
  return { text: shown, width: width(shown) };
}

/** Cells of equal width, with two blanks behind them. */
function padded(cells: readonly Cell[], isRight: boolean): readonly string[] {
  const widest = cells.reduce((most, cell) => Math.max(most, cell.width), 0);
  let before: Cell | null = null;
  let drawn = "";
  return cells.map((cell) => {
    if (cell === before) return drawn;
    before = cell;
    const blanks = " ".repeat(widest - cell.width);
    drawn = isRight ? `${blanks}${cell.text}  ` : `${cell.text}${blanks}  `;
    return drawn;
  });
}

function shorten(cell: string, max: number): string {
  if (cell.length <= max) return cell;
  const characters = [...cell];
  return characters.length <= max ? cell : `${characters.slice(0, max - 1).join("")}…`;
}

/** Columns a text takes on a terminal: East Asian wide characters and emoji take two. */
function width(text: string): number {
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
