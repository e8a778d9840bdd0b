/** What stands between a statement that a client sent and its record. */
import type { Refusal, StreamedStatement } from "../wire/protocol.ts";
import type { SessionRecord } from "./record.ts";
import type { Breach } from "./session_limits.ts";

export interface AdmitParts {
  readonly record: SessionRecord;
  /** Asked before each statement; null where no role bounds their rate. */
  readonly mayRun: ((count: number) => Breach | null) | null;
  /** Has to end the session. */
  readonly onBreach: (breach: Breach) => void;
}

/**
 * Whether a statement (or so many of them) may not run; then that is recorded and the session ends.
 */
export function isRefused(
  { record, mayRun, onBreach }: AdmitParts,
  text: string,
  count: number = 1,
): boolean {
  const breach = mayRun === null ? null : mayRun(count);
  if (breach === null) return false;
  const { code, refusal: { message } } = breach;
  record.refused(text, { code, message });
  onBreach(breach);
  return true;
}

/** Records what a session asked for and is told in its protocol that it may not. */
export function recordRefused({ record }: AdmitParts, text: string, refusal: Refusal): void {
  record.refused(text, { code: `wire.refused-${refusal.kind}`, message: refusal.message });
}

/** Records that a statement too long to be held begins; a Parse runs nothing by itself. */
export function begin(parts: AdmitParts, statement: StreamedStatement, text: string): void {
  if (statement.command !== "prepare" && isRefused(parts, text)) return;
  parts.record.begin(statement, text);
}
