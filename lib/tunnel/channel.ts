import type { Fault } from "../core/fault.ts";

/**
 * What carries a tunnel: anything that takes messages and gives their bytes back in order on the
 * other side. Where one message ends and the next begins has no meaning to the tunnel.
 */
export interface Channel {
  /** Bytes to leave free at the front of each message, where the channel writes its own header. */
  readonly headroom: number;
  attach(reader: ChannelReader): void;
  /**
   * Sends `message` without its first `headroom` bytes, in one write; the channel owns and may
   * change it. False asks for patience until `drained`; the bytes are taken in either case.
   */
  send(message: Uint8Array): boolean;
  /** Says goodbye after what was sent; `closed` follows when the peer agrees. */
  close(code: number): void;
  /** Tears the channel down now. */
  abort(reason?: Fault): void;
  readonly remoteAddress: string;
}

export interface ChannelReader {
  /** Bytes of one message or of a part of it; they belong to the reader. */
  data(chunk: Uint8Array): void;
  drained(): void;
  /** Exactly once, last; null after both sides said goodbye. */
  closed(fault: Fault | null): void;
}
