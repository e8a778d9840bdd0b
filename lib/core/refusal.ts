import type { Fault, FaultKind } from "./fault.ts";

/** How a protocol names each kind of fault to its client; the words are `lib/wire`'s. */
const kinds = {
  unauthenticated: "unauthenticated",
  denied: "denied",
  invalid: "invalid",
  protocol: "protocol",
  target: "target",
  network: "network",
  limit: "limit",
  conflict: "unavailable",
  missing: "invalid",
  unavailable: "unavailable",
  cancelled: "ended",
  internal: "internal",
} as const satisfies Record<FaultKind, string>;

/** What a client is told of a fault, as `Protocol.refuse` takes it. */
export interface RefusalOfFault {
  readonly kind: (typeof kinds)[FaultKind];
  readonly message: string;
  readonly hint?: string;
}

/** The words of a fault that are for the client: what is shown, and the hint. */
export function refusalOf(fault: Fault): RefusalOfFault {
  return {
    kind: kinds[fault.kind],
    message: fault.shown,
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
  };
}
