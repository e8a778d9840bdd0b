/** Puts what was measured into docs/benchmarks.json and docs/benchmarks.md. */
import { join } from "../lab/paths.ts";
import { root } from "../lab/tools.ts";
import { figureWorks } from "./figures.ts";
import { documentOf } from "./report.ts";
import { merged, readRows, type Row, writeRows } from "./rows.ts";
import { works } from "./works.ts";

/** The rows of these works take the place of their old ones; those of other works stay. */
export async function keepRows(fresh: readonly Row[]): Promise<void> {
  const all = await writeRows(merged(await readRows(), fresh), [
    ...works.map(({ name }) => name),
    ...figureWorks.map(({ name }) => name),
  ]);
  await Deno.writeTextFile(join(root, "docs", "benchmarks.md"), documentOf(all, figureWorks));
}
