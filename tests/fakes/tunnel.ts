import { concat } from "../../lib/bytes/writer.ts";
import type { Fault } from "../../lib/core/fault.ts";
import type { Random } from "../../lib/core/random.ts";
import type { Channel, ChannelReader } from "../../lib/tunnel/channel.ts";
import { frameTypes } from "../../lib/tunnel/frame.ts";
import { FrameParser } from "../../lib/tunnel/parser.ts";
import { SteppingClock } from "./clock.ts";
import { pipe, type PipeEnd, type PipeOptions } from "./pipe.ts";
import type { SessionOptions, TunnelSession, TunnelStream } from "../../lib/tunnel/contract.ts";
import { startSession } from "../../lib/tunnel/session.ts";
import { WebSocketChannel } from "../../lib/tunnel/websocket.ts";

export interface TunnelPair {
  readonly clock: SteppingClock;
  readonly near: TunnelSession;
  readonly far: TunnelSession;
  readonly ends: [PipeEnd, PipeEnd];
  /** Streams that arrived at `far`. */
  readonly opened: TunnelStream[];
  readonly goaways: string[];
}

/** Two sessions over WebSockets over an in-memory pipe; `near` dialled. */
export function tunnelPair(
  options: Partial<SessionOptions> & {
    readonly pipe?: PipeOptions;
    readonly mask?: Random;
    readonly clock?: SteppingClock;
  } = {},
): TunnelPair {
  const clock = options.clock ?? new SteppingClock();
  const ends = pipe(options.pipe ?? {});
  const opened: TunnelStream[] = [];
  const goaways: string[] = [];
  const hello = new TextEncoder().encode("{}");
  const shared = { clock, hello, onGoaway: (reason: string) => goaways.push(reason) };
  const near = startSession(
    new WebSocketChannel(ends[0], { side: "client", mask: options.mask ?? "zero" }),
    {
      ...shared,
      side: "client",
      onOpen: (stream) => opened.push(stream),
      ...options,
    },
  );
  const far = startSession(new WebSocketChannel(ends[1], { side: "server", mask: "zero" }), {
    ...shared,
    onOpen: (stream) => opened.push(stream),
    ...options,
    side: "server",
  });
  return { clock, near, far, ends, opened, goaways };
}

/** A channel whose other side is the test: it sees each message and sends what it likes. */
export class FakeChannel implements Channel {
  readonly headroom: number;
  readonly remoteAddress = "192.0.2.9:9";
  /** Messages without their headroom. */
  readonly sent: Uint8Array[] = [];
  /** What `send` answers. */
  takesMore = true;
  closedWith: number | null = null;
  isAborted = false;
  #reader: ChannelReader | null = null;

  constructor(headroom: number = 0) {
    this.headroom = headroom;
  }

  attach(reader: ChannelReader): void {
    this.#reader = reader;
  }

  send(message: Uint8Array): boolean {
    this.sent.push(message.slice(this.headroom));
    return this.takesMore;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  abort(): void {
    this.isAborted = true;
    this.lose(null);
  }

  /** Bytes of the peer arrive. */
  receive(bytes: Uint8Array): void {
    this.#reader?.data(bytes);
  }

  drain(): void {
    this.takesMore = true;
    this.#reader?.drained();
  }

  lose(fault: Fault | null): void {
    this.#reader?.closed(fault);
  }

  /** All frames sent so far, in order. */
  frames(): SentFrame[] {
    return framesOf(concat(this.sent));
  }
}

export interface SentFrame {
  readonly type: number;
  readonly id: number;
  readonly body: Uint8Array;
}

/** Splits whole frames; throws where they are not lawful. */
export function framesOf(bytes: Uint8Array): SentFrame[] {
  const found: SentFrame[] = [];
  let data: { id: number; length: number; parts: Uint8Array[] } | null = null;
  const parser = new FrameParser({
    header: (type, id, length) => {
      if (type === frameTypes.data) data = { id, length, parts: [] };
    },
    data: (part) => {
      if (data === null) return;
      data.parts.push(part);
      const body = concat(data.parts);
      if (body.length === data.length) found.push({ type: frameTypes.data, id: data.id, body });
    },
    frame: (type, id, body) => found.push({ type, id, body: body.slice() }),
  });
  parser.push(bytes);
  return found;
}
