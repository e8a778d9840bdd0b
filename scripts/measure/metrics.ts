/** What a service tells of itself at its `diag_addr`. */

/** The page that Prometheus reads. */
export async function metricsOf(address: string): Promise<string> {
  const answer = await fetch(`http://${address}/metrics`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return text;
}

/** Counts of a histogram up to each bound, without labels of its own. */
function bucketsOf(page: string, name: string): readonly (readonly [number, number])[] {
  return [...page.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\d+)$`, "gm"))]
    .map(([, bound, count]) => [bound === "+Inf" ? Infinity : Number(bound), Number(count)]);
}

/**
 * The value below which this share of what was observed between two pages lies, as far as the
 * buckets tell: their upper bound, so rather too much than too little.
 */
export function percentileBetween(
  before: string,
  after: string,
  name: string,
  share: number,
): number {
  const earlier = new Map(bucketsOf(before, name));
  const counts = bucketsOf(after, name).map(([bound, count]) =>
    [bound, count - (earlier.get(bound) ?? 0)] as const
  );
  const all = counts.at(-1)?.[1] ?? 0;
  const found = counts.find(([, count]) => count >= all * share);
  const [largest = 0] = counts.findLast(([bound]) => bound < Infinity) ?? [];
  return found === undefined || found[0] === Infinity ? largest : found[0];
}
