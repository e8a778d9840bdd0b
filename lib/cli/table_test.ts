import { strictEqual } from "node:assert/strict";
import { type Column, table } from "./table.ts";

const columns: readonly Column<readonly [string, string, string]>[] = [
  { title: "NAME", cell: ([name]) => name },
  { title: "SIZE", cell: ([, size]) => size, right: true },
  { title: "ABOUT", cell: ([, , about]) => about },
];

Deno.test("neighbours that are alike, wide or full of controls are drawn as each would be", () => {
  const rows = [
    ["one", "5", "数据"],
    ["one", "5", "数据"],
    ["NAME", "12", "a\u001b[31m"],
    ["two", "12", "a\u001b[31m"],
    ["数据", "数", ""],
  ] as const;
  strictEqual(
    table(columns, rows),
    "NAME  SIZE  ABOUT\n" +
      "one      5  数据\n" +
      "one      5  数据\n" +
      "NAME    12  a\ufffd[31m\n" +
      "two     12  a\ufffd[31m\n" +
      "数据    数\n",
  );
});

Deno.test("a cell that is too long ends in an ellipsis, a line in no blanks", () => {
  const rows = [["ab", "1", "  "], ["abcdef", "", "数据数据数据"], ["", "123456", " x "]] as const;
  strictEqual(
    table(columns, rows, 5),
    "NAME    SIZE  ABOUT\n" +
      "ab         1\n" +
      "abcd…         数据数据…\n" +
      "       1234…   x\n",
  );
});

Deno.test("without rows there are the titles alone", () => {
  strictEqual(table(columns, []), "NAME  SIZE  ABOUT\n");
});
