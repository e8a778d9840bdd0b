import type { Clock } from "./clock.ts";
import type { Fault } from "./fault.ts";

/**
 * A half-closable byte stream that pushes: a socket, a TLS session, a tunnel stream or a test pipe.
 * The data plane uses it as it is; handshakes pull from it through {@linkcode PullReader}.
 *
 * Rules: nothing is delivered before the first `attach`; while paused nothing is delivered and the
 * peer is held back (bytes stay in the peer's and the kernel's buffers, not in ours); bytes given
 * to `write` belong to the stream and are not changed afterwards; chunks delivered belong to the
 * reader.
 */
export interface ByteStream {
  /** Delivers to `reader` from now on, replacing an earlier one, and resumes. */
  attach(reader: StreamReader): void;
  /** Stops delivery and holds the peer back; already buffered data is at most one chunk. */
  pause(): void;
  resume(): void;
  /**
   * Queues bytes; all bytes queued in one tick leave in one write. False asks the caller to stop
   * until `drained` is called; the bytes are taken in either case. After `end` or `abort` it does
   * nothing.
   */
  write(bytes: Uint8Array): boolean;
  /** Half-closes: what was written is sent, then the peer sees the end; reading goes on. */
  end(): void;
  /** Tears both halves down now, dropping what is queued. Safe to call twice. */
  abort(reason?: Fault): void;
  /** Bytes queued here and not yet taken by the layer below. */
  readonly queuedBytes: number;
  /**
   * `host:port` of the peer as this side sees it, for logs and events; empty where there is none.
   */
  readonly remoteAddress: string;
}

/**
 * Receives from a {@linkcode ByteStream}; called synchronously, never while paused (but for
 * closed).
 */
export interface StreamReader {
  data(chunk: Uint8Array): void;
  /** The peer finished writing; no more `data` follows. */
  ended(): void;
  /** The queue fell below its mark after a `write` that returned false. */
  drained(): void;
  /**
   * Both halves are gone; exactly once, last. `fault` is null after an orderly end of both halves.
   */
  closed(fault: Fault | null): void;
}

/** Ends our half, drops what still comes, and tears down what is left after `ms`. */
export function partFrom(stream: ByteStream, clock: Pick<Clock, "after">, ms: number): void {
  stream.end();
  const timer = clock.after(ms, () => stream.abort());
  stream.attach({
    data: () => {},
    ended: () => {},
    drained: () => {},
    closed: () => timer.cancel(),
  });
}
