import type { Refusal, RefusalKind } from "../protocol.ts";
import { message, server } from "./message.ts";

/** SQLSTATE of each refusal (PostgreSQL manual, appendix A). */
export const sqlStates: Readonly<Record<RefusalKind, string>> = {
  unauthenticated: "28000",
  denied: "42501",
  invalid: "22023",
  protocol: "08P01",
  target: "08004",
  network: "08006",
  limit: "53300",
  idle: "57P05",
  timeout: "57014",
  quota: "53400",
  unavailable: "57P03",
  ended: "57P01",
  internal: "XX000",
};

/** ErrorResponse of severity FATAL: the session ends after it. NULs are left out of the words. */
export function refuse(refusal: Refusal): Uint8Array {
  return message(server.error, (out) => {
    const field = (type: string, text: string) =>
      out.u8(type.charCodeAt(0)).cstring(text.replaceAll("\0", ""));
    field("S", "FATAL");
    field("V", "FATAL");
    field("C", sqlStates[refusal.kind]);
    field("M", refusal.message);
    if (refusal.hint !== undefined) field("H", refusal.hint);
    out.u8(0);
  });
}
