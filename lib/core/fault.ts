import type { FaultCode } from "./codes.ts";

/** Who has to act; the rest (exit code, HTTP status, log level, SQLSTATE) follows from it. */
export type FaultKind =
  | "unauthenticated"
  | "denied"
  | "invalid"
  | "protocol"
  | "target"
  | "network"
  | "limit"
  | "conflict"
  | "missing"
  | "unavailable"
  | "cancelled"
  | "internal";

export type { FaultCode };

/** What a fault may carry besides its words: ids and numbers, never secrets or statements. */
export type FaultFields = Readonly<Record<string, string | number | boolean>>;

export interface FaultInit {
  readonly kind: FaultKind;
  readonly code: FaultCode;
  /** For operators: what happened, with ids; never a secret, never statement text. */
  readonly message: string;
  /** For the user, in the client's own protocol: what happened and why. */
  readonly shown?: string;
  /** What to do next; the command line prints it after `hint:`, some protocols have a HINT. */
  readonly hint?: string;
  readonly fields?: FaultFields;
  readonly cause?: unknown;
}

/** An expected failure. Anything else that is thrown is a bug of ours or a `WireError`. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly kind: FaultKind;
  readonly code: FaultCode;
  readonly shown: string;
  readonly hint: string | undefined;
  readonly fields: FaultFields;

  constructor(init: FaultInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.kind = init.kind;
    this.code = init.code;
    this.shown = init.shown ?? shownByDefault[init.kind];
    this.hint = init.hint;
    this.fields = init.fields ?? {};
  }
}

/** What users are told where nobody chose words for them. */
export const shownByDefault: Readonly<Record<FaultKind, string>> = {
  unauthenticated: "you are not logged in",
  denied: "access denied",
  invalid: "the request is not valid",
  protocol: "the client broke the protocol",
  target: "the database refused the connection",
  network: "the connection was lost",
  limit: "a limit was reached, try again later",
  conflict: "this was changed by somebody else at the same time, try again",
  missing: "not found",
  unavailable: "the service is not available",
  cancelled: "cancelled",
  internal: "internal error",
};

/** Exit code of a command that ended with a fault of this kind; documented in docs/errors.md. */
export const exitCodes: Readonly<Record<FaultKind, number>> = {
  unauthenticated: 4,
  denied: 5,
  invalid: 2,
  protocol: 1,
  target: 6,
  network: 6,
  limit: 7,
  conflict: 1,
  missing: 1,
  unavailable: 7,
  cancelled: 130,
  internal: 70,
};

/** HTTP status of an API answer for a fault of this kind. */
export const httpStatuses: Readonly<Record<FaultKind, number>> = {
  unauthenticated: 401,
  denied: 403,
  invalid: 400,
  protocol: 400,
  target: 502,
  network: 502,
  limit: 429,
  conflict: 409,
  missing: 404,
  unavailable: 503,
  cancelled: 499,
  internal: 500,
};

/** The fault itself, or an `internal` one that wraps whatever else was thrown. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  return new Fault({
    kind: "internal",
    code: "core.unexpected",
    message: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown),
    cause: thrown,
  });
}
