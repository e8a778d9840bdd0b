/** docs/benchmarks.md: what docs/benchmarks.json holds, for people. */
import { judge, type Judged } from "./bars.ts";
import type { FigureWork } from "./figure.ts";
import { type PathName, pathNames } from "./path.ts";
import { type FigureRow, isPathRow, type PathRow, type Row } from "./rows.ts";
import { type Work, works } from "./works.ts";

/** The whole document: written by `./scripts/bench`, never by hand. */
export function documentOf(rows: readonly Row[], figures: readonly FigureWork[]): string {
  const tables = works.flatMap((work) => {
    const its = rows.filter(isPathRow).filter((row) =>
      row.work === work.name && row.clients === work.clients
    );
    return its.length === 0 ? [] : [tableOf(work, its), ""];
  });
  const sections = figures.flatMap((work) => [
    sectionOf(work, rows.flatMap((row) => isPathRow(row) ? [] : [row])),
    "",
  ]);
  return [
    ...introduction,
    ...barTable(judge(rows, figures)),
    "",
    ...pathIntroduction,
    ...tables,
    "## More than paths",
    "",
    ...sections,
    ...machines(rows),
  ].join("\n");
}

const introduction = [
  "# Benchmarks",
  "",
  "Written by `./scripts/bench`; run it again instead of editing. A run of some works",
  "(`--only=WORK`) updates their rows here and in `benchmarks.json` and leaves the others as they",
  "were measured last. Numbers of one table compare with each other, numbers of two tables or",
  "machines don't: look at ratios and at the CPU. Client, database and all between them share one",
  "machine, over loopback unless said otherwise.",
  "",
  "## What is aimed at",
  "",
];

const pathIntroduction = [
  "## Beside other ways to the same database",
  "",
  "Medians of rounds in which the paths take turns; a ratio is the median of the ratios of each",
  "round. Every path works for 2 times 15 s before anything counts, and does each work once",
  "uncounted before. Where a table says so, the first seconds of each run don't count: clients",
  "connect, and code that rested while the other paths had their turn is slower for as long.",
  "TLS 1.3 with one cipher on every leg that is named below.",
  "",
  ...pathTable(),
  "",
  "The CPU is that of the processes between client and database, until they are at rest again,",
  "so that delivering the audit log counts.",
  "",
];

function barTable(bars: readonly Judged[]): readonly string[] {
  return [
    "| what | measured | bar | goal beyond | | date |",
    "| --- | ---: | ---: | ---: | --- | --- |",
    ...bars.map(({ what, unit, bar, value, date, isMet }) => {
      const sign = bar.atLeast === undefined ? "≤" : "≥";
      const wanted = `${sign} ${amount(bar.atLeast ?? bar.atMost ?? 0, unit)}`;
      const goal = bar.goal === undefined ? "" : amount(bar.goal, unit);
      const word = value === null ? "not measured" : isMet ? "met" : "**not met**";
      const shown = value === null ? "–" : amount(value, unit);
      return `| ${what} | ${shown} | ${wanted} | ${goal} | ${word} | ${day(date)} |`;
    }),
  ];
}

function lengthOf({ seconds, lead }: Partial<PathRow> = {}): string {
  const before = lead === undefined ? "" : `, after ${lead} s that don't count`;
  return ` of ${seconds ?? 0} s${before}.`;
}

/** A Markdown table of one work on all paths. */
export function tableOf(work: Work, rows: readonly PathRow[]): string {
  const [first] = rows;
  const auth = rows.find(({ path }) => path === "native")?.auth_cpu_us ?? null;
  const rounds = first?.rounds.length ?? 0;
  return [
    `### ${titleOf(work)}`,
    "",
    `${day(first?.date ?? null)}, ${rounds} rounds` +
    (work.unit === "MB/s" ? "." : lengthOf(first)),
    "",
    `| path | ${work.unit} | / direct | / chisel | CPU ${cpuUnit(work)} | slowest and fastest |`,
    "| --- | ---: | ---: | ---: | ---: | --- |",
    ...rows.map((row) =>
      `| ${row.path} | ${known(row.value)} | ${ratio(row.ratio_direct)} | ` +
      `${ratio(row.ratio_chisel)} | ${row.cpu_us === null ? "–" : cpuText(work, row.cpu_us)} | ` +
      `${spread(row.rounds)} |`
    ),
    ...(auth === null
      ? []
      : ["", `Beside it, the Auth Service spends ${cpuText(work, auth)} on the audit log.`]),
  ].join("\n");
}

/** Everything about one work that is no race between paths. */
export function sectionOf(work: FigureWork, rows: readonly FigureRow[]): string {
  const its = rows.filter((row) => row.work === work.name);
  const head = [`### ${work.title}`, "", work.about, ""];
  const [first] = its;
  if (first === undefined) return [...head, "Not measured yet."].join("\n");
  const scaled = its.filter(({ sessions }) => sessions !== undefined);
  const plain = its.filter(({ sessions }) => sessions === undefined);
  const notes = its.flatMap(({ figure, note }) => note === undefined ? [] : [`${figure}: ${note}`]);
  return [
    ...head,
    `${day(first.date)}.`,
    "",
    ...(plain.length === 0 ? [] : figureTable(work, plain)),
    ...(scaled.length === 0 ? [] : ["", ...scaledTable(work, scaled)]),
    ...(notes.length === 0 ? [] : ["", ...[...new Set(notes)].map((note) => `- ${note}`)]),
  ].join("\n");
}

function figureTable(work: FigureWork, rows: readonly FigureRow[]): readonly string[] {
  return [
    "| figure | | slowest and fastest |",
    "| --- | ---: | --- |",
    ...rows.map(({ figure, value, rounds }) => {
      const unit = unitOf(work, figure);
      const range = rounds.length < 2 ? "" : spread(rounds);
      return `| ${figure} | ${amount(value, unit)} | ${range} |`;
    }),
  ];
}

/** A line for each number of sessions. */
function scaledTable(work: FigureWork, rows: readonly FigureRow[]): readonly string[] {
  const counts = [...new Set(rows.map(({ sessions }) => sessions ?? 0))].sort((a, b) => a - b);
  const names = [...new Set(rows.map(({ figure }) => figure))];
  return [
    `| sessions | ${names.join(" | ")} |`,
    `| ---: | ${names.map(() => "---:").join(" | ")} |`,
    ...counts.map((count) => {
      const cells = names.map((name) => {
        const row = rows.find((one) => one.figure === name && (one.sessions ?? 0) === count);
        return row === undefined ? "–" : amount(row.value, unitOf(work, name));
      });
      return `| ${count} | ${cells.join(" | ")} |`;
    }),
  ];
}

function unitOf(work: FigureWork, figure: string): string {
  return work.figures.find(({ name }) => name === figure)?.unit ?? "";
}

/** On what the rows were measured; rows of one table share it. */
function machines(rows: readonly Row[]): readonly string[] {
  const all = [...new Set(rows.map(({ on }) => on))];
  const lines = all.map((on) => {
    const its = rows.filter((row) => row.on === on);
    const names = [...new Set(its.map(({ work }) => work))];
    return all.length === 1 ? `${on}.` : `- ${on}: ${names.join(", ")}`;
  });
  return ["## Measured on", "", ...lines, ""];
}

function titleOf(work: Work): string {
  const clients = `${work.clients} client${work.clients === 1 ? "" : "s"}`;
  const titles = {
    simple: `Point select, simple protocol, ${clients}`,
    prepared: `Point select, prepared, ${clients}`,
    "copy-out": "COPY TO, 200 MB",
    "copy-in": "COPY FROM, 200 MB",
    connect: `New connections, ${clients}, one statement each`,
  } as const;
  return titles[work.name];
}

function cpuUnit(work: Work): string {
  if (work.unit === "MB/s") return "per MB";
  return work.unit === "connections/s" ? "per connection" : "per transaction";
}

function cpuText(work: Work, us: number): string {
  return work.unit === "transactions/s" ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(1)} ms`;
}

function pathTable(): readonly string[] {
  const ways: Readonly<Record<PathName, readonly string[]>> = {
    direct: ["libpq, TLS with a client certificate"],
    native: [
      "libpq → TLS → Remoteler proxy → tunnel (TLS) → Remoteler agent → TLS; processes apart,",
      "access decided, every statement in the audit log, `strict`",
    ],
    tsh: ["libpq → plain local port of `tsh proxy db --tunnel` → TLS → the same proxy and agent"],
    forwarder: [
      "the native path's legs and nothing else (`scripts/measure/forwarder.ts`): nothing decided,",
      "read or recorded, which is what the runtime itself takes for these legs",
    ],
    pgbouncer: [
      "TLS and client certificates on both sides, session mode;",
      "it keeps connections to PostgreSQL open",
    ],
    stunnel: ["two processes, TLS with client certificates on all three legs"],
    chisel: [
      "libpq's TLS end to end, inside SSH inside a WebSocket over TLS (whose cipher chisel",
      "chooses); it sees no statement",
    ],
  };
  return [
    "| path | from the client to PostgreSQL |",
    "| --- | --- |",
    ...pathNames.map((name) => `| ${name} | ${ways[name].join(" ")} |`),
  ];
}

const day = (date: string | null): string => date === null ? "" : date.slice(0, 10);
const known = (value: number | null): string => value === null ? "–" : number(value);
const ratio = (value: number | null): string => value === null ? "–" : value.toFixed(2);

function amount(value: number, unit: string): string {
  return unit === "" ? value.toFixed(2) : `${number(value)} ${unit}`;
}

function number(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function spread(rounds: readonly number[]): string {
  if (rounds.length === 0) return "not measured";
  return `${number(Math.min(...rounds))} – ${number(Math.max(...rounds))}`;
}
