import type { Timer } from "../core/clock.ts";
import type { Fault } from "../core/fault.ts";
import type { Channel } from "./channel.ts";
import type { SessionOptions, TunnelSession, TunnelStream } from "./contract.ts";
import { broken, lost, lostStream, turnedAway } from "./faults.ts";
import {
  decodeCoded,
  decodeWindow,
  encodeCoded,
  encodeFrame,
  encodeWindow,
  frameTypes,
  openHeaderBytesMax,
  streamIdMax,
} from "./frame.ts";
import { Keepalive, keepaliveMsDefault } from "./keepalive.ts";
import { type TunnelLimits, tunnelLimits } from "./limits.ts";
import { Outbox, type Sender } from "./outbox.ts";
import { FrameParser } from "./parser.ts";
import { type ResetCode, resetCodeOf, resetFault, resetNumber } from "./reset.ts";
import { MuxStream, type StreamPort } from "./stream.ts";
import { type GoawayCode, goawayCodes, TunnelError } from "./tunnel_error.ts";
import { Windows } from "./windows.ts";

/** How long the peer may take to say goodbye as well. */
const goodbyeMs = 2_000;

/** Starts a session over a channel, sending our HELLO at once. */
export function startSession(channel: Channel, options: SessionOptions): TunnelSession {
  return new Session(channel, options);
}

class Session implements TunnelSession, StreamPort {
  readonly peerHello: Promise<Uint8Array>;
  readonly closed: Promise<Fault | null>;
  readonly #channel: Channel;
  readonly #options: SessionOptions;
  readonly #limits: TunnelLimits;
  readonly #hello = Promise.withResolvers<Uint8Array>();
  readonly #closed = Promise.withResolvers<Fault | null>();
  readonly #parser = new FrameParser({
    header: (type, id, length) => this.#header(type, id, length),
    data: (part) => this.#receiving?.peerSent(part),
    frame: (type, id, body) => this.#frame(type, id, body),
  });
  readonly #outbox = new Outbox();
  readonly #streams = new Map<number, MuxStream>();
  readonly #keepalive: Keepalive;
  readonly windows: Windows;
  #nextId: number;
  #lastPeerId = 0;
  #helloSeen = false;
  /** The stream whose DATA body is arriving; null while it belongs to a stream that is gone. */
  #receiving: MuxStream | null = null;
  #flushDue = false;
  #channelFull = false;
  #goawaySent = false;
  #goawaySeen = false;
  /** Set once the session is ending; nothing is sent or taken after that. */
  #ending: { readonly fault: Fault | null } | null = null;
  #goodbye: Timer | null = null;

  constructor(channel: Channel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#limits = { ...tunnelLimits, ...options.limits };
    this.#nextId = options.side === "client" ? 1 : 2;
    this.peerHello = this.#hello.promise;
    this.peerHello.catch(() => {});
    this.closed = this.#closed.promise;
    this.#keepalive = new Keepalive(options.clock, {
      periodMs: options.keepaliveMs ?? keepaliveMsDefault,
      ping: (body) => this.#control(encodeFrame(frameTypes.ping, 0, body)),
      dead: () => this.#fail(goawayCodes.timeout, lost("tunnel.dead", "No sign of life")),
    });
    this.windows = new Windows(options.clock, this.#limits, this.#keepalive);
    this.#control(encodeFrame(frameTypes.hello, 0, options.hello));
    channel.attach({
      data: (chunk) => this.#received(chunk),
      drained: () => this.#drained(),
      closed: (fault) => this.#gone(fault),
    });
  }

  get draining(): boolean {
    return this.#goawaySent || this.#goawaySeen || this.#ending !== null;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  get remoteAddress(): string {
    return this.#channel.remoteAddress;
  }

  open(header: Uint8Array): TunnelStream {
    if (header.length > openHeaderBytesMax) {
      throw new RangeError(`OPEN header of ${header.length} bytes, at most ${openHeaderBytesMax}`);
    }
    if (this.#ending !== null) throw turnedAway("tunnel.closed", "The tunnel is closed");
    if (this.draining || this.#nextId > streamIdMax) {
      throw turnedAway("tunnel.draining", "The tunnel is draining");
    }
    if (!this.#hasRoom()) throw turnedAway("tunnel.streams-limit", "The tunnel is full");
    const stream = new MuxStream(this, { id: this.#nextId, isOpener: true });
    this.#nextId += 2;
    this.#add(stream);
    this.#control(encodeFrame(frameTypes.open, stream.id, header));
    return stream;
  }

  goaway(reason: string): void {
    if (this.#goawaySent || this.#ending !== null) return;
    this.#goawaySent = true;
    const coded = { code: goawayCodes.drain, text: reason };
    this.#control(encodeCoded(frameTypes.goaway, 0, coded));
    this.#closeIfDrained();
  }

  close(reason?: Fault): void {
    const code = reason === undefined ? goawayCodes.drain : goawayCodes.internal;
    this.#end({ code, text: reason?.message ?? "closing", fault: reason ?? null });
  }

  // --- StreamPort ---

  get queueBytesMax(): number {
    return this.#limits.queueBytesMax;
  }

  ready(stream: MuxStream): void {
    if (this.#ending !== null) return;
    this.#outbox.ready(stream);
    this.#flushSoon();
  }

  sendAccept(stream: MuxStream): void {
    this.#control(encodeFrame(frameTypes.accept, stream.id));
  }

  sendReset(stream: MuxStream, code: ResetCode, message: string): void {
    if (this.#streams.has(stream.id)) this.#reset(stream.id, code, message);
  }

  sendCredit(stream: MuxStream, credit: number): void {
    this.#control(encodeWindow(stream.id, credit));
  }

  forget(stream: MuxStream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.windows.closed(stream);
    if (this.#receiving === stream) this.#receiving = null;
    this.#closeIfDrained();
  }

  // --- the channel ---

  #received(chunk: Uint8Array): void {
    if (this.#ending !== null) return;
    this.#keepalive.heard();
    try {
      this.#parser.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof TunnelError)) throw thrown;
      this.#fail(thrown.goaway, thrown.toFault());
    }
  }

  #drained(): void {
    this.#channelFull = false;
    this.#flush();
  }

  #gone(fault: Fault | null): void {
    const orderly = this.#goawaySent || this.#goawaySeen;
    const outcome = this.#ending !== null
      ? this.#ending.fault
      : fault ?? (orderly ? null : lost("tunnel.lost", "The peer left without saying why"));
    this.#stop(outcome);
    this.#goodbye?.cancel();
    this.#closed.resolve(outcome);
  }

  // --- frames of the peer ---

  #header(type: number, id: number, length: number): void {
    if (this.#helloSeen === (type === frameTypes.hello)) {
      throw broken("tunnel.hello", "HELLO is the first frame, and no other is");
    }
    if (id === 0) return;
    if (type === frameTypes.open) {
      const ofPeer = (id % 2 === 1) === (this.#options.side === "server");
      if (ofPeer && id > this.#lastPeerId) return;
      throw broken("tunnel.stream-id", `OPEN of stream ${id} after ${this.#lastPeerId}`);
    }
    const stream = this.#streams.get(id) ?? null;
    if (stream === null && !this.#wasUsed(id)) {
      throw broken("tunnel.unknown-stream", `Stream ${id} was never opened`);
    }
    if (type !== frameTypes.data) return;
    if (stream !== null) this.windows.received(stream);
    stream?.peerAnnounced(length);
    this.#receiving = stream;
  }

  #frame(type: number, id: number, body: Uint8Array): void {
    if (id === 0) this.#sessionFrame(type, body);
    else if (type === frameTypes.open) this.#opened(id, body);
    else {
      // Frames for a stream that ended here may still be on their way: they mean nothing now.
      const stream = this.#streams.get(id);
      if (stream !== undefined) this.#streamFrame(stream, type, body);
    }
  }

  #sessionFrame(type: number, body: Uint8Array): void {
    switch (type) {
      case frameTypes.hello:
        this.#helloSeen = true;
        this.#hello.resolve(body.slice());
        this.#keepalive.ask();
        break;
      case frameTypes.ping:
        this.#control(encodeFrame(frameTypes.pong, 0, body));
        break;
      case frameTypes.pong:
        this.#keepalive.answered(body);
        break;
      case frameTypes.goaway:
        this.#peerGoaway(body);
        break;
    }
  }

  #peerGoaway(body: Uint8Array): void {
    const { code, text } = decodeCoded(body);
    if (code !== goawayCodes.drain) {
      this.#end({
        code: goawayCodes.drain,
        text: "",
        fault: lost("tunnel.goaway", text || `The peer ended the tunnel (${code})`),
      });
      return;
    }
    const first = !this.#goawaySeen;
    this.#goawaySeen = true;
    if (first) this.#options.onGoaway?.(text);
  }

  #opened(id: number, header: Uint8Array): void {
    this.#lastPeerId = id;
    if (this.#goawaySent) return this.#reset(id, "retry", "The tunnel is draining");
    if (!this.#hasRoom()) return this.#reset(id, "retry", "The tunnel is full");
    // A copy, since a view would keep the read buffer alive as long as the stream.
    const stream = new MuxStream(this, { id, header: header.slice(), isOpener: false });
    this.#add(stream);
    this.#options.onOpen(stream);
  }

  #streamFrame(stream: MuxStream, type: number, body: Uint8Array): void {
    switch (type) {
      case frameTypes.accept:
        stream.peerAccepted();
        break;
      case frameTypes.window: {
        const credit = decodeWindow(body);
        if (credit === 0) throw broken("tunnel.credit-zero", "WINDOW without credit");
        stream.peerGave(credit);
        break;
      }
      case frameTypes.fin:
        stream.peerFinished();
        break;
      case frameTypes.reset: {
        const { code: number, text } = decodeCoded(body);
        const code = resetCodeOf(number);
        if (code === null) throw broken("tunnel.reset-code", `RESET with code ${number}`);
        stream.die(resetFault(code, text));
        break;
      }
    }
  }

  // --- sending ---

  #reset(id: number, code: ResetCode, text: string): void {
    this.#control(encodeCoded(frameTypes.reset, id, { code: resetNumber(code), text }));
  }

  #control(frame: Uint8Array): void {
    if (this.#ending !== null) return;
    this.#outbox.control(frame);
    if (this.#outbox.controlBytes > this.#limits.controlBytesMax) {
      this.#fail(goawayCodes.limit, lost("tunnel.unread", "The peer reads no answers"));
      return;
    }
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushDue || this.#channelFull) return;
    this.#flushDue = true;
    (this.#options.defer ?? queueMicrotask)(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const { headroom } = this.#channel;
    while (!this.#channelFull && this.#ending === null) {
      const served: Sender[] = [];
      const message = this.#outbox.build(
        headroom,
        this.#limits.messageBytesMax,
        (sender) => served.push(sender),
      );
      if (message === null) return;
      this.#channelFull = !this.#channel.send(message);
      for (const sender of served) sender.served();
    }
  }

  // --- the end ---

  #closeIfDrained(): void {
    if (!this.#goawaySent || this.#streams.size > 0 || this.#ending !== null) return;
    // In a later tick, so that the last FIN and the GOAWAY leave before the goodbye.
    queueMicrotask(() => queueMicrotask(() => this.#sayGoodbyeIfDrained()));
  }

  #sayGoodbyeIfDrained(): void {
    if (this.#streams.size > 0 || this.#ending !== null) return;
    this.#end({ code: goawayCodes.drain, text: "drained", fault: null });
  }

  #fail(code: GoawayCode, fault: Fault): void {
    this.#end({ code, text: fault.message, fault });
  }

  #end(end: { code: GoawayCode; text: string; fault: Fault | null }): void {
    if (this.#ending !== null) return;
    const last = this.#lastMessage(end.code, end.text);
    this.#stop(end.fault);
    this.#channel.send(last);
    this.#channel.close(end.code === goawayCodes.drain ? 1000 : 1002);
    const { clock } = this.#options;
    this.#goodbye = clock.after(goodbyeMs, () => this.#channel.abort(end.fault ?? undefined));
  }

  /** GOAWAY, behind what an orderly end still has to send. */
  #lastMessage(code: GoawayCode, text: string): Uint8Array {
    if (code !== goawayCodes.drain) this.#outbox.clear();
    this.#outbox.control(encodeCoded(frameTypes.goaway, 0, { code, text }));
    const { headroom } = this.#channel;
    return this.#outbox.build(headroom, 0, () => {}) ?? new Uint8Array(headroom);
  }

  #stop(fault: Fault | null): void {
    if (this.#ending !== null) return;
    this.#ending = { fault };
    this.#keepalive.stop();
    this.#parser.stop();
    this.#outbox.clear();
    const reason = lostStream(fault);
    this.#hello.reject(fault ?? reason);
    for (const stream of [...this.#streams.values()]) stream.die(reason);
  }

  // --- small things ---

  #add(stream: MuxStream): void {
    this.#streams.set(stream.id, stream);
    this.windows.opened();
  }

  #hasRoom(): boolean {
    return this.#streams.size < this.#limits.streamsMax && this.windows.hasRoom;
  }

  #wasUsed(id: number): boolean {
    const ofPeer = (id % 2 === 1) === (this.#options.side === "server");
    return ofPeer ? id <= this.#lastPeerId : id < this.#nextId;
  }
}
