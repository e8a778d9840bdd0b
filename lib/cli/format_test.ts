import assert from "node:assert/strict";
import { PagedList, render } from "./format.ts";
import { fakeTerminal } from "./terminal_fake.ts";

const rows: readonly unknown[] = [
  { name: "a", text: "two\nlines", nested: { list: [1, { deep: "\u2028\\n" }], none: [] } },
  "plain",
  {},
  null,
  [[], ["x"]],
  { name: "a", text: 'quotes " and - dashes' },
];
const draw = (some: readonly unknown[]): string =>
  some.map((row) => `${JSON.stringify(row)}\n`).join("");

for (const format of ["json", "yaml", "text"] as const) {
  Deno.test(`a list printed in pages is the same ${format} as in one`, async () => {
    for (const count of [0, 1, rows.length]) {
      const all = rows.slice(0, count);
      const whole = await render(format, all, draw);
      for (const size of [1, 2, 5, 100]) {
        const terminal = fakeTerminal();
        const list = new PagedList(terminal, format, draw);
        await list.page([]);
        for (let at = 0; at < all.length; at += size) await list.page(all.slice(at, at + size));
        await list.end();
        assert.equal(list.count, all.length);
        assert.equal(terminal.stdout(), count === 0 && format === "text" ? "\n" : whole);
      }
    }
  });
}
