/** The benchmark keeps and judges what it measured; the measuring itself is scripts/bench. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { judge } from "../scripts/measure/bars.ts";
import type { FigureWork } from "../scripts/measure/figure.ts";
import { figureWorks } from "../scripts/measure/figures.ts";
import { percentileBetween } from "../scripts/measure/metrics.ts";
import { median, percentile, ratios } from "../scripts/measure/numbers.ts";
import { documentOf } from "../scripts/measure/report.ts";
import {
  type FigureRow,
  figureRows,
  isPathRow,
  merged,
  pathRows,
  readRows,
} from "../scripts/measure/rows.ts";
import type { Measured, Work } from "../scripts/measure/works.ts";
import { top } from "./house.ts";

const origin = { date: "2026-01-02T03:04:05.000Z", on: "a machine" };
const work: Work = { name: "simple", clients: 32, unit: "transactions/s" };

function measured(value: number, cpuUs = 100): Measured {
  return { value, cpuUs, alsoCpuUs: 0, stall: null };
}

Deno.test("docs/benchmarks.md says what docs/benchmarks.json holds", async () => {
  const text = await Deno.readTextFile(join(top, "docs", "benchmarks.md"));
  strictEqual(text, documentOf(await readRows(), figureWorks));
});

Deno.test("a ratio is the median of the ratios of each round", () => {
  const rounds = new Map([
    ["direct", [measured(100), measured(1000), measured(200)]],
    ["native", [measured(50), measured(100), measured(120)]],
  ]);
  const rows = pathRows({ work, seconds: 3, rounds }, origin);
  const native = rows.find(({ path }) => path === "native");
  deepStrictEqual([native?.value, native?.ratio_direct, native?.ratio_chisel], [100, 0.5, null]);
  deepStrictEqual(native?.rounds, [50, 100, 120]);
  const chisel = rows.find(({ path }) => path === "chisel");
  deepStrictEqual([chisel?.value, chisel?.rounds], [null, []]);
});

Deno.test("a work that was measured anew replaces its own rows and no others", () => {
  const old = { date: "2025-01-01T00:00:00.000Z", on: "another machine" };
  const pathsOf = (clients: number, from: typeof origin) =>
    pathRows({ work: { ...work, clients }, seconds: 3, rounds: new Map() }, from);
  const found = (value: number) => [{ figure: "p99", rounds: [value] }];
  const known = [
    ...pathsOf(1, old),
    ...pathsOf(32, old),
    ...figureRows("fairness", found(1), old),
    ...figureRows("idle", found(2), old),
  ];
  const fresh = [...pathsOf(32, origin), ...figureRows("idle", found(3), origin)];
  const all = merged(known, fresh);
  strictEqual(all.length, known.length);
  for (const row of all) {
    const isNew = isPathRow(row) ? row.clients === 32 : row.work === "idle";
    strictEqual(row.date, isNew ? origin.date : old.date);
  }
});

const fake: FigureWork = {
  name: "fake",
  title: "Fake",
  about: "",
  figures: [
    { name: "share", unit: "", bar: { atLeast: 0.4 } },
    { name: "growth", unit: "", bar: { atMost: 1.5 } },
    { name: "rate", unit: "/s", bar: { atLeast: 1000 } },
  ],
  isQuick: true,
  run: null,
};

function verdict(figure: string, value: number): string {
  const row: FigureRow = { work: "fake", figure, value, rounds: [value], ...origin };
  const found = judge([row], [fake]).find(({ what }) => what === `fake: ${figure}`);
  if (found === undefined) return "unknown";
  return found.isHopeless ? "hopeless" : found.isMet ? "met" : "not met";
}

Deno.test("a bar is met, not met, or missed by half; only ratios can be hopeless", () => {
  const cases: readonly [string, number, string][] = [
    ["share", 0.4, "met"],
    ["share", 0.39, "not met"],
    ["share", 0.2, "not met"],
    ["share", 0.19, "hopeless"],
    ["growth", 1.5, "met"],
    ["growth", 1.51, "not met"],
    ["growth", 3.1, "hopeless"],
    ["rate", 1000, "met"],
    ["rate", 1, "not met"],
  ];
  for (const [figure, value, expected] of cases) {
    strictEqual(verdict(figure, value), expected, `${figure} ${value}`);
  }
  const unmeasured = judge([], [fake]).filter(({ what }) => what.startsWith("fake: "));
  ok(unmeasured.length === 3 && unmeasured.every(({ isMet, isHopeless }) => !isMet && !isHopeless));
});

Deno.test("percentiles, ratios and histograms", () => {
  deepStrictEqual([median([3, 1, 2]), median([1, 2]), median([])], [2, 1.5, null]);
  strictEqual(percentile(Array.from({ length: 101 }, (_, n) => n), 0.99), 99);
  deepStrictEqual(ratios([1, 2, 3], [2, 0, 4]), [0.5, 0.75]);
  const page = (...counts: readonly number[]) =>
    [0.01, 0.1, "+Inf"].map((le, n) => `delay_bucket{le="${le}"} ${counts[n]}`).join("\n");
  strictEqual(percentileBetween(page(5, 5, 5), page(104, 105, 105), "delay", 0.99), 0.01);
  strictEqual(percentileBetween(page(0, 0, 0), page(50, 100, 100), "delay", 0.99), 0.1);
  strictEqual(percentileBetween(page(0, 0, 0), page(0, 0, 9), "delay", 0.99), 0.1);
});
