import type { Refusal, RefusalKind } from "../protocol.ts";
import { errorPacket } from "./replies.ts";

/** Error number and SQLSTATE of each refusal ("Server Error Message Reference"). */
const numbers: Readonly<Record<RefusalKind, readonly [number, string]>> = {
  unauthenticated: [1045, "28000"],
  denied: [1142, "42000"],
  invalid: [1210, "HY000"],
  protocol: [1835, "HY000"],
  // Numbers from 2000 to 2999 are the clients' own: MariaDB's take them for a broken packet.
  target: [1429, "HY000"],
  network: [1158, "08S01"],
  limit: [1040, "08004"],
  idle: [4031, "HY000"],
  timeout: [3024, "HY000"],
  quota: [1226, "42000"],
  unavailable: [1053, "08S01"],
  ended: [3169, "HY000"],
  internal: [1105, "HY000"],
};

/** Longer ones are cut by clients (MYSQL_ERRMSG_SIZE is 512 bytes). */
function words({ message, hint }: Refusal): string {
  const text = hint === undefined ? message : `${message} (hint: ${hint})`;
  return text.replaceAll("\0", "");
}

/** An ERR packet of that number within a session. */
export function refuseWithin(refusal: Refusal, sequence: number): Uint8Array {
  const [number, sqlState] = numbers[refusal.kind];
  return errorPacket(sequence, { number, sqlState, message: words(refusal) });
}

/**
 * An ERR packet that ends a session before it began. In place of a greeting, so as packet 0, it has
 * no SQLSTATE: nobody has said yet which form of it is understood.
 */
export function refuse(refusal: Refusal, sequence: number = 0): Uint8Array {
  if (sequence > 0) return refuseWithin(refusal, sequence);
  return errorPacket(0, {
    number: numbers[refusal.kind][0],
    sqlState: "",
    message: words(refusal),
  });
}
