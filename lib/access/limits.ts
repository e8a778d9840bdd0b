/** Limits of a session by role options: how each is written, and what several roles come to. */
import { durationMs } from "../core/duration.ts";
import { Fault } from "../core/fault.ts";

/** Limits as a role's options name them; durations as text. */
export interface LimitOptions {
  readonly idle_timeout?: string | undefined;
  readonly session_ttl?: string | undefined;
  readonly statement_timeout?: string | undefined;
  readonly disconnect_expired_cert?: boolean | undefined;
  readonly read_only?: boolean | undefined;
  readonly max_rows?: number | undefined;
  readonly max_bytes?: number | undefined;
  readonly max_sessions?: number | undefined;
  readonly statements_per_minute?: number | undefined;
}

/** What a session may do at most; `Infinity` where nothing bounds it. */
export interface SessionLimits {
  /** No statement open and no byte in either direction for so long. */
  readonly idleMs: number;
  /** From the welcome to the end. */
  readonly sessionMs: number;
  /** One statement, from its turn to its result. */
  readonly statementMs: number;
  /** Whether the session ends with the user's certificate. */
  readonly endsWithCertificate: boolean;
  /** The database is told so at the start; it alone can enforce it. */
  readonly readOnly: boolean;
  /** Rows towards the client, over the whole session. */
  readonly rows: number;
  /** Bytes of both directions, over the whole session. */
  readonly bytes: number;
  /** Sessions of one user on one agent at the same time. */
  readonly sessions: number;
  /** Of one user on one agent. */
  readonly statementsPerMinute: number;
}

/** The strictest of each. */
export function mergeLimits(options: readonly LimitOptions[]): SessionLimits {
  const least = (of: (one: LimitOptions) => number | undefined): number =>
    options.reduce((found, one) => Math.min(found, of(one) ?? Infinity), Infinity);
  const shortest = (of: (one: LimitOptions) => string | undefined): number =>
    least((one) => {
      const text = of(one);
      return text === undefined ? undefined : durationMs(text) ?? 0;
    });
  return {
    idleMs: shortest((one) => one.idle_timeout),
    sessionMs: shortest((one) => one.session_ttl),
    statementMs: shortest((one) => one.statement_timeout),
    endsWithCertificate: options.some((one) => one.disconnect_expired_cert === true),
    readOnly: options.some((one) => one.read_only === true),
    rows: least((one) => one.max_rows),
    bytes: least((one) => one.max_bytes),
    sessions: least((one) => one.max_sessions),
    statementsPerMinute: least((one) => one.statements_per_minute),
  };
}

/**
 * Refuses limits that nobody can have meant.
 * @throws Fault `access.bad-limit`
 */
export function checkLimits(options: LimitOptions): void {
  for (const name of ["idle_timeout", "session_ttl", "statement_timeout"] as const) {
    const text = options[name];
    if (text !== undefined && (durationMs(text) ?? 0) < 1000) {
      throw badLimit(`${name} is at least 1s`);
    }
  }
  const counts = ["max_rows", "max_bytes", "max_sessions", "statements_per_minute"] as const;
  for (const name of counts) {
    const count = options[name];
    if (count !== undefined && count < 1) throw badLimit(`${name} is at least 1`);
  }
}

function badLimit(shown: string): Fault {
  return new Fault({ kind: "invalid", code: "access.bad-limit", message: shown, shown });
}
