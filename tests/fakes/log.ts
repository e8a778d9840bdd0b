import type { Log } from "../../lib/core/log.ts";

/** A log that keeps its lines as `level text`, for tests that care and for those that don't. */
export class RecordingLog implements Log {
  readonly lines: string[] = [];

  debug(text: string): void {
    this.lines.push(`debug ${text}`);
  }

  info(text: string): void {
    this.lines.push(`info ${text}`);
  }

  warn(text: string): void {
    this.lines.push(`warn ${text}`);
  }

  error(text: string): void {
    this.lines.push(`error ${text}`);
  }

  child(): Log {
    return this;
  }
}
