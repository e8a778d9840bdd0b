/** docs/benchmarks.json: each row as it was measured last. */
import { join } from "../lab/paths.ts";
import { root } from "../lab/tools.ts";
import type { Found } from "./figure.ts";
import { median, ratios, rounded } from "./numbers.ts";
import { type PathName, pathNames } from "./path.ts";
import type { Measured, Work } from "./works.ts";

/** When and on what a row was measured. */
interface Origin {
  readonly date: string;
  readonly on: string;
}

/** One path doing one work, beside the other paths. */
export interface PathRow extends Origin {
  readonly path: PathName;
  readonly work: string;
  readonly clients: number;
  /** Transactions/s, MB/s or connections/s; null where the path could not be measured. */
  readonly value: number | null;
  /** Medians of the ratios of each round. */
  readonly ratio_direct: number | null;
  readonly ratio_chisel: number | null;
  readonly ratio_native: number | null;
  /** CPU of the processes between client and database, for one transaction, connection or MB. */
  readonly cpu_us: number | null;
  readonly cpu_ratio_chisel: number | null;
  /** The same of the Auth Service, which works for the audit log. */
  readonly auth_cpu_us: number | null;
  /** The values of all rounds. */
  readonly rounds: readonly number[];
  readonly seconds: number;
  /** Seconds of each run before, which don't count. */
  readonly lead?: number;
}

export interface FigureRow extends Origin {
  readonly work: string;
  readonly figure: string;
  readonly sessions?: number;
  readonly value: number;
  readonly rounds: readonly number[];
  readonly note?: string;
}

export type Row = PathRow | FigureRow;

export function isPathRow(row: Row): row is PathRow {
  return "path" in row;
}

export interface Group {
  readonly work: Work;
  readonly seconds: number;
  readonly leadSeconds?: number;
  readonly rounds: ReadonlyMap<string, readonly Measured[]>;
}

/** One row for each path, measured or not. */
export function pathRows(group: Group, origin: Origin): readonly PathRow[] {
  const { work, seconds, leadSeconds: lead = 0 } = group;
  const of = (path: PathName) => group.rounds.get(path) ?? [];
  const values = (path: PathName) => of(path).map(({ value }) => value);
  const cpu = (path: PathName) => of(path).map(({ cpuUs }) => cpuUs);
  return pathNames.map((path) => {
    const to = (other: PathName) => short(median(ratios(values(path), values(other))));
    const auth = median(of(path).map(({ alsoCpuUs }) => alsoCpuUs));
    return {
      path,
      work: work.name,
      clients: work.clients,
      value: short(median(values(path))),
      ratio_direct: to("direct"),
      ratio_chisel: to("chisel"),
      ratio_native: to("native"),
      cpu_us: path === "direct" ? null : short(median(cpu(path))),
      cpu_ratio_chisel: path === "direct" ? null : short(median(ratios(cpu(path), cpu("chisel")))),
      auth_cpu_us: auth === 0 ? null : short(auth),
      rounds: values(path).map((value) => rounded(value, 5)),
      seconds,
      ...(lead > 0 && work.unit !== "MB/s" ? { lead } : {}),
      ...origin,
    };
  });
}

const short = (value: number | null): number | null => value === null ? null : rounded(value);

export function figureRows(
  work: string,
  found: readonly Found[],
  origin: Origin,
): readonly FigureRow[] {
  return found.map(({ figure, rounds, sessions, note }) => ({
    work,
    figure,
    ...(sessions === undefined ? {} : { sessions }),
    value: rounded(median(rounds) ?? 0),
    rounds: rounds.map((value) => rounded(value)),
    ...(note === undefined ? {} : { note }),
    ...origin,
  }));
}

/** What is known after `fresh` was measured: a work's old rows go, those of other works stay. */
export function merged(known: readonly Row[], fresh: readonly Row[]): readonly Row[] {
  const workOf = (row: Row) => isPathRow(row) ? `${row.work} ${row.clients}` : row.work;
  const measured = new Set(fresh.map(workOf));
  return [...known.filter((row) => !measured.has(workOf(row))), ...fresh];
}

const file = join(root, "docs", "benchmarks.json");

export async function readRows(): Promise<readonly Row[]> {
  return JSON.parse(await Deno.readTextFile(file));
}

/** In the order of `works`, so that a run of one of them changes no line of the others. */
export async function writeRows(
  rows: readonly Row[],
  works: readonly string[],
): Promise<readonly Row[]> {
  const place = (row: Row) => works.indexOf(row.work) * 1e6 + (isPathRow(row) ? row.clients : 0);
  const sorted = [...rows].sort((a, b) => place(a) - place(b));
  const lines = sorted.map((row) => "  " + JSON.stringify(row)).join(",\n");
  await Deno.writeTextFile(file, `[\n${lines}\n]\n`);
  return sorted;
}
