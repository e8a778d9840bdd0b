/** How long to wait between attempts. */
export interface BackoffLimits {
  /** Wait after the first failure, before jitter. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
}

/** Quick for the first minute or so, then patient, so that a peer that is back is found soon. */
export const reconnectLimits: BackoffLimits = { firstMs: 200, maxMs: 3_000 };

/**
 * Milliseconds to wait after failure number `attempt` (from 0): doubling up to the limit, then a
 * random part of it between a half and the whole, so that many clients don't come back at once.
 * `fraction` is a random number from 0 to just under 1.
 */
export function backoff(
  attempt: number,
  fraction: number,
  limits: BackoffLimits = reconnectLimits,
): number {
  const doublings = Math.min(Math.max(0, attempt), 30);
  const whole = Math.min(limits.maxMs, limits.firstMs * 2 ** doublings);
  return whole / 2 + (whole / 2) * fraction;
}

/** A fraction from 0 to just under 1 out of four random bytes. */
export function fractionOf(bytes: Uint8Array): number {
  let whole = 0;
  for (const byte of bytes.subarray(0, 4)) whole = whole * 256 + byte;
  return whole / 2 ** 32;
}
