/**
 * Where an agent or proxy records events before anything else happens: append-only segments on its
 * own disk, shipped to the Auth Service by `shipper.ts`. On the hot path of every statement, so it
 * calls back instead of promising.
 */
import type { Fault } from "../core/fault.ts";
import type { AuditEvent, StatementEvent } from "./catalog.ts";
import type { EventContext } from "./context.ts";

/**
 * How safe a statement's record is before the statement goes on: `strict` is written to the spool's
 * file (survives the death of the process), `durable` is fsynced (survives a power cut),
 * `best_effort` never waits and never fails.
 */
export type AuditMode = "strict" | "durable" | "best_effort";

export interface Spool {
  /** Records an event that stands for itself. */
  event(event: AuditEvent): void;
  /** Records that a statement is about to go on: `outcome: "started"`, `success: null`. */
  intent(event: StatementEvent, context: EventContext): void;
  /**
   * Records further parts of a text that comes in pieces, and the intent of its statement as it now
   * stands, in place of the one before.
   */
  streamed(
    parts: readonly StatementEvent[],
    intent: StatementEvent,
    context: EventContext,
  ): void;
  /** Records the whole event of a statement; with the `uid` of its intent it takes its place. */
  result(event: StatementEvent, context: EventContext): void;
  /**
   * Calls `done` once everything recorded so far is as safe as `mode` asks, with a fault where it
   * can't be (`limit`, `audit.spool-full`). `strict` and `best_effort` call in a microtask of this
   * tick, never before `settle` returns.
   */
  settle(mode: AuditMode, done: (fault: Fault | null) => void): void;
  /**
   * Calls `done` once the spool is at most half full, or the Auth Service has taken nothing for
   * some seconds: a text that comes in pieces waits for room rather than fill the spool by itself.
   */
  room(done: () => void): void;
  /** Null while `strict` sessions may begin; else why not. Cheap: ask it before each session. */
  readonly fault: Fault | null;
  readonly health: SpoolHealth;
  /** Writes and fsyncs what is pending; the spool is useless afterwards. */
  close(): Promise<void>;
}

export interface SpoolHealth {
  readonly full: boolean;
  readonly bytes: number;
  readonly limitBytes: number;
  readonly segments: number;
  /** Statements that have no result yet. */
  readonly openIntents: number;
  /** Events that the Auth Service has not acknowledged. */
  readonly unshipped: number;
  /** Events that could not be kept (best-effort sessions, or a disk that stays full). */
  readonly lost: number;
}
