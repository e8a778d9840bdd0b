import type { StatementError, StatementResult } from "../protocol.ts";
import { limits } from "./limits.ts";
import { type ErrorReply, status } from "./replies.ts";

type Outcome = StatementResult["outcome"];

/** Killed by KILL QUERY, by max_execution_time, by max_statement_time. */
const cancels: ReadonlySet<number> = new Set([1317, 3024, 1969]);

/** Adds up what the database answers to one command. */
export class Tally {
  /** Rows of the result at hand. */
  shownRows = 0;
  bytesSent = 0;
  /** Bytes of the files that were asked of the client; null: none was. */
  fileBytes: number | null = null;
  error: StatementError | null = null;
  #cancelled = false;
  #rows = 0;
  readonly #results: { tag: string; rows: number }[] = [];

  /** Nothing came back so far. */
  get isEmpty(): boolean {
    return this.#results.length === 0 && this.shownRows === 0;
  }

  /** The end of a set of rows. */
  rowsEnded(): void {
    this.#result("rows", this.shownRows);
    this.shownRows = 0;
  }

  /** A statement without rows. */
  ok(affectedRows: number): void {
    this.#result("ok", affectedRows);
  }

  failed({ number, message }: ErrorReply): void {
    this.error = { code: String(number), severity: "ERROR", message };
    this.#cancelled = cancels.has(number);
  }

  #result(tag: string, rows: number): void {
    if (this.#results.length < limits.results) this.#results.push({ tag, rows });
    this.#rows += rows;
  }

  result(outcome: Outcome, bits: number | null): StatementResult {
    return {
      outcome,
      success: this.error === null && outcome !== "unknown",
      error: this.error,
      rows: this.#rows + this.shownRows,
      results: this.#results,
      bytesSent: this.bytesSent,
      bytesReceived: this.fileBytes ?? 0,
      copy: this.fileBytes === null ? null : { direction: "in", bytes: this.fileBytes },
      transactionStatus: bits === null
        ? ""
        : (bits & status.inTransaction) !== 0
        ? "transaction"
        : "idle",
      cancelled: this.#cancelled,
    };
  }
}

const nothing = new Tally();

/** The result of a statement of which the database ran nothing. */
export function notRun(
  outcome: Outcome,
  error: StatementError | null,
  transactionStatus: string,
): StatementResult {
  return { ...nothing.result(outcome, null), success: false, error, transactionStatus };
}
