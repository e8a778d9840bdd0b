import type { Fault } from "../core/fault.ts";
import type { ByteStream, StreamReader } from "../core/stream.ts";

/** Delivers what `from` sends to `to`, held back while `to` is full; ends and aborts go on too. */
export function forwarder(
  from: ByteStream,
  to: ByteStream,
  closed: (fault: Fault | null) => void,
): StreamReader {
  return {
    data: (chunk) => {
      if (!to.write(chunk)) from.pause();
    },
    ended: () => to.end(),
    drained: () => to.resume(),
    closed: (fault) => {
      if (fault !== null) to.abort(fault);
      else to.end();
      closed(fault);
    },
  };
}

/**
 * Joins two streams both ways until both are gone; `early` are bytes that `a` already gave.
 * Resolves with the fault that came first, or null after an orderly end.
 */
export function splice(a: ByteStream, b: ByteStream, early: Uint8Array): Promise<Fault | null> {
  const { promise, resolve } = Promise.withResolvers<Fault | null>();
  let left = 2;
  let first: Fault | null = null;
  const closed = (fault: Fault | null) => {
    first ??= fault;
    left -= 1;
    if (left === 0) resolve(first);
  };
  if (early.length > 0) b.write(early);
  b.attach(forwarder(b, a, closed));
  a.attach(forwarder(a, b, closed));
  return promise;
}
