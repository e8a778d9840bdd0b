/** The tunnel of a client (spec.md §8): its connections to one database over one TLS connection. */
import type { Clock } from "../core/clock.ts";
import { asFault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import type { SessionOptions, TunnelSession, TunnelStream } from "./contract.ts";
import { decodeClientHello, decodeProxyHello, encodeHello, type ProxyHello } from "./hello.ts";
import { clientTunnelLimits } from "./limits.ts";
import { startSession } from "./session.ts";
import { StreamChannel } from "./stream_channel.ts";

export const clientTunnelAlpn = "remoteler-client-tunnel";

/** OPEN's header: a version. Who asks, and for what, is the certificate's to say. */
const openHeader = Uint8Array.of(1);

/**
 * Client side, on an established TLS connection. Streams may be opened at once: nothing of the peer
 * is awaited first.
 */
export function dialClientTunnel(
  stream: ByteStream,
  { clock, version }: { readonly clock: Clock; readonly version: string },
): TunnelSession {
  const session = startSession(new StreamChannel(stream), {
    side: "client",
    clock,
    limits: clientTunnelLimits,
    hello: encodeHello({ v: 1, version }),
    onOpen: (opened) => opened.reset("protocol", "a client takes no streams"),
  });
  return checked(session, decodeProxyHello);
}

/** Opens a stream of a client's tunnel; `first` leaves together with it. Throws as `open` does. */
export function openClientStream(session: TunnelSession, first: Uint8Array): TunnelStream {
  const stream = session.open(openHeader);
  stream.write(first);
  return stream;
}

/** Proxy side; streams whose header is of another version are refused here. */
export function serveClientTunnel(
  stream: ByteStream,
  options: Pick<SessionOptions, "clock" | "onOpen"> & { readonly hello: ProxyHello },
): TunnelSession {
  const session = startSession(new StreamChannel(stream), {
    side: "server",
    clock: options.clock,
    limits: clientTunnelLimits,
    hello: encodeHello(options.hello),
    onOpen: (opened) => {
      const isKnown = opened.header.length === 1 && opened.header[0] === openHeader[0];
      if (isKnown) options.onOpen(opened);
      else opened.reset("refused", "a stream of another version");
    },
  });
  return checked(session, decodeClientHello);
}

/** A peer that says hello in another way is none. */
function checked(session: TunnelSession, decode: (body: Uint8Array) => unknown): TunnelSession {
  session.peerHello.then(decode).catch((thrown) => session.close(asFault(thrown)));
  return session;
}
