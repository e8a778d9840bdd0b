/** What is aimed at, and whether the rows reach it. */
import type { Bar, FigureWork } from "./figure.ts";
import type { PathName } from "./path.ts";
import { isPathRow, type PathRow, type Row } from "./rows.ts";

export interface Judged {
  readonly what: string;
  readonly unit: string;
  readonly bar: Bar;
  /** Null where it was not measured. */
  readonly value: number | null;
  readonly date: string | null;
  readonly isMet: boolean;
  /** A ratio so far off that noise can't be why. */
  readonly isHopeless: boolean;
}

interface WorkBars {
  readonly work: string;
  readonly clients: number;
  /** Over the direct connection, and the goal beyond. */
  readonly direct: number;
  readonly goal: number;
  readonly chisel: number;
}

const ofWorks: readonly WorkBars[] = [
  { work: "simple", clients: 1, direct: 0.33, goal: 0.6, chisel: 1.05 },
  { work: "simple", clients: 8, direct: 0.37, goal: 0.6, chisel: 1.05 },
  { work: "simple", clients: 32, direct: 0.4, goal: 0.6, chisel: 1.05 },
  { work: "prepared", clients: 32, direct: 0.32, goal: 0.6, chisel: 1.05 },
  { work: "copy-out", clients: 1, direct: 0.4, goal: 0.65, chisel: 1.05 },
  { work: "copy-in", clients: 1, direct: 0.4, goal: 0.65, chisel: 1.05 },
  { work: "connect", clients: 4, direct: 0.5, goal: 0.8, chisel: 0.8 },
];
const chiselGoal = 1.5;
const tshOverNative = 0.75;
/** CPU for one transaction with 32 clients, as a multiple of chisel's two processes. */
const cpuOverChisel = 1.3;

/** All bars there are, in the order of the document. */
export function judge(rows: readonly Row[], figures: readonly FigureWork[]): readonly Judged[] {
  return [...pathBars(rows), ...figures.flatMap((work) => figureBars(rows, work))];
}

function pathBars(rows: readonly Row[]): readonly Judged[] {
  const paths = rows.filter(isPathRow);
  const of = (at: WorkBars, path: PathName, words: string, bar: Bar, value: Reader): Judged => {
    const { work, clients } = at;
    const row = paths.find((one) =>
      one.work === work && one.clients === clients && one.path === path
    );
    const what = `${work}, ${clients} client${clients === 1 ? "" : "s"}: ${words}`;
    return judged(what, "", bar, row === undefined ? null : value(row), row?.date ?? null);
  };
  const busy = ofWorks.filter(({ clients }) => clients === 32);
  return [
    ...ofWorks.map((at) =>
      of(at, "native", "native / direct", { atLeast: at.direct, goal: at.goal }, overDirect)
    ),
    ...ofWorks.map((at) =>
      of(at, "native", "native / chisel", { atLeast: at.chisel, goal: chiselGoal }, overChisel)
    ),
    ...ofWorks.map((at) =>
      of(at, "tsh", "tsh / native", { atLeast: tshOverNative }, (row) => row.ratio_native)
    ),
    ...busy.map((at) => of(at, "native", "CPU native / chisel", { atMost: cpuOverChisel }, cpu)),
  ];
}

type Reader = (row: PathRow) => number | null;
const overDirect: Reader = (row) => row.ratio_direct;
const overChisel: Reader = (row) => row.ratio_chisel;
const cpu: Reader = (row) => row.cpu_ratio_chisel;

function figureBars(rows: readonly Row[], work: FigureWork): readonly Judged[] {
  return work.figures.flatMap(({ name, unit, bar }) => {
    if (bar === undefined) return [];
    const row = rows.find((one) =>
      !isPathRow(one) && one.work === work.name && one.figure === name
    );
    const value = row === undefined || isPathRow(row) ? null : row.value;
    return [judged(`${work.name}: ${name}`, unit, bar, value, row?.date ?? null)];
  });
}

function judged(
  what: string,
  unit: string,
  bar: Bar,
  value: number | null,
  date: string | null,
): Judged {
  const { atLeast = -Infinity, atMost = Infinity } = bar;
  const isMet = value !== null && value >= atLeast && value <= atMost;
  const isHopeless = value !== null && unit === "" && (value < atLeast / 2 || value > atMost * 2);
  return { what, unit, bar, value, date: value === null ? null : date, isMet, isHopeless };
}
