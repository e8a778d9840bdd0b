import type { ChainEnd } from "../chain.ts";

/** Lines of the log, chained, as every sink keeps them byte for byte. */
export interface ChainedLines {
  /** The lines with their newlines. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** The chain's end once they are stored. */
  readonly end: ChainEnd;
  /** The moment of writing; decides the daily file. */
  readonly now: number;
}

/** A place where the log is kept. */
export interface AuditSink {
  /** Resolves once the lines survive a crash; having rejected it holds none of them. */
  write(lines: ChainedLines): Promise<void>;
  close(): Promise<void>;
}
