/** NDJSON streams: items as lines, with an empty line now and then that says "alive". */
import type { Clock } from "../core/clock.ts";

const encoder = new TextEncoder();
const newline = Uint8Array.of(10);

/** An empty line goes out when this long has passed since the last. */
export const heartbeatMs = 3_000;
/** A reader that got nothing for this long takes the connection for lost. */
export const silenceMs = 9_000;

/** What makes the stream go on: an item, the end, a failure, or time for a sign of life. */
type News =
  | { readonly kind: "item"; readonly value: unknown }
  | { readonly kind: "end" }
  | { readonly kind: "failure"; readonly thrown: unknown }
  | { readonly kind: "beat" };

/**
 * Each item as a line of JSON, and an empty line each {@linkcode heartbeatMs}. Ends when `items`
 * end; a failure of theirs is the last line, as `failed` makes it. `leave` is called at the end and
 * must make `items` end where they still wait.
 */
export async function* ndjson(
  items: AsyncIterable<unknown>,
  clock: Clock,
  failed: (thrown: unknown) => unknown,
  leave: () => void,
): AsyncGenerator<Uint8Array> {
  const iterator = items[Symbol.asyncIterator]();
  // At most one item, since the next is asked for when it was taken, and one beat.
  const inbox: News[] = [];
  let wake = () => {};
  const tell = (news: News): void => {
    inbox.push(news);
    wake();
  };
  const ask = (): Promise<void> =>
    iterator.next().then(
      ({ done, value }) => tell(done === true ? { kind: "end" } : { kind: "item", value }),
      (thrown: unknown) => tell({ kind: "failure", thrown }),
    );
  const beat = clock.every(heartbeatMs, () => {
    if (inbox.length === 0) tell({ kind: "beat" });
  });
  try {
    void ask();
    for (;;) {
      const news = inbox.shift();
      if (news === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else if (news.kind === "item") {
        void ask();
        yield line(news.value);
      } else if (news.kind === "beat") {
        yield newline;
      } else {
        if (news.kind === "failure") yield line(failed(news.thrown));
        return;
      }
    }
  } finally {
    beat.cancel();
    leave();
    await iterator.return?.();
  }
}

function line(item: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(item) + "\n");
}

/**
 * Passes lines on and throws `silent()` when none, not even an empty one, came for
 * {@linkcode silenceMs}. Empty lines are dropped.
 */
export async function* whileAlive(
  lines: AsyncIterable<string>,
  clock: Clock,
  silent: () => Error,
): AsyncGenerator<string> {
  const iterator = lines[Symbol.asyncIterator]();
  let stalled = false;
  try {
    for (;;) {
      const next = iterator.next();
      const { promise, resolve } = Promise.withResolvers<null>();
      const timer = clock.after(silenceMs, () => resolve(null));
      const result = await Promise.race([next, promise]).finally(() => timer.cancel());
      if (result === null) {
        stalled = true;
        next.catch(() => {});
        throw silent();
      }
      if (result.done === true) return;
      if (result.value !== "") yield result.value;
    }
  } finally {
    // A stalled iterator would not answer `return` before its `next`: the signal ends it instead.
    if (!stalled) await iterator.return?.();
  }
}
