/** Several servers as one stream: opens their connections, carries bytes, keeps the pressure. */
import type { Clock, Timer } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Released } from "../core/pull.ts";
import type { ByteStream, StreamReader } from "../core/stream.ts";
import { WireError } from "../wire/wire_error.ts";
import { failedBy } from "./refusal.ts";
import type { MakeSpread, ServerAddress, Spread, SpreadPowers } from "../wire/spread.ts";

/** A server that let us in, where its login left the stream. */
export interface OpenServer extends Released {
  readonly stream: ByteStream;
}

export interface SpreadParts {
  readonly make: MakeSpread;
  /** The connection that the session logged in by, and the host it was reached at. */
  readonly first: OpenServer & { readonly host: string };
  /** Where clients reach this session; null where that isn't known. */
  readonly endpoint: { readonly host: string; readonly port: number } | null;
  /** Connects and logs in as the session's user; throws words for the user. */
  readonly open: (address: ServerAddress, signal: AbortSignal) => Promise<OpenServer>;
  readonly clock: Clock;
  readonly onBug: (thrown: unknown) => void;
}

const firstName = "first";

export class SpreadStream implements ByteStream {
  readonly #parts: SpreadParts;
  readonly #spread: Spread;
  readonly #servers = new Map<string, ByteStream>();
  readonly #heldBack = new Set<string>();
  readonly #congested = new Set<string>();
  readonly #timers = new Map<number, Timer>();
  readonly #stop = new AbortController();
  #reader: StreamReader | null = null;
  #isPaused = true;
  /** For the client, while it is paused. */
  #out: Uint8Array[] = [];
  #wasFull = false;
  #isEnded = false;
  #isFinished = false;
  #isOver = false;

  constructor(parts: SpreadParts) {
    const { first, endpoint, make } = parts;
    this.#parts = parts;
    this.#servers.set(firstName, first.stream);
    const terms = { first: { connection: firstName, host: first.host }, endpoint };
    this.#spread = make(terms, this.#powers());
    this.#join(firstName, first);
  }

  get queuedBytes(): number {
    let bytes = 0;
    for (const stream of this.#servers.values()) bytes += stream.queuedBytes;
    return bytes;
  }

  get remoteAddress(): string {
    return this.#parts.first.stream.remoteAddress;
  }

  attach(reader: StreamReader): void {
    this.#reader = reader;
    this.resume();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    for (const stream of this.#servers.values()) stream.pause();
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.#out.length > 0) {
      const chunk = this.#out.shift();
      if (chunk !== undefined) this.#reader?.data(chunk);
    }
    for (const [name, stream] of this.#servers) {
      // Who was handed something may have asked for a pause.
      if (this.#isPaused) return;
      if (!this.#heldBack.has(name)) stream.resume();
    }
    if (!this.#isPaused && this.#isFinished) this.#finish();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#isEnded) return true;
    this.#do(() => this.#spread.client(bytes));
    this.#wasFull = this.#spread.isFull;
    return !this.#wasFull;
  }

  end(): void {
    if (this.#isOver || this.#isEnded) return;
    this.#isEnded = true;
    this.#do(() => this.#spread.ended());
  }

  abort(reason?: Fault): void {
    this.#close(reason ?? null);
  }

  #powers(): SpreadPowers {
    return {
      open: (name, address) => void this.#open(name, address),
      send: (name, bytes) => {
        const stream = this.#servers.get(name);
        if (stream !== undefined && !stream.write(bytes)) this.#congested.add(name);
      },
      isCongested: () => this.#congested.size > 0,
      close: (name) => this.#drop(name),
      hold: (name, held) => this.#hold(name, held),
      forward: (bytes) => {
        if (this.#isPaused || this.#out.length > 0) this.#out.push(bytes);
        else this.#reader?.data(bytes);
      },
      wakeIn: (ms) => this.#wakeIn(ms),
      finish: () => {
        this.#isFinished = true;
        if (!this.#isPaused) this.#finish();
      },
      fail: (why) =>
        this.#close(new Fault({ kind: "network", code: "db.spread", message: why, shown: why })),
    };
  }

  async #open(name: string, address: ServerAddress): Promise<void> {
    try {
      const opened = await this.#parts.open(address, this.#stop.signal);
      if (this.#isOver) return opened.stream.abort();
      this.#servers.set(name, opened.stream);
      this.#join(name, opened);
      this.#do(() => this.#spread.opened(name));
    } catch (thrown) {
      if (this.#isOver) return;
      const why = failedBy(thrown, "server").refusal.message;
      this.#do(() => this.#spread.lost(name, why));
    }
  }

  /** Takes over a server's stream, as far as a session takes more. */
  #join(name: string, { stream, early, ended }: OpenServer): void {
    stream.attach(this.#serverReader(name));
    if (this.#isPaused) stream.pause();
    if (early.length > 0) this.#do(() => this.#spread.server(name, early));
    if (ended) this.#lost(name, "it closed the connection");
  }

  #serverReader(name: string): StreamReader {
    return {
      data: (chunk) => this.#do(() => this.#spread.server(name, chunk)),
      ended: () => this.#lost(name, "it closed the connection"),
      drained: () => {
        this.#congested.delete(name);
        if (this.#congested.size === 0) this.#do(() => this.#spread.room());
      },
      closed: (fault) => this.#lost(name, fault?.shown ?? "it closed the connection"),
    };
  }

  #lost(name: string, why: string): void {
    if (this.#isOver || !this.#drop(name)) return;
    this.#do(() => this.#spread.lost(name, why));
  }

  #drop(name: string): boolean {
    const stream = this.#servers.get(name);
    this.#servers.delete(name);
    this.#heldBack.delete(name);
    this.#congested.delete(name);
    stream?.abort();
    return stream !== undefined;
  }

  #hold(name: string, held: boolean): void {
    if (held) this.#heldBack.add(name);
    else this.#heldBack.delete(name);
    const stream = this.#servers.get(name);
    if (held) stream?.pause();
    else if (!this.#isPaused) stream?.resume();
  }

  /** One timer for each length of time is enough. */
  #wakeIn(ms: number): void {
    if (this.#isOver || this.#timers.has(ms)) return;
    const run = () => {
      this.#timers.delete(ms);
      this.#do(() => this.#spread.wake());
    };
    this.#timers.set(ms, this.#parts.clock.after(ms, run));
  }

  /** Runs a step; what a server did wrong, or we did, ends the session. */
  #do(step: () => void): void {
    if (this.#isOver) return;
    try {
      step();
    } catch (thrown) {
      if (!(thrown instanceof WireError)) this.#parts.onBug(thrown);
      const message = thrown instanceof WireError
        ? `a server broke the protocol: ${thrown.messageName} (${thrown.code})`
        : "internal error in the Database Service";
      this.#close(new Fault({ kind: "target", code: "db.spread", message, shown: message }));
      return;
    }
    if (!this.#wasFull || this.#spread.isFull) return;
    this.#wasFull = false;
    this.#reader?.drained();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#reader?.ended();
    this.#close(null);
  }

  #close(fault: Fault | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop.abort();
    for (const timer of this.#timers.values()) timer.cancel();
    for (const stream of this.#servers.values()) stream.abort();
    this.#servers.clear();
    this.#out = [];
    // Whoever gave it up isn't told in the middle of that.
    queueMicrotask(() => this.#reader?.closed(fault));
  }
}
