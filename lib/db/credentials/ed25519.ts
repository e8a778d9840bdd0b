/**
 * Signatures for MariaDB's ed25519 ("Authentication Plugin - ed25519"): those of RFC 8032 §5.1.6,
 * but that the seed is the password as it is, of any length.
 */
import { etc, Point } from "@noble/ed25519";

/** 64 bytes: the point R and the number S. */
export async function signByPassword(
  password: string,
  message: Uint8Array,
): Promise<Uint8Array> {
  const expanded = await sha512(new TextEncoder().encode(password));
  const head = expanded.slice(0, 32);
  // RFC 8032 §5.1.5: the lowest three bits are cleared, the highest but one is set.
  head[0] = (head[0] ?? 0) & 0xf8;
  head[31] = ((head[31] ?? 0) & 0x7f) | 0x40;
  const secret = numberOf(head) % order;
  const nonce = numberOf(await sha512(expanded.subarray(32), message)) % order;
  const [point, own] = [Point.BASE.multiply(nonce), Point.BASE.multiply(secret)];
  const challenge = numberOf(await sha512(point.toBytes(), own.toBytes(), message)) % order;
  const signature = new Uint8Array(64);
  signature.set(point.toBytes());
  signature.set(bytesOf((nonce + challenge * secret) % order), 32);
  return signature;
}

const order = Point.CURVE().n;

async function sha512(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", etc.concatBytes(...parts)));
}

/** Little endian, both. */
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`);
}

function bytesOf(number: bigint): Uint8Array {
  return Uint8Array.fromHex(number.toString(16).padStart(64, "0")).reverse();
}
