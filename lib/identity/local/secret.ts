/** Secrets that are shown once and kept as a hash: invite links, join tokens. */
import type { Random } from "../../core/random.ts";

/** 128 unpredictable bits in 32 hexadecimal digits. */
export function newSecret(random: Random): string {
  return random.bytes(16).toHex();
}

/** SHA-256 in hex; enough for a secret of 128 random bits, which can't be guessed by trying. */
export async function secretHash(secret: string): Promise<string> {
  const bytes = new TextEncoder().encode(secret);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
