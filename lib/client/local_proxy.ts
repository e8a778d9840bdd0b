/** A port on this machine that leads to one database, for as long as the command runs. */
import { asFault, Fault } from "../core/fault.ts";
import { PullReader, type Released } from "../core/pull.ts";
import { type ByteStream, partFrom } from "../core/stream.ts";
import { type Protocol, protocolNamed, type Refusal } from "../wire/mod.ts";
import { reachable } from "./cluster.ts";
import { dialRoute } from "./dial_route.ts";
import { readPostgresFront } from "./postgres_front.ts";
import type { ClientPowers, LocalConnection } from "./powers.ts";
import { type Login, type Profile, readProxyAddress, type Route } from "./profile.ts";
import { inForce, orderRoute } from "./session.ts";
import { SharedLink } from "./shared_link.ts";
import { splice } from "./splice.ts";

export interface LocalProxyOptions {
  readonly profile: Profile;
  readonly login: Login;
  readonly route: Route;
  /** Plain inside: this side makes the TLS with the route's certificate. */
  readonly tunnel: boolean;
  /** With `tunnel`: that TLS ends at the Database Service. */
  readonly endToEnd: boolean;
  /** 0 picks a free one. */
  readonly port: number;
  /** What is worth a line on stderr. */
  readonly say: (text: string) => void;
}

export interface LocalProxy {
  readonly port: number;
  /** Ends the port and all its connections. */
  close(): Promise<void>;
}

const host = "127.0.0.1";
const connectionsMax = 512;
const frontMsMax = 10_000;
const renewMarginMs = 5 * 60_000;

export async function openLocalProxy(
  options: LocalProxyOptions,
  powers: ClientPowers,
): Promise<LocalProxy> {
  const proxy = new RunningProxy(options, powers);
  return await proxy.listen();
}

class RunningProxy {
  readonly #options: LocalProxyOptions;
  readonly #powers: ClientPowers;
  readonly #protocol: Protocol;
  readonly #open = new Set<ByteStream>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #shared: SharedLink;
  #route: Route;
  #renewal: Promise<Route> | null = null;

  constructor(options: LocalProxyOptions, powers: ClientPowers) {
    const protocol = protocolNamed(options.route.protocol);
    if (protocol === null) throw new Error(`No protocol ${options.route.protocol}`);
    this.#options = options;
    this.#powers = powers;
    this.#protocol = protocol;
    this.#shared = new SharedLink(powers, this.#stop.signal);
    this.#route = options.route;
  }

  async listen(): Promise<LocalProxy> {
    const { port } = this.#options;
    const listener = await this.#powers.network.listenTcp(
      { host, port },
      (stream) => this.#accepted(stream),
    );
    return {
      port: listener.address.port,
      close: async () => {
        this.#stop.abort();
        const closed = listener.close();
        for (const stream of this.#open) stream.abort();
        await Promise.all([closed, ...this.#running]);
        await this.#shared.close();
      },
    };
  }

  #accepted(stream: LocalConnection): void {
    if (this.#open.size >= connectionsMax) return stream.abort();
    this.#open.add(stream);
    const serving = this.#serve(stream)
      .catch((thrown) => {
        const { message, kind } = asFault(thrown);
        if (kind !== "cancelled") this.#options.say(`a connection failed: ${message}`);
        stream.abort();
      })
      .finally(() => {
        this.#open.delete(stream);
        this.#running.delete(serving);
      });
    this.#running.add(serving);
  }

  async #serve(stream: LocalConnection): Promise<void> {
    if (this.#options.tunnel) return await this.#serveTunnel(stream);
    const to = readProxyAddress(this.#options.login.proxy);
    const far = await reachable(
      to,
      () => this.#powers.network.connectTcp(to, { signal: this.#stop.signal }),
    );
    await this.#carry(stream, far, { early: new Uint8Array(0), ended: false });
  }

  /** Only this user's own programs get in: the port stands for this user's certificate. */
  async #serveTunnel(stream: LocalConnection): Promise<void> {
    const { powers, mine } = { powers: this.#powers, mine: this.#powers.userId() };
    const reader = new PullReader(stream);
    const peer = await powers.peerUser(stream.remoteAddress, stream.localAddress);
    let far: ByteStream;
    try {
      const front = await this.#readFront(reader);
      if (mine === null || peer !== mine) {
        this.#options.say("a connection of another user was refused");
        return this.#refuse(stream, front === "cancel" ? null : foreignUser);
      }
      far = await this.#dial(reader, front === "cancel");
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.kind === "protocol" || fault.kind === "cancelled") throw fault;
      const { shown, message, hint } = fault;
      const words = message.length > 0 ? message : shown;
      this.#options.say(`a connection failed: ${words}`);
      const kind = fault.kind === "unauthenticated" ? "unauthenticated" : "network";
      return this.#refuse(stream, { kind, message: words, ...(hint ? { hint } : {}) });
    }
    let released: Released;
    try {
      released = reader.release();
    } catch (thrown) {
      far.abort();
      throw thrown;
    }
    await this.#carry(stream, far, released);
  }

  /** What a program says first; one that waits for the server's greeting says nothing. */
  async #readFront(reader: PullReader): Promise<"startup" | "cancel"> {
    const read = fronts[this.#protocol.name];
    if (read === undefined) return "startup";
    const tooLong = new AbortController();
    const timer = this.#powers.clock.after(frontMsMax, () => tooLong.abort(tooSlow()));
    try {
      return await read(reader, AbortSignal.any([tooLong.signal, this.#stop.signal]));
    } finally {
      timer.cancel();
    }
  }

  async #carry(near: ByteStream, far: ByteStream, early: Released): Promise<void> {
    this.#open.add(far);
    try {
      await splice(near, far, early);
    } finally {
      this.#open.delete(far);
    }
  }

  #refuse(stream: ByteStream, refusal: Refusal | null): void {
    if (refusal !== null) stream.write(this.#protocol.refuse(refusal));
    partFrom(stream, this.#powers.clock, 1_000);
  }

  /** Connecting and the handshake have limits of their own. */
  async #dial(reader: PullReader, isCancel: boolean): Promise<ByteStream> {
    const { profile, login, endToEnd } = this.#options;
    const route = await this.#freshRoute();
    const way = { profile, login, route, endToEnd: endToEnd && !isCancel };
    if (endToEnd) return await dialRoute(way, this.#powers, this.#stop.signal);
    if (this.#protocol.meet !== null) return await this.#shared.reach(way, nothing);
    // Only this message: it may be sent again elsewhere, and nothing else may be.
    const first = await reader.pull(this.#stop.signal) ?? new Uint8Array(0);
    return await this.#shared.reach(way, first);
  }

  /** The route's certificate is renewed before its end, as long as the login lasts. */
  async #freshRoute(): Promise<Route> {
    if (inForce(this.#route, this.#powers, renewMarginMs)) return this.#route;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    return await this.#renewal;
  }

  async #renew(): Promise<Route> {
    const { profile } = this.#options;
    // A login may have been made anew meanwhile, in another terminal.
    const login = await profile.login(this.#options.login.proxy) ?? this.#options.login;
    const { service, db_user, db_name } = this.#route;
    try {
      this.#route = await orderRoute(
        { profile, login },
        { service, user: db_user, name: db_name },
        this.#powers,
      );
    } catch (thrown) {
      // The old one serves until it ends.
      if (!inForce(this.#route, this.#powers)) throw thrown;
    }
    return this.#route;
  }
}

/** Programs of other protocols ask nothing before their session begins. */
const fronts: Readonly<Record<string, typeof readPostgresFront>> = { postgres: readPostgresFront };

const nothing = new Uint8Array(0);

const foreignUser: Refusal = {
  kind: "denied",
  message: "this port belongs to another user of this machine",
  hint: "run tsh proxy db --tunnel yourself",
};

function tooSlow(): Fault {
  return new Fault({
    kind: "cancelled",
    code: "client.too-slow",
    message: "a program connected and said nothing",
  });
}
