import type { ByteStream, StreamReader } from "../core/stream.ts";

/**
 * Carries bytes both ways, with backpressure and half-close, until both streams are gone.
 * `early` is what was already read from `left`, and whether it had finished.
 */
export function splice(
  left: ByteStream,
  right: ByteStream,
  early: { readonly early: Uint8Array; readonly ended: boolean },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = 2;
  const gone = (): void => {
    open -= 1;
    if (open === 0) resolve();
  };
  const carry = (from: ByteStream, to: ByteStream): StreamReader => ({
    data: (chunk) => {
      if (!to.write(chunk)) from.pause();
    },
    ended: () => to.end(),
    // What `from` may take more of is what `to` delivers.
    drained: () => to.resume(),
    closed: (fault) => {
      if (fault === null) to.end();
      else to.abort(fault);
      gone();
    },
  });
  right.attach(carry(right, left));
  left.attach(carry(left, right));
  if (early.early.length > 0 && !right.write(early.early)) left.pause();
  if (early.ended) right.end();
  return promise;
}
