const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of a duration as people write it (`90s`, `1h30m`); null where it is none. */
export function durationMs(given: string): number | null {
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(given)) return null;
  let total = 0;
  for (const [, number = "", unit = ""] of given.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    total += Number(number) * (unitMs[unit] ?? 0);
  }
  return total;
}
