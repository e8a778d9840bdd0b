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
  options: Partial<SessionOptions> & { readonly pipe?: PipeOptions } = {},
): TunnelPair {
  const clock = new SteppingClock();
  const ends = pipe(options.pipe ?? {});
  const opened: TunnelStream[] = [];
  const goaways: string[] = [];
  const hello = new TextEncoder().encode("{}");
  const shared = { clock, hello, onGoaway: (reason: string) => goaways.push(reason) };
  const near = startSession(new WebSocketChannel(ends[0], { side: "client", mask: "zero" }), {
    ...shared,
    side: "client",
    onOpen: (stream) => opened.push(stream),
    ...options,
  });
  const far = startSession(new WebSocketChannel(ends[1], { side: "server", mask: "zero" }), {
    ...shared,
    onOpen: (stream) => opened.push(stream),
    ...options,
    side: "server",
  });
  return { clock, near, far, ends, opened, goaways };
}
