import { Fault, type FaultKind } from "../core/fault.ts";

/** Why one stream was torn down, as RESET says it. */
export type ResetCode = "retry" | "refused" | "cancelled" | "protocol" | "internal" | "ended";

const numbers: Readonly<Record<ResetCode, number>> = {
  retry: 1,
  refused: 2,
  cancelled: 3,
  protocol: 4,
  internal: 5,
  ended: 6,
};

const kinds: Readonly<Record<ResetCode, FaultKind>> = {
  retry: "unavailable",
  refused: "denied",
  cancelled: "cancelled",
  protocol: "protocol",
  internal: "internal",
  ended: "network",
};

export function resetNumber(code: ResetCode): number {
  return numbers[code];
}

/** The code of a number, or null where no code has it. */
export function resetCodeOf(number: number): ResetCode | null {
  for (const code of resetCodes) if (numbers[code] === number) return code;
  return null;
}

/** What a stream ends with that was reset: `fields.reset` is the code, `message` the words. */
export function resetFault(code: ResetCode, message: string): Fault {
  return new Fault({
    kind: kinds[code],
    code: `tunnel.reset-${code}`,
    message: message === "" ? `The stream was reset (${code})` : message,
    fields: { reset: code },
  });
}

/** The code that tells the peer best why a stream is aborted here. */
export function resetCodeFor(reason: Fault | undefined): ResetCode {
  if (reason === undefined) return "cancelled";
  const named = resetCodes.find((code) => code === reason.fields["reset"]);
  return named ?? codeByKind[reason.kind];
}

const codeByKind: Readonly<Record<FaultKind, ResetCode>> = {
  unauthenticated: "refused",
  denied: "refused",
  invalid: "refused",
  protocol: "protocol",
  target: "ended",
  network: "ended",
  limit: "refused",
  conflict: "refused",
  missing: "refused",
  unavailable: "retry",
  cancelled: "cancelled",
  internal: "internal",
};

const resetCodes: readonly ResetCode[] = [
  "retry",
  "refused",
  "cancelled",
  "protocol",
  "internal",
  "ended",
];
