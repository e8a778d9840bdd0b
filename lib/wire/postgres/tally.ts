import type { StatementError, StatementResult } from "../protocol.ts";
import { limits } from "./limits.ts";

type Outcome = StatementResult["outcome"];
type Copy = NonNullable<StatementResult["copy"]>;

/** Adds up what the database answers to one statement. */
export class Tally {
  /** DataRows since the last tag. */
  shownRows = 0;
  bytesSent = 0;
  bytesReceived = 0;
  error: StatementError | null = null;
  copyDirection: Copy["direction"] | null = null;
  copyBytes = 0;
  /** The client itself gave up its COPY (CopyFail), which has the code of a cancel. */
  copyFailed = false;
  #rows = 0;
  #results: { tag: string; rows: number }[] = [];

  /**
   * A CommandComplete: its number where it has one ("INSERT 0 5"), else the rows that were shown.
   */
  complete(tag: string): void {
    const number = /(?:^| )(\d{1,15})$/.exec(tag)?.[1];
    const rows = number === undefined ? this.shownRows : Number(number);
    if (this.#results.length < limits.results) this.#results.push({ tag, rows });
    this.#rows += rows;
    this.shownRows = 0;
  }

  /** Nothing came back so far. */
  get isEmpty(): boolean {
    return this.#results.length === 0 && this.shownRows === 0;
  }

  result(outcome: Outcome, transactionStatus: string): StatementResult {
    return {
      outcome,
      success: this.error === null && outcome !== "unknown",
      error: this.error,
      rows: this.#rows + this.shownRows,
      results: this.#results,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      copy: this.copyDirection === null
        ? null
        : { direction: this.copyDirection, bytes: this.copyBytes },
      transactionStatus,
      cancelled: this.error?.code === "57014" && !this.copyFailed,
    };
  }
}

const nothing = new Tally();

/** The result of a statement of which the database ran nothing. */
export function notRun(
  outcome: Outcome,
  error: StatementError | null,
  status: string,
): StatementResult {
  return { ...nothing.result(outcome, status), success: false, error };
}
