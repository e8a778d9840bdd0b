import { ByteQueue } from "../bytes/queue.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { StreamReader } from "../core/stream.ts";
import type { StreamState, TunnelStream } from "./contract.ts";
import { broken } from "./faults.ts";
import { windowBytesCeiling, windowStartBytes } from "./frame.ts";
import { Inbox } from "./inbox.ts";
import type { Sender } from "./outbox.ts";
import { type ResetCode, resetCodeFor, resetFault } from "./reset.ts";
import { goawayCodes, TunnelError } from "./tunnel_error.ts";
import { ReceiveWindow, type WindowPort } from "./window.ts";

/** What a stream needs of its session. */
export interface StreamPort {
  readonly remoteAddress: string;
  readonly queueBytesMax: number;
  readonly windows: WindowPort;
  /** The stream has something to send. */
  ready(stream: MuxStream): void;
  sendAccept(stream: MuxStream): void;
  sendReset(stream: MuxStream, code: ResetCode, message: string): void;
  sendCredit(stream: MuxStream, credit: number): void;
  /** The stream has sent and received its last frame. */
  forget(stream: MuxStream): void;
}

const nothing = new Uint8Array(0);

export class MuxStream implements TunnelStream, Sender {
  readonly id: number;
  readonly header: Uint8Array;
  readonly accepted: Promise<void>;
  readonly #port: StreamPort;
  readonly #isOpener: boolean;
  readonly #acceptance = Promise.withResolvers<void>();
  #isAccepted = false;
  #hasReceived = false;

  #reader: StreamReader | null = null;
  #paused = true;
  readonly #inbox = new Inbox();
  readonly #window: ReceiveWindow;
  #isDelivering = false;
  #deliveryDue = false;
  #peerEnded = false;
  #endTold = false;

  readonly #queue = new ByteQueue();
  #credit = windowStartBytes;
  #ending = false;
  #finSent = false;
  #wantsDrain = false;

  #outcome: { readonly fault: Fault | null } | null = null;
  #closedTold = false;

  constructor(
    port: StreamPort,
    init: { readonly id: number; readonly header?: Uint8Array; readonly isOpener: boolean },
  ) {
    this.#port = port;
    this.id = init.id;
    this.#isOpener = init.isOpener;
    this.header = init.header ?? nothing;
    this.#window = new ReceiveWindow(port.windows);
    this.accepted = this.#acceptance.promise;
    this.accepted.catch(() => {});
  }

  get state(): StreamState {
    if (this.#outcome !== null) return "closed";
    if (this.#isAccepted) return "accepted";
    return this.#peerEnded && this.#isOpener ? "answered" : "opening";
  }

  get hasReceived(): boolean {
    return this.#hasReceived;
  }

  get remoteAddress(): string {
    return this.#port.remoteAddress;
  }

  get queuedBytes(): number {
    return this.#queue.length;
  }

  /** Bytes of unread data that the peer can cause, for the session's overall bound. */
  get windowBytes(): number {
    return this.#window.size;
  }

  accept(): void {
    if (this.#isOpener) throw new Error("A stream is accepted by the side that did not open it");
    if (this.#isAccepted || this.#outcome !== null) return;
    this.#isAccepted = true;
    this.#acceptance.resolve();
    this.#port.sendAccept(this);
  }

  attach(reader: StreamReader): void {
    this.#reader = reader;
    this.resume();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliverSoon();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ending || this.#outcome !== null || bytes.length === 0) return true;
    this.#queue.push(bytes);
    if (this.#credit > 0) this.#port.ready(this);
    if (this.#queue.length < this.#port.queueBytesMax) return true;
    this.#wantsDrain = true;
    return false;
  }

  end(): void {
    if (this.#ending || this.#outcome !== null) return;
    this.#ending = true;
    this.#port.ready(this);
  }

  abort(reason?: Fault): void {
    if (this.#outcome !== null) return;
    const code = resetCodeFor(reason);
    this.#port.sendReset(this, code, reason?.message ?? "");
    this.#dropReceived();
    this.die(reason ?? resetFault(code, "The stream was aborted"));
  }

  reset(code: ResetCode, message: string): void {
    if (this.#outcome !== null) return;
    this.#port.sendReset(this, code, message);
    this.#dropReceived();
    this.die(resetFault(code, message));
  }

  // --- for the outbox ---

  get sendableBytes(): number {
    return Math.min(this.#queue.length, this.#credit);
  }

  get finDue(): boolean {
    return this.#ending && !this.#finSent && this.#queue.length === 0 && this.#outcome === null;
  }

  moveTo(target: Uint8Array, at: number, count: number): void {
    this.#queue.moveTo(target, at, count);
    this.#credit -= count;
  }

  finSent(): void {
    this.#finSent = true;
    this.#finishIfDone();
  }

  /** Called after a turn, when the message is on its way. */
  served(): void {
    if (!this.#wantsDrain || this.#queue.length * 2 > this.#port.queueBytesMax) return;
    this.#wantsDrain = false;
    if (this.#outcome === null) this.#guarded((reader) => reader.drained());
  }

  // --- for the session: what the peer sent ---

  peerAccepted(): void {
    if (!this.#isOpener || this.#isAccepted || this.#peerEnded) {
      throw broken("tunnel.bad-accept", `ACCEPT of stream ${this.id} out of place`);
    }
    this.#isAccepted = true;
    this.#acceptance.resolve();
  }

  /** A DATA header: checked before any byte of the body is taken. */
  peerAnnounced(length: number): void {
    if (this.#peerEnded) throw broken("tunnel.data-after-fin", `DATA after FIN on ${this.id}`);
    if (this.#window.take(length)) return;
    throw new TunnelError(
      "tunnel.window-exceeded",
      goawayCodes.flow,
      `DATA of ${length} bytes is more than the credit of stream ${this.id}`,
    );
  }

  peerSent(part: Uint8Array): void {
    if (this.#outcome !== null) return;
    this.#hasReceived = true;
    if (this.#isDelivering || this.#paused || this.#reader === null || this.#inbox.length > 0) {
      this.#inbox.push(part);
    } else {
      this.#hand(part);
    }
  }

  peerFinished(): void {
    if (this.#peerEnded) throw broken("tunnel.fin-twice", `FIN twice on stream ${this.id}`);
    this.#peerEnded = true;
    if (this.#isOpener && !this.#isAccepted) {
      this.#acceptance.reject(
        new Fault({
          kind: "denied",
          code: "tunnel.answered",
          message: `Stream ${this.id} was answered without being accepted`,
        }),
      );
    }
    this.#deliver();
  }

  peerGave(credit: number): void {
    this.#credit += credit;
    if (this.#credit > windowBytesCeiling) {
      throw new TunnelError(
        "tunnel.credit-overflow",
        goawayCodes.flow,
        `Credit of stream ${this.id} above ${windowBytesCeiling} bytes`,
      );
    }
    this.#port.ready(this);
  }

  /** Ends the stream here. What a finished peer had sent is still delivered first. */
  die(fault: Fault): void {
    if (this.#outcome !== null) return;
    this.#outcome = { fault };
    this.#queue.clear();
    if (!this.#peerEnded) this.#inbox.clear();
    this.#port.forget(this);
    this.#acceptance.reject(fault);
    this.#deliver();
  }

  // --- delivery to the reader ---

  /** In a later microtask, so that attach and resume never call back into their caller. */
  #deliverSoon(): void {
    if (this.#deliveryDue) return;
    if (this.#inbox.length === 0 && !this.#peerEnded && this.#outcome === null) return;
    this.#deliveryDue = true;
    queueMicrotask(() => {
      this.#deliveryDue = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#isDelivering || this.#reader === null) return;
    while (!this.#paused) {
      const part = this.#inbox.shift();
      if (part === null) break;
      this.#hand(part);
    }
    if (this.#inbox.length === 0 && this.#peerEnded && !this.#endTold && !this.#paused) {
      this.#endTold = true;
      this.#guarded((reader) => reader.ended());
      this.#finishIfDone();
    }
    this.#tellClosed();
  }

  #hand(part: Uint8Array): void {
    this.#isDelivering = true;
    this.#guarded((reader) => reader.data(part));
    this.#isDelivering = false;
    if (this.#outcome !== null || this.#peerEnded) return;
    const credit = this.#window.passed(part.length);
    if (credit > 0) this.#port.sendCredit(this, credit);
    if (this.#inbox.length > 0) this.#deliverSoon();
  }

  #finishIfDone(): void {
    if (!this.#finSent || !this.#peerEnded || this.#outcome !== null) return;
    this.#port.forget(this);
    if (!this.#endTold) return;
    this.#outcome = { fault: null };
    this.#tellClosed();
  }

  /** An end that was decided here waits for no reader. */
  #dropReceived(): void {
    this.#inbox.clear();
    this.#endTold = true;
  }

  #tellClosed(): void {
    if (this.#outcome === null || this.#closedTold || this.#reader === null) return;
    if (this.#inbox.length > 0 || (this.#peerEnded && !this.#endTold)) return;
    this.#closedTold = true;
    const { fault } = this.#outcome;
    this.#guarded((reader) => reader.closed(fault));
  }

  /** A stream is the edge of a life: a mistake of its reader ends it, and nothing beside it. */
  #guarded(call: (reader: StreamReader) => void): void {
    const reader = this.#reader;
    if (reader === null) return;
    try {
      call(reader);
    } catch (thrown) {
      this.abort(asFault(thrown));
    }
  }
}
