/** Where the log can be kept; another sink is a file here and a line below. */
export type { AuditSink, ChainedLines } from "./sink.ts";
import { openFileSink } from "./file.ts";

export const sinks = {
  file: openFileSink,
} as const;

export type SinkName = keyof typeof sinks;
