/** What the built-in shell and `db exec` know of a session, whatever protocol it speaks. */

import type { Split } from "./split.ts";

/** What one statement gave. */
export interface SqlResult {
  /** Null for a statement without rows. */
  readonly columns: readonly string[] | null;
  readonly rows: readonly (readonly (string | null)[])[];
  /** As `INSERT 0 1`; empty for an empty statement. */
  readonly tag: string;
}

/** What comes beside results. */
export interface SqlListener {
  notice(fields: ReadonlyMap<string, string>): void;
  /** Data of COPY TO STDOUT. */
  copied(text: string): void;
}

/** What differs from one language of databases to the other. */
export interface Dialect {
  /** Where the statements of a text end. */
  split(text: string): Split;
  /** What the shell's `\l`, `\d` and `\d NAME` ask. */
  readonly databases: string;
  readonly relations: string;
  columnsOf(name: string): string;
}

/** A session that is logged in. */
export interface ShellSession {
  readonly dialect: Dialect;
  /** `I` idle, `T` in a transaction, `E` in a failed one. */
  readonly status: string;
  /** Sends a text that may hold several statements; throws `SqlError` for the one that failed. */
  run(text: string, listener: SqlListener, signal: AbortSignal): Promise<SqlResult[]>;
  /** Asks the database to stop what runs; what it says then comes as the answer of `run`. */
  cancel(): Promise<void>;
  close(): void;
}
