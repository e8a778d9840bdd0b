/** A measurement that is no race between paths: what it is called, and what it finds. */
import type { Person } from "../lab/services.ts";
import type { Site } from "../lab/site.ts";
import type { Ground } from "./ground.ts";
import type { Path } from "./path.ts";

/** What a figure should be; `goal` is what to go on for beyond that. */
export interface Bar {
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly goal?: number;
}

export interface Figure {
  readonly name: string;
  /** Empty for a ratio, which compares between machines. */
  readonly unit: string;
  readonly bar?: Bar;
}

/** One figure as it was measured. */
export interface Found {
  readonly figure: string;
  /** What each round gave; the median counts. */
  readonly rounds: readonly number[];
  /** Where the figure was taken at several numbers of sessions. */
  readonly sessions?: number;
  /** What a reader has to know of this measurement. */
  readonly note?: string;
}

export interface FigureWork {
  readonly name: string;
  readonly title: string;
  /** What is measured, and how, in Markdown. */
  readonly about: string;
  readonly figures: readonly Figure[];
  /** Whether `--quick` measures a small form of it. */
  readonly isQuick: boolean;
  /** Null where another program measures it and only its rows are kept here. */
  readonly run: ((lab: Lab) => Promise<readonly Found[]>) | null;
}

/** Remoteler in front of PostgreSQL, and a user who may do what the benchmark does. */
export interface Product {
  readonly ground: Ground;
  readonly site: Site;
  readonly person: Person;
}

/** What a measurement is given. */
export interface Lab {
  /** A folder of its own that other users may enter. */
  readonly dir: string;
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  /** What of each run of transactions doesn't count. */
  readonly leadSeconds: number;
  readonly say: (text: string) => void;
  /** Something stood still: the whole run has failed. */
  readonly stalled: (text: string) => void;
  /** PostgreSQL with data behind Remoteler's three services, shared by all who want it. */
  readonly product: () => Promise<Product>;
  /** libpq straight to that ground's proxy, warmed up. */
  readonly native: () => Promise<Path>;
}
