import type { Clock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { Random } from "../core/random.ts";
import type { ByteStream } from "../core/stream.ts";
import type { SessionOptions, TunnelSession } from "./contract.ts";
import {
  type AgentHello,
  decodeAgentHello,
  decodeProxyHello,
  encodeHello,
  type ProxyHello,
} from "./hello.ts";
import { startSession } from "./session.ts";
import { acceptUpgrade, requestUpgrade, type Sha1 } from "./upgrade.ts";
import { WebSocketChannel } from "./websocket.ts";

/** A session whose peer has said who it is. */
export interface Tunnel<Hello> {
  readonly session: TunnelSession;
  readonly hello: Hello;
}

interface TunnelOptions
  extends Pick<SessionOptions, "limits" | "onOpen" | "onGoaway" | "keepaliveMs" | "defer"> {
  readonly clock: Clock;
  readonly sha1: Sha1;
  readonly signal?: AbortSignal;
  /** For upgrade and HELLO together. @default 10000 */
  readonly timeoutMs?: number;
}

export interface ServeTunnelOptions extends TunnelOptions {
  readonly hello: ProxyHello;
}

export interface DialTunnelOptions extends TunnelOptions {
  readonly hello: AgentHello;
  /** Value of the Host field. */
  readonly host: string;
  readonly random: Random;
  /** "random" where something that isn't ours ends the TLS. @default "zero" */
  readonly mask?: "zero" | "random";
}

const timeoutMsDefault = 10_000;

/**
 * Proxy side, on an authenticated stream: upgrade, session, the agent's HELLO. Throws a Fault, and
 * the stream is torn down, when the peer is anything else or too slow.
 */
export function serveTunnel(
  stream: ByteStream,
  options: ServeTunnelOptions,
): Promise<Tunnel<AgentHello>> {
  return establish(stream, options, async (reader, signal) => {
    await acceptUpgrade(reader, { sha1: options.sha1, signal });
    const early = handOver(reader);
    const channel = new WebSocketChannel(stream, { side: "server", mask: "zero", early });
    const { hello, ...shared } = options;
    const session = startSession(channel, { ...shared, side: "server", hello: encodeHello(hello) });
    return await awaitHello(session, signal, decodeAgentHello);
  });
}

/** Agent side, over a stream to the proxy: upgrade, session, the proxy's HELLO. */
export function dialTunnel(
  stream: ByteStream,
  options: DialTunnelOptions,
): Promise<Tunnel<ProxyHello>> {
  return establish(stream, options, async (reader, signal) => {
    const { host, random, sha1, hello } = options;
    await requestUpgrade(reader, { host, nonce: random.bytes(16), sha1, signal });
    const early = handOver(reader);
    const mask = options.mask === "random" ? random : "zero";
    const channel = new WebSocketChannel(stream, { side: "client", mask, early });
    const { mask: _, ...shared } = options;
    const session = startSession(channel, { ...shared, side: "client", hello: encodeHello(hello) });
    return await awaitHello(session, signal, decodeProxyHello);
  });
}

/** What arrived behind the upgrade; a peer that has already finished is no tunnel. */
function handOver(reader: PullReader): Uint8Array {
  const { early, ended } = reader.release();
  if (!ended) return early;
  throw new Fault({ kind: "network", code: "tunnel.lost", message: "The peer left at once" });
}

/** Runs `start` within the time allowed; a failure aborts the stream. */
async function establish<T>(
  stream: ByteStream,
  options: TunnelOptions,
  start: (reader: PullReader, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const timer = options.clock.after(options.timeoutMs ?? timeoutMsDefault, () => {
    stop.abort(
      new Fault({ kind: "network", code: "tunnel.timeout", message: "The peer is too slow" }),
    );
  });
  const signal = options.signal === undefined
    ? stop.signal
    : AbortSignal.any([stop.signal, options.signal]);
  try {
    return await start(new PullReader(stream), signal);
  } catch (thrown) {
    const fault = asFault(thrown);
    // Half-closed first, so that a refusal that was written still leaves.
    stream.end();
    options.clock.after(100, () => stream.abort(fault));
    throw fault;
  } finally {
    timer.cancel();
  }
}

async function awaitHello<Hello>(
  session: TunnelSession,
  signal: AbortSignal,
  decode: (body: Uint8Array) => Hello,
): Promise<Tunnel<Hello>> {
  const stopped = Promise.withResolvers<never>();
  const aborted = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", aborted, { once: true });
  try {
    signal.throwIfAborted();
    const hello = decode(await Promise.race([session.peerHello, stopped.promise]));
    return { session, hello };
  } catch (thrown) {
    const fault = asFault(thrown);
    session.close(fault);
    throw fault;
  } finally {
    signal.removeEventListener("abort", aborted);
  }
}
