/** Medians, ratios, and the two files they are kept in. */
import { isMissing, type Missing, type Path, type PathName, pathNames } from "./path.ts";
import type { Measured, Work } from "./works.ts";

/** One line of docs/benchmarks.json; null where the path could not be measured. */
export interface Row {
  readonly path: string;
  readonly work: string;
  readonly clients: number;
  readonly ratio_direct: number | null;
  readonly ratio_chisel: number | null;
  /** CPU of the processes between client and database, for one transaction, connection or MB. */
  readonly cpu_us: number | null;
  /** Transactions/s, MB/s or connections/s of each round. */
  readonly rounds: readonly number[];
  readonly date: string;
}

export interface Group {
  readonly work: Work;
  readonly rounds: ReadonlyMap<string, readonly Measured[]>;
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** One row for each path, measured or not. */
export function rowsOf(group: Group, date: string): Row[] {
  const valueOf = (name: string) => median((group.rounds.get(name) ?? []).map((m) => m.value));
  const [direct, chisel] = [valueOf("direct"), valueOf("chisel")];
  return pathNames.map((path) => {
    const measured = group.rounds.get(path) ?? [];
    const value = valueOf(path);
    const cpu = median(measured.map((m) => m.cpuUs));
    return {
      path,
      work: group.work.name,
      clients: group.work.clients,
      ratio_direct: ratio(value, direct),
      ratio_chisel: ratio(value, chisel),
      cpu_us: path === "direct" || cpu === null ? null : Math.round(cpu),
      rounds: measured.map((m) => Math.round(m.value * 10) / 10),
      date,
    };
  });
}

function ratio(value: number | null, to: number | null): number | null {
  return value === null || to === null || to === 0 ? null : Math.round(value / to * 1000) / 1000;
}

const dash = (value: number | null, digits = 0): string =>
  value === null ? "–" : value.toFixed(digits);

/** A Markdown table of one work. */
export function tableOf(group: Group, rows: readonly Row[]): string {
  const { work } = group;
  const lines = [
    `### ${titleOf(work)}`,
    "",
    `| path | ${work.unit} | / direct | / chisel | CPU ${
      cpuUnit(work)
    } | slowest and fastest round |`,
    "| --- | ---: | ---: | ---: | ---: | --- |",
  ];
  for (const row of rows) {
    const spread = row.rounds.length === 0
      ? "not measured"
      : `${Math.min(...row.rounds).toFixed(0)} – ${Math.max(...row.rounds).toFixed(0)}`;
    const cpu = row.cpu_us === null ? "–" : cpuText(work, row.cpu_us);
    lines.push(
      `| ${row.path} | ${dash(median(row.rounds))} | ${dash(row.ratio_direct, 2)} | ` +
        `${dash(row.ratio_chisel, 2)} | ${cpu} | ${spread} |`,
    );
  }
  const also = median((group.rounds.get("native") ?? []).map((m) => m.alsoCpuUs));
  if (also !== null && also > 0) {
    lines.push("", `Beside it, the Auth Service spends ${cpuText(work, also)} on the audit log.`);
  }
  return lines.join("\n");
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

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly system: string;
  readonly versions: readonly string[];
  readonly tls: string;
}

export interface Run {
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly machine: Machine;
  readonly missing: readonly (Path | Missing)[];
  readonly stalls: readonly string[];
}

/** docs/benchmarks.md: written by `./scripts/bench`, never by hand. */
export function documentOf(run: Run, tables: readonly string[]): string {
  const { machine } = run;
  const missing = run.missing.filter(isMissing).map((m) => `- ${m.name}: ${m.why}`);
  return [
    "# Benchmarks",
    "",
    "Written by `./scripts/bench`; run it again instead of editing. Numbers of one table compare",
    "with each other, numbers of two tables or machines don't: look at ratios and at the CPU.",
    "",
    `${run.date.slice(0, 10)}, ${machine.cores} × ${machine.cpu}, ${machine.system}. ${
      machine.versions.join(", ")
    }.`,
    `Client, database and all between them share these ${machine.cores} cores, over loopback.`,
    `Medians of ${run.rounds} rounds of ${run.seconds} s; the paths take turns within a round.`,
    `${machine.tls} on every leg that is named below.`,
    "",
    ...pathTable(),
    "",
    "The CPU is that of the processes between client and database, until they are at rest again,",
    "so that delivering the audit log counts.",
    "",
    ...(missing.length > 0 ? ["Not measured:", "", ...missing, ""] : []),
    ...(run.stalls.length > 0
      ? ["**Stalls**", "", ...run.stalls.map((stall) => `- ${stall}`), ""]
      : ["No path stalled: something got through in every second of every round.", ""]),
    ...tables.flatMap((table) => [table, ""]),
  ].join("\n");
}

function pathTable(): readonly string[] {
  const ways: Readonly<Record<PathName, readonly string[]>> = {
    direct: ["libpq, TLS with a client certificate"],
    native: [
      "libpq → TLS → Remoteler proxy → tunnel (TLS) → Remoteler agent → TLS; processes apart,",
      "access decided, every statement in the audit log, `strict`",
    ],
    tsh: ["libpq → plain local port of `tsh proxy db --tunnel` → TLS → the same proxy and agent"],
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
