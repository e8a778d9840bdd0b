/** Clients that bring all their connections in one: mTLS, then streams (lib/tunnel/spec.md §8). */
import { asFault } from "../core/fault.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import type { TlsStream } from "../sys/tls.ts";
import {
  clientTunnelAlpn,
  endWhenIdle,
  serveClientTunnel,
  type TunnelStream,
} from "../tunnel/mod.ts";
import type { Protocol } from "../wire/protocol.ts";
import { type DatabaseClient, serveOne } from "./database_front.ts";
import { clientIdleMs, handshakeMsMax, streamBurst, streamPeriodMs } from "./limits.ts";
import { RateLimit } from "./rate_limit.ts";
import { noRoute, tooSlow } from "./refusals.ts";
import { sayGoodbye } from "./route.ts";
import type { Runtime, Visitor } from "./runtime.ts";
import { verifyUser } from "./standing.ts";

/** What a connection has shown; each of its streams is verified again. */
interface Admitted {
  readonly chain: readonly Uint8Array[];
  /** That of the certificate's route; null where it is not known here. */
  readonly protocol: Protocol | null;
  readonly expires: number;
}

/**
 * Until the connection is gone. Of a client that is not let in no frame is read; it hears why in
 * its program's protocol, on a connection of its own.
 */
export async function serveClients(
  stream: SocketStream,
  early: Uint8Array,
  runtime: Runtime,
  visitor: Visitor,
): Promise<void> {
  const { powers, certificates } = runtime;
  const peer = await powers.system.startTlsServer(stream, {
    context: certificates.host,
    alpn: [clientTunnelAlpn],
    requestClientCertificate: true,
    early,
    signal: visitor.signal,
  });
  const admitted = admit(peer.peerChain, runtime, visitor);
  visitor.known();
  if (admitted === null) return sayGoodbye(peer, powers.clock);
  await serveStreams(peer, admitted, runtime, visitor.address);
}

/** Null where the certificate lets nobody in; reported then. */
function admit(
  chain: readonly Uint8Array[],
  { powers, cluster, recorder }: Runtime,
  { address }: Visitor,
): Admitted | null {
  let proven: UserIdentity | undefined;
  try {
    const { identity, expires } = verifyUser(chain, cluster, (whose) => (proven = whose));
    const { route } = identity;
    if (route === undefined) throw noRoute();
    const protocol = powers.protocols.find(({ name }) => name === route.protocol) ?? null;
    return { chain, protocol, expires };
  } catch (thrown) {
    recorder.turnedAway(asFault(thrown), { address, identity: proven });
    return null;
  }
}

async function serveStreams(
  peer: TlsStream,
  { chain, protocol, expires }: Admitted,
  runtime: Runtime,
  address: string,
): Promise<void> {
  const { powers, clients, cluster, draining } = runtime;
  const { clock, log, identity: { host, cluster: name }, config: { version } } = powers;
  const rate = new RateLimit(clock, streamBurst, streamPeriodMs);
  const session = serveClientTunnel(peer, {
    clock,
    hello: { v: 1, host, cluster: name, version },
    onOpen: (opened) => {
      idle.touch();
      if (rate.take("") > 0) return opened.reset("retry", "too many streams at once");
      opened.accept();
      void serveStream(opened, { chain, protocol, address }, runtime);
    },
  });
  const idle = endWhenIdle(session, { clock, periodMs: clientIdleMs });
  // Sessions may outlive the certificate, as far as their agents let them; new ones need a new one.
  const timer = clock.after(expires - clock.now(), () => session.goaway("certificate expired"));
  clients.add(session, () => verifyUser(chain, cluster));
  if (draining.aborted) session.goaway("the proxy is shutting down");
  try {
    const fault = await session.closed;
    log.debug("a client's tunnel ended", { client: address, code: fault?.code ?? "" });
  } finally {
    timer.cancel();
  }
}

/** One of many: what its client says first decides, and it is verified then. Never throws. */
async function serveStream(
  stream: TunnelStream,
  { chain, protocol, address }: Pick<DatabaseClient, "chain"> & {
    readonly protocol: Protocol | null;
    readonly address: string;
  },
  runtime: Runtime,
): Promise<void> {
  const { clock, log } = runtime.powers;
  const limit = new AbortController();
  const timer = clock.after(handshakeMsMax, () => limit.abort(tooSlow()));
  const visitor = { address, signal: limit.signal, known: () => timer.cancel() };
  try {
    await serveOne({ stream, chain }, protocol, runtime, visitor);
  } catch (thrown) {
    const fault = asFault(thrown);
    stream.abort(fault);
    const fields = { client: address, code: fault.code, message: fault.message };
    if (fault.kind === "internal") log.error("a stream failed by a mistake of ours", fields);
    else log.debug("a stream ended before it was known", fields);
  } finally {
    timer.cancel();
  }
}
