/** What is made of many measurements. */

/** Null of nothing. */
export function median(values: readonly number[]): number | null {
  return percentile(values, 0.5);
}

/** The value below which this share of the others lies, between two where it falls between. */
export function percentile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}

/** Each value over that of the same round, where there is one. */
export function ratios(of: readonly number[], to: readonly number[]): readonly number[] {
  return of.flatMap((value, round) => {
    const other = to[round];
    return other === undefined || other === 0 ? [] : [value / other];
  });
}

/** To so many significant digits, as files and tables have them. */
export function rounded(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}
