import type { StatementResult } from "../protocol.ts";

/** The result of commands of which nothing more will be heard. */
export function notRun(outcome: "truncated" | "unknown"): StatementResult {
  return {
    outcome,
    success: false,
    error: null,
    rows: 0,
    results: [],
    bytesSent: 0,
    bytesReceived: 0,
    copy: null,
    transactionStatus: "",
    cancelled: false,
  };
}
