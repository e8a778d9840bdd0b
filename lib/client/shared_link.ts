/**
 * One TLS connection to the proxy for all connections to a database: each is a stream of it, which
 * costs no handshake. Whatever is wrong with that, a connection of its own is the other way.
 */
import type { Timer } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import {
  dialClientTunnel,
  endWhenIdle,
  type IdleWatch,
  openClientStream,
  type TunnelSession,
  type TunnelStream,
} from "../tunnel/mod.ts";
import { dialRoute, dialShared, type Way } from "./dial_route.ts";
import type { ClientPowers } from "./powers.ts";

interface Link {
  readonly session: TunnelSession;
  /** When the certificate ends that it was made with. */
  readonly expires: string;
  readonly idle: IdleWatch;
}

/** Without a stream for one to two of these, the connection is closed. */
const idleMs = 45_000;
/** A connection that was lost without a word is found so by the first who needs it. */
const acceptMsMax = 3_000;

export class SharedLink {
  readonly #powers: ClientPowers;
  readonly #signal: AbortSignal;
  readonly #open = new Set<TunnelSession>();
  #current: Link | null = null;
  #dialling: Promise<void> | null = null;
  /** A connection that turned out to be for one alone, for whoever takes it first. */
  #spare: ByteStream | null = null;
  /** The proxy does not speak it; true for as long as this program runs. */
  #isUnknown = false;

  /** `signal` ends dialling. */
  constructor(powers: ClientPowers, signal: AbortSignal) {
    this.#powers = powers;
    this.#signal = signal;
  }

  /**
   * A way to the database front of the proxy on which `first` was sent, a message that does no
   * harm twice: it is sent again where a stream ends before it is taken. Faults are those of
   * {@linkcode dialRoute}.
   */
  async reach(way: Way, first: Uint8Array): Promise<ByteStream> {
    const link = await this.#linkFor(way);
    const stream = link === null ? null : await this.#openStream(link, first);
    if (stream !== null) return stream;
    this.#signal.throwIfAborted();
    const own = this.#takeSpare() ?? await dialRoute(way, this.#powers, this.#signal);
    own.write(first);
    return own;
  }

  /** Says goodbye, and with it ends all streams. */
  async close(): Promise<void> {
    const sessions = [...this.#open];
    for (const session of sessions) session.close();
    await Promise.all(sessions.map(({ closed }) => closed));
  }

  /** One with the certificate that is used now; null where there can be none. */
  async #linkFor(way: Way): Promise<Link | null> {
    const current = this.#current;
    if (current?.expires === way.route.expires && !current.session.draining) return current;
    if (current !== null) this.#leave(current);
    if (this.#isUnknown) return null;
    this.#dialling ??= this.#dial(way).finally(() => (this.#dialling = null));
    await this.#dialling;
    return this.#current;
  }

  async #dial(way: Way): Promise<void> {
    const { stream, isShared } = await dialShared(way, this.#powers, this.#signal);
    if (!isShared) {
      this.#isUnknown = true;
      this.#spare = stream;
      return;
    }
    const { clock, version } = this.#powers;
    const session = dialClientTunnel(stream, { clock, version });
    this.#open.add(session);
    session.closed.then(() => this.#open.delete(session), () => this.#open.delete(session));
    const idle = endWhenIdle(session, { clock, periodMs: idleMs });
    this.#current = { session, expires: way.route.expires, idle };
  }

  /** Null where the proxy doesn't take the stream: it leaves, is gone, or has too many. */
  async #openStream(link: Link, first: Uint8Array): Promise<TunnelStream | null> {
    let timer: Timer | null = null;
    try {
      const stream = openClientStream(link.session, first);
      link.idle.touch();
      timer = this.#powers.clock.after(acceptMsMax, () => {
        this.#leave(link);
        stream.reset("cancelled", "no answer in time");
      });
      await stream.accepted;
      return stream;
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      return null;
    } finally {
      timer?.cancel();
    }
  }

  /** What runs on it goes on; nothing new does. */
  #leave(link: Link): void {
    if (this.#current === link) this.#current = null;
    link.session.goaway("another connection takes its place");
  }

  #takeSpare(): ByteStream | null {
    const spare = this.#spare;
    this.#spare = null;
    return spare;
  }
}
