/** The command line of scripts/bench. */
import type { FigureWork } from "./figure.ts";
import { figureWorks } from "./figures.ts";
import { type PathName, pathNames } from "./path.ts";
import { namesOf, type Work, works } from "./works.ts";

export interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  /** What of each run of transactions doesn't count. */
  readonly leadSeconds: number;
  /** For each path, before anything is measured. */
  readonly warmUpSeconds: number;
  readonly paths: ReadonlySet<PathName>;
  /** Whether other tunnels are among the paths. */
  readonly peers: boolean;
  readonly works: readonly Work[];
  readonly figures: readonly FigureWork[];
  /** Whether what is measured becomes the rows of docs/benchmarks.json. */
  readonly writes: boolean;
}

/** Fewer rounds than this are no measurement to keep. */
const roundsMin = 7;
const quickPaths: readonly PathName[] = ["direct", "native", "tsh"];
const peerPaths: readonly PathName[] = ["pgbouncer", "stunnel", "chisel"];

/** Ends the process where they make no sense. */
export function readArguments(args: readonly string[]): Options {
  let [rounds, seconds, isQuick, writes] = [roundsMin, 3, false, true];
  const only: string[] = [];
  for (const arg of args) {
    const [name = "", value = ""] = arg.split("=");
    if (name === "--quick") [rounds, seconds, isQuick, writes] = [2, 2, true, false];
    else if (name === "--rounds" && Number(value) >= 1) rounds = Number(value);
    else if (name === "--seconds" && Number(value) >= 1) seconds = Number(value);
    else if (name === "--only") only.push(...value.split(","));
    else if (name === "--no-write") writes = false;
    else usage(`unknown argument ${arg}`);
  }
  const named = chosen(only);
  const isAll = named.works.length + named.figures.length === 0;
  const everyPath = isQuick ? quickPaths : pathNames;
  const paths = new Set(
    named.paths.length > 0 ? ["direct" as const, ...named.paths] : everyPath,
  );
  const chosenFigures = figureWorks.filter((work) => work.isQuick || !isQuick);
  // A choice of paths is about the works that compare them.
  const figures = isAll && named.paths.length === 0 ? chosenFigures : named.figures;
  return {
    isQuick,
    rounds,
    seconds,
    leadSeconds: isQuick ? 0 : 2,
    warmUpSeconds: isQuick ? 3 : 15,
    paths,
    peers: peerPaths.some((path) => paths.has(path)),
    works: isAll ? works : named.works,
    figures,
    // Rows of one table belong to one run.
    writes: writes && named.paths.length === 0 && rounds >= roundsMin,
  };
}

function chosen(only: readonly string[]) {
  const paths = pathNames.filter((path) => only.includes(path));
  const byName = works.filter((work) => namesOf(work).some((name) => only.includes(name)));
  const figures = figureWorks.filter(({ name }) => only.includes(name));
  const known = [
    ...pathNames,
    ...works.flatMap(namesOf),
    ...figureWorks.map(({ name }) => name),
  ];
  for (const name of only) {
    if (!known.includes(name)) usage(`no path and no work is called ${name}`);
  }
  return { paths, works: byName, figures };
}

function usage(problem: string): never {
  const names = [...new Set(works.flatMap(namesOf)), ...figureWorks.map(({ name }) => name)];
  const text = `${problem}\nusage: ./scripts/bench [--quick] [--rounds=N] [--seconds=N] ` +
    `[--only=PATH|WORK,...] [--no-write]\npaths: ${pathNames.join(" ")}\n` +
    `works: ${names.join(" ")}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
  Deno.exit(2);
}
