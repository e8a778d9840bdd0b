import type { Reply } from "./protocol.ts";

/** The bytes a driver answered with; anything else is a fault of the driver. */
export function asBytes(reply: Reply): Uint8Array {
  if (reply instanceof Uint8Array) return reply;
  throw new TypeError("Driver broke its contract: this step is answered with bytes");
}

/** The text a driver answered with; anything else is a fault of the driver. */
export function asText(reply: Reply): string {
  if (typeof reply === "string") return reply;
  throw new TypeError("Driver broke its contract: this step is answered with text");
}
