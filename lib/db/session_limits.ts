/** Ends a session that came to a limit of its user's roles, and says which. */
import type { SessionLimits } from "../access/mod.ts";
import type { Clock, EpochMs, Timer } from "../core/clock.ts";
import type { CodeOf } from "../core/codes.ts";
import type { Refusal } from "../wire/protocol.ts";

/** A limit that was reached: for the client, and the code for the audit log. */
export interface Breach {
  readonly code: CodeOf<"db">;
  readonly refusal: Refusal;
}

/** What a session has come to, asked now and then. */
export interface Progress {
  /** Bytes of both directions. */
  readonly bytes: number;
  /** Id of the statement that has waited longest for its result; null where none is open. */
  readonly oldestStatement: number | null;
}

export interface WatchParts {
  readonly limits: SessionLimits;
  readonly clock: Clock;
  /** When the user's certificate ends. */
  readonly expires: EpochMs;
  readonly progress: () => Progress;
  readonly onBreach: (breach: Breach) => void;
}

/** The database's own timeout comes first and costs the statement only; ours ends the session. */
export const statementGraceMs = 1_000;
const lookMsMin = 100;
const lookMsMax = 5_000;
/** Timers can't be longer than 24 days. */
const timerMsMax = 86_400_000;

/**
 * Looks at times only now and then, in tenths of the shortest limit, so that bytes and statements
 * on their way cost nothing. A limit is never early, and late by one look at most.
 */
export class LimitWatch {
  readonly #parts: WatchParts;
  readonly #startedAt: number;
  readonly #certificateAt: number;
  #timer: Timer | null = null;
  #bytes = 0;
  #quietSince: number;
  #statement: number | null = null;
  #statementSince: number;

  constructor(parts: WatchParts) {
    const { clock, limits, expires } = parts;
    this.#parts = parts;
    this.#startedAt = clock.monotonic();
    this.#quietSince = this.#startedAt;
    this.#statementSince = this.#startedAt;
    this.#certificateAt = limits.endsWithCertificate
      ? this.#startedAt + Math.max(0, expires - clock.now())
      : Infinity;
    this.#wait();
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #wait(): void {
    const { limits: { idleMs, statementMs, sessionMs }, clock } = this.#parts;
    const tenth = Math.min(idleMs, statementMs) / 10;
    const look = tenth === Infinity
      ? Infinity
      : Math.min(lookMsMax, Math.max(lookMsMin, Math.round(tenth)));
    const end = Math.min(this.#startedAt + sessionMs, this.#certificateAt) - clock.monotonic();
    const ms = Math.min(look, Math.max(0, Math.ceil(end)));
    this.#timer = ms === Infinity ? null : clock.after(Math.min(ms, timerMsMax), () => {
      const breach = this.#look();
      if (breach === null) this.#wait();
      else this.#parts.onBreach(breach);
    });
  }

  #look(): Breach | null {
    const { limits, clock } = this.#parts;
    const now = clock.monotonic();
    const { bytes, oldestStatement } = this.#parts.progress();
    if (bytes !== this.#bytes || oldestStatement !== null) this.#quietSince = now;
    this.#bytes = bytes;
    if (oldestStatement !== this.#statement) this.#statementSince = now;
    this.#statement = oldestStatement;
    if (now >= this.#certificateAt) return breaches.certificate();
    if (now - this.#startedAt >= limits.sessionMs) return breaches.session(limits.sessionMs);
    if (now - this.#quietSince >= limits.idleMs) return breaches.idle(limits.idleMs);
    const runs = this.#statement === null ? 0 : now - this.#statementSince;
    return runs >= limits.statementMs + statementGraceMs
      ? breaches.statement(limits.statementMs)
      : null;
  }
}

function breach(
  code: Breach["code"],
  kind: Refusal["kind"],
  message: string,
  hint: string,
): Breach {
  const refusal = { kind, message: `terminating connection: ${message}`, hint };
  return { code, refusal };
}

/** `90 s`, `1.5 s` */
function seconds(ms: number): string {
  return `${ms / 1000} s`;
}

const again = "connect again; an administrator can change the limit in your roles";

export const breaches = {
  idle: (ms: number): Breach =>
    breach("db.idle", "idle", `idle for ${seconds(ms)}, as long as your roles allow`, again),
  session: (ms: number): Breach =>
    breach(
      "db.session-ttl",
      "ended",
      `the session has lasted ${seconds(ms)}, as long as your roles allow`,
      again,
    ),
  certificate: (): Breach =>
    breach(
      "db.certificate-ended",
      "ended",
      "your certificate has expired, and your roles end sessions with it",
      "log in again with: tsh login, then tsh db login",
    ),
  statement: (ms: number): Breach =>
    breach(
      "db.statement-timeout",
      "timeout",
      `a statement took longer than ${seconds(ms)}, as long as your roles allow`,
      "make the statement smaller; an administrator can change the limit in your roles",
    ),
  rows: (max: number): Breach =>
    breach(
      "db.rows-max",
      "quota",
      `more than ${max} rows in one session, as many as your roles allow`,
      "ask for less, with WHERE or LIMIT",
    ),
  bytes: (max: number): Breach =>
    breach(
      "db.bytes-max",
      "quota",
      `more than ${max} bytes in one session, as many as your roles allow`,
      "ask for less, with WHERE or LIMIT",
    ),
  rate: (max: number): Breach =>
    breach(
      "db.statements-rate",
      "quota",
      `more than ${max} statements in one minute, as many as your roles allow`,
      "wait a minute; this statement was not run",
    ),
} as const;
