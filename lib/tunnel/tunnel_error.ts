import { Fault, type FaultCode } from "../core/fault.ts";

/** Why a session ends, as the number in GOAWAY (spec.md, GOAWAY). */
export const goawayCodes = {
  /** Orderly: open streams finish, new ones go elsewhere. */
  drain: 0,
  /** A frame that breaks a rule of the specification. */
  protocol: 1,
  /** DATA beyond the credit, or a credit beyond the largest window. */
  flow: 2,
  /** The peer makes more work than it reads answers for. */
  limit: 3,
  /** A mistake on the side that says it. */
  internal: 4,
  /** Nothing was heard for too long. */
  timeout: 5,
} as const;

export type GoawayCode = typeof goawayCodes[keyof typeof goawayCodes];

/** The peer broke a rule of spec.md; carries the GOAWAY code that it causes. */
export class TunnelError extends Error {
  override readonly name = "TunnelError";
  readonly code: FaultCode;
  readonly goaway: GoawayCode;

  constructor(code: FaultCode, goaway: GoawayCode, message: string) {
    super(message);
    this.code = code;
    this.goaway = goaway;
  }

  /** What streams and the session end with. */
  toFault(): Fault {
    return new Fault({
      kind: "protocol",
      code: this.code,
      message: this.message,
      shown: "the connection was lost",
      fields: { goaway: this.goaway },
      cause: this,
    });
  }
}
