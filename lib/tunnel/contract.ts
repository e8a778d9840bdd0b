import type { Clock } from "../core/clock.ts";
import type { Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import type { TunnelLimits } from "./limits.ts";
import type { ResetCode } from "./reset.ts";

/**
 * "opening" until the other side answers, "accepted" after ACCEPT, "answered" when the other side
 * finished without accepting (a refusal in the client's protocol, as bytes), "closed" at the end.
 */
export type StreamState = "opening" | "accepted" | "answered" | "closed";

/** One stream of a tunnel. */
export interface TunnelStream extends ByteStream {
  readonly id: number;
  /** OPEN's header, unread by the tunnel; empty on the side that opened the stream. */
  readonly header: Uint8Array;
  readonly state: StreamState;
  /** Any DATA came from the peer; with `state` "opening" it came before ACCEPT. */
  readonly hasReceived: boolean;
  /** Says that the target is connected. For the side that did not open the stream; once. */
  accept(): void;
  /** Tears the stream down and tells the peer why; `message` is cut to 1 KiB. */
  reset(code: ResetCode, message: string): void;
  /**
   * Resolves at ACCEPT. Rejects with a Fault when the stream ends first: after RESET its
   * `fields.reset` is the code and `message` the peer's words; after the loss of the tunnel
   * `fields.reset` is "retry"; when the peer wrote its answer and finished, its code is
   * `tunnel.answered` and there is no `fields.reset`. A rejection nobody awaits is no error.
   */
  readonly accepted: Promise<void>;
}

/** Both sides of a tunnel alike: many streams over one channel. */
export interface TunnelSession {
  /**
   * Opens a stream; DATA may follow at once. Throws a Fault: `tunnel.draining` or `tunnel.closed`
   * (take another tunnel), `tunnel.streams-limit`.
   */
  open(header: Uint8Array): TunnelStream;
  /** Drains: open streams finish, new ones are turned away, then the session closes. */
  goaway(reason: string): void;
  /** Either side has said GOAWAY, or the session is closed. */
  readonly draining: boolean;
  readonly openStreams: number;
  readonly remoteAddress: string;
  /** The body of the peer's HELLO; rejects when the session ends before it. */
  readonly peerHello: Promise<Uint8Array>;
  /** Settles when the channel is gone; null after an orderly end. */
  readonly closed: Promise<Fault | null>;
  /** Ends the session and all its streams now. */
  close(reason?: Fault): void;
}

export interface SessionOptions {
  /** The side that dialled opens odd stream ids, the other even ones. */
  readonly side: "client" | "server";
  readonly clock: Clock;
  /** Body of our HELLO. */
  readonly hello: Uint8Array;
  readonly limits?: Partial<TunnelLimits>;
  /** A stream the peer opened. It delivers nothing before it is attached to. */
  readonly onOpen: (stream: TunnelStream) => void;
  /** The peer drains: open new streams elsewhere. */
  readonly onGoaway?: (reason: string) => void;
  /** @default 3000 */
  readonly keepaliveMs?: number;
  /** Runs the flush at the end of the tick. @default queueMicrotask */
  readonly defer?: (run: () => void) => void;
}
