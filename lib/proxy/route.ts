/**
 * Carries one client to an agent. Until the agent accepts, the client's bytes are kept, so that the
 * next agent can be tried when one says "retry" and the client has heard nothing yet.
 */
import type { Clock, Timer } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { ByteStream, StreamReader } from "../core/stream.ts";
import type { TunnelSession, TunnelStream } from "../tunnel/mod.ts";
import type { Protocol, Refusal } from "../wire/protocol.ts";
import { acceptMsMax, attemptsMax, goodbyeMs, keptBytesMax } from "./limits.ts";
import { refusalOf } from "../core/refusal.ts";
import { noAgent } from "./refusals.ts";

export interface RouteOptions {
  readonly client: ByteStream;
  /** What the client already sent. */
  readonly early: Uint8Array;
  readonly protocol: Pick<Protocol, "refuse">;
  readonly service: string;
  /** OPEN's header, the same for every agent. */
  readonly header: Uint8Array;
  /** Whom to ask, in this order. */
  readonly agents: readonly { readonly session: Pick<TunnelSession, "open"> }[];
  readonly clock: Clock;
  /** Told when an agent has taken the session. */
  readonly onAccepted?: () => void;
}

export interface Routed {
  /** Both sides are gone: null after an orderly end, else why. */
  readonly ended: Promise<Fault | null>;
  /** An agent took the session; from then on it speaks for itself. */
  readonly accepted: boolean;
  /** Ends it now, without words. */
  abort(fault: Fault): void;
}

/** Starts at once; the client is told natively when no agent takes it. */
export function route(options: RouteOptions): Routed {
  const routing = new Routing(options);
  routing.start();
  return routing;
}

class Routing implements Routed {
  readonly ended: Promise<Fault | null>;
  readonly #clock: Clock;
  /** What is needed until an agent accepts; a session may live for days and keeps none of it. */
  #opening: RouteOptions | null;
  readonly #client: ByteStream;
  readonly #outcome = Promise.withResolvers<Fault | null>();
  #kept: Uint8Array[];
  #keptBytes: number;
  #agents: number = 0;
  #stream: TunnelStream | null = null;
  #timer: Timer | null = null;
  #isAccepted = false;
  /** The client was told something: no other agent can take over. */
  #answered = false;
  #clientEnded = false;
  #clientClosed = false;
  /** Null until an agent was asked in vain. */
  #lastFault: Fault | null = null;

  constructor(options: RouteOptions) {
    this.#clock = options.clock;
    this.#opening = options;
    this.#client = options.client;
    this.#kept = options.early.length > 0 ? [options.early] : [];
    this.#keptBytes = options.early.length;
    this.ended = this.#outcome.promise;
  }

  get accepted(): boolean {
    return this.#isAccepted;
  }

  start(): void {
    this.#client.attach(this.#clientReader());
    this.#tryNext();
  }

  abort(fault: Fault): void {
    this.#leave(fault);
    this.#client.abort(fault);
    this.#outcome.resolve(fault);
  }

  #tryNext(): void {
    if (this.#opening === null) return;
    const { agents, header, service } = this.#opening;
    while (this.#agents < Math.min(agents.length, attemptsMax)) {
      const agent = agents[this.#agents++];
      if (agent === undefined) break;
      let stream: TunnelStream;
      try {
        stream = agent.session.open(header);
      } catch (thrown) {
        this.#lastFault = asFault(thrown);
        continue;
      }
      this.#use(stream);
      this.#timer = this.#clock.after(acceptMsMax, () => this.#tooSlow(stream));
      return;
    }
    this.#refuse(this.#lastFault ?? noAgent(service));
  }

  #use(stream: TunnelStream): void {
    this.#stream = stream;
    stream.attach(this.#agentReader(stream));
    for (const chunk of this.#kept) stream.write(chunk);
    if (this.#clientEnded) stream.end();
    stream.accepted.then(() => {
      if (this.#stream !== stream) return;
      this.#isAccepted = true;
      this.#timer?.cancel();
      this.#timer = null;
      this.#opening?.onAccepted?.();
      this.#opening = null;
      this.#kept = [];
      this.#resumeClient();
    }, () => {});
  }

  #clientReader(): StreamReader {
    return {
      data: (chunk) => {
        if (!this.#isAccepted) {
          this.#kept.push(chunk);
          this.#keptBytes += chunk.length;
          if (this.#keptBytes >= keptBytesMax) this.#client.pause();
        }
        if (this.#stream?.write(chunk) === false) this.#client.pause();
      },
      ended: () => {
        this.#clientEnded = true;
        this.#stream?.end();
      },
      drained: () => this.#stream?.resume(),
      closed: (fault) => {
        this.#clientClosed = true;
        if (this.#stream === null) this.#outcome.resolve(fault);
        else if (fault !== null || !this.#isAccepted) this.#stream.abort(fault ?? clientGone());
        else this.#stream.end();
      },
    };
  }

  #agentReader(stream: TunnelStream): StreamReader {
    return {
      data: (chunk) => {
        this.#answered = true;
        if (!this.#client.write(chunk)) stream.pause();
      },
      ended: () => {
        if (this.#stream !== stream) return;
        this.#answered = true;
        // A session is over once its database side has finished: nobody hears the client any more.
        stream.end();
        this.#goodbye();
      },
      drained: () => this.#resumeClient(),
      closed: (fault) => this.#agentClosed(stream, fault),
    };
  }

  #agentClosed(stream: TunnelStream, fault: Fault | null): void {
    if (this.#stream !== stream) return;
    const untold = !this.#isAccepted && !this.#answered && !this.#clientClosed;
    this.#leave(null);
    if (untold && fault !== null) {
      this.#lastFault = fault;
      if (fault.fields["reset"] === "retry") this.#tryNext();
      else this.#refuse(fault);
      return;
    }
    if (fault === null) this.#client.end();
    else this.#client.abort(fault);
    this.#outcome.resolve(fault);
  }

  #tooSlow(stream: TunnelStream): void {
    if (this.#stream !== stream || this.#isAccepted) return;
    const fault = new Fault({
      kind: "unavailable",
      code: "proxy.agent-timeout",
      message: `an agent gave no answer within ${acceptMsMax} ms`,
      shown: "the Database Service gave no answer in time",
    });
    const untold = !this.#answered;
    this.#lastFault = fault;
    this.#leave(fault);
    if (untold) this.#tryNext();
    else this.#finish(fault);
  }

  /** Lets go of the agent; with a fault its stream is torn down. */
  #leave(fault: Fault | null): void {
    const stream = this.#stream;
    this.#stream = null;
    this.#timer?.cancel();
    if (fault !== null) stream?.abort(fault);
  }

  #resumeClient(): void {
    if (this.#isAccepted || this.#keptBytes < keptBytesMax) this.#client.resume();
  }

  /** Nobody takes the session: the client is told why. */
  #refuse(fault: Fault): void {
    const words = this.#clientClosed ? undefined : this.#opening?.protocol.refuse(wordsOf(fault));
    if (words !== undefined) this.#client.write(words);
    this.#finish(fault);
  }

  #finish(fault: Fault): void {
    this.#outcome.resolve(fault);
    this.#goodbye();
  }

  /** Drops what the client still sends, and the client itself when it doesn't leave. */
  #goodbye(): void {
    this.#kept = [];
    this.#keptBytes = 0;
    sayGoodbye(this.#client, this.#clock, () => {
      if (this.#stream !== null) this.#leave(tooLong());
      this.#outcome.resolve(null);
    });
  }
}

/** After the last words were written: reads until the client leaves, as long as it takes them. */
export function sayGoodbye(client: ByteStream, clock: Clock, left: () => void = () => {}): void {
  client.end();
  let queued = Infinity;
  const timer = clock.every(goodbyeMs, () => {
    if (client.queuedBytes === 0 || client.queuedBytes >= queued) client.abort(tooLong());
    queued = client.queuedBytes;
  });
  client.attach({
    data() {},
    ended() {},
    drained() {},
    closed: () => {
      timer.cancel();
      left();
    },
  });
}

function clientGone(): Fault {
  const message = "the client left before its session began";
  return new Fault({ kind: "cancelled", code: "proxy.client-gone", message });
}

function tooLong(): Fault {
  const message = "the client did not close its connection after a refusal";
  return new Fault({ kind: "network", code: "proxy.goodbye", message });
}

/** What an agent said with RESET is meant for the client. */
function wordsOf(fault: Fault): Refusal {
  if (!fault.code.startsWith("tunnel.reset-")) return refusalOf(fault);
  const { kind } = refusalOf(fault);
  return { kind: fault.fields["reset"] === "retry" ? "target" : kind, message: fault.message };
}
