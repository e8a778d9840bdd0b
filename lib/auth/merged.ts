/** What several sources give, as it comes. */

/**
 * Ends with the first source that ends, or with its fault, and when the signal aborts. At most one
 * item of each source waits here; what waits longer waits in the source.
 */
export async function* merged<T extends object>(
  sources: readonly AsyncIterator<T>[],
  signal: AbortSignal,
): AsyncGenerator<T, void, void> {
  const arrived: (() => T | null)[] = [];
  let wake: () => void = () => {};
  const tell = (result: () => T | null): void => {
    arrived.push(result);
    wake();
  };
  const pull = (source: AsyncIterator<T>): void => {
    source.next().then((step) =>
      tell(() => {
        if (step.done === true) return null;
        pull(source);
        return step.value;
      }), (thrown) =>
      tell(() => {
        throw thrown;
      }));
  };
  const stop = (): void => tell(() => null);
  signal.addEventListener("abort", stop, { once: true });
  sources.forEach(pull);
  try {
    while (!signal.aborted) {
      const next = arrived.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      const item = next();
      if (item === null) return;
      yield item;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
