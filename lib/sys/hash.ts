import { createHash } from "node:crypto";

/** SHA-1: 20 bytes. For the formality of RFC 6455 only. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha1").update(bytes).digest());
}
