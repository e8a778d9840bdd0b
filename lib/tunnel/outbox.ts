import { dataBytesMax, encodeFrame, frameHeaderBytes, frameTypes } from "./frame.ts";
import { writeFrameHeader } from "./frame.ts";

/** A stream as the outbox sees it. */
export interface Sender {
  readonly id: number;
  /** Bytes that may be sent now: queued and within the credit. */
  readonly sendableBytes: number;
  /** All is sent but the FIN. */
  readonly finDue: boolean;
  /** Moves `count` queued bytes into `target` and takes them from the credit. */
  moveTo(target: Uint8Array, at: number, count: number): void;
  finSent(): void;
  /** The message with the sender's turn is on its way. */
  served(): void;
}

/** A turn that would be cut to less than this waits for the next message instead. */
const turnBytesMin = 1024;

/**
 * What waits to be sent: control frames first, then one DATA frame of each stream that has bytes
 * and credit, in turn. Streams without either cost nothing.
 */
export class Outbox {
  #control: Uint8Array[] = [];
  #controlBytes = 0;
  #ready: Sender[] = [];
  readonly #isReady = new Set<Sender>();

  get isEmpty(): boolean {
    return this.#controlBytes === 0 && this.#ready.length === 0;
  }

  get controlBytes(): number {
    return this.#controlBytes;
  }

  control(frame: Uint8Array): void {
    this.#control.push(frame);
    this.#controlBytes += frame.length;
  }

  /** Gives the sender a turn if it has anything to send; asking twice gives one turn. */
  ready(sender: Sender): void {
    if (this.#isReady.has(sender) || !(sender.sendableBytes > 0 || sender.finDue)) return;
    this.#isReady.add(sender);
    this.#ready.push(sender);
  }

  clear(): void {
    this.#control = [];
    this.#controlBytes = 0;
    this.#ready = [];
    this.#isReady.clear();
  }

  /**
   * One message with `headroom` free bytes in front and at most about `maxBytes` of frames, or null
   * when nothing waits. `served` gets each stream that had a turn.
   */
  build(headroom: number, maxBytes: number, served: (sender: Sender) => void): Uint8Array | null {
    if (this.isEmpty) return null;
    const message = new Uint8Array(headroom + this.#estimate(maxBytes));
    let at = this.#writeControl(message, headroom);
    const turns = this.#ready;
    this.#ready = [];
    let next = 0;
    for (; next < turns.length; next++) {
      const sender = turns[next];
      if (sender === undefined) continue;
      const end = this.#turn(sender, message, at);
      if (end === null) break;
      at = end;
      if (sender.sendableBytes > 0) turns.push(sender);
      else this.#isReady.delete(sender);
      served(sender);
    }
    this.#ready = next === 0 ? turns.concat(this.#ready) : turns.slice(next).concat(this.#ready);
    return message.subarray(0, at);
  }

  /** Where the turn ends in the message, or null when there is no room for it. */
  #turn(sender: Sender, message: Uint8Array, start: number): number | null {
    let at = start;
    const wanted = Math.min(sender.sendableBytes, dataBytesMax);
    if (wanted > 0) {
      const room = message.length - at - 2 * frameHeaderBytes;
      if (room < Math.min(wanted, turnBytesMin)) return null;
      const length = Math.min(wanted, room);
      writeFrameHeader(message, at, { type: frameTypes.data, id: sender.id, length });
      sender.moveTo(message, at + frameHeaderBytes, length);
      at += frameHeaderBytes + length;
    }
    if (sender.finDue) {
      if (message.length - at < frameHeaderBytes) return null;
      message.set(encodeFrame(frameTypes.fin, sender.id), at);
      at += frameHeaderBytes;
      sender.finSent();
    }
    return at;
  }

  #writeControl(message: Uint8Array, start: number): number {
    let at = start;
    for (const frame of this.#control) {
      message.set(frame, at);
      at += frame.length;
    }
    this.#control = [];
    this.#controlBytes = 0;
    return at;
  }

  /** Room for all control frames, and for the streams' bytes up to the limit. */
  #estimate(maxBytes: number): number {
    let bytes = 0;
    for (const sender of this.#ready) {
      const frames = 2 + Math.ceil(sender.sendableBytes / dataBytesMax);
      bytes += sender.sendableBytes + frames * frameHeaderBytes;
      if (bytes >= maxBytes) return this.#controlBytes + maxBytes;
    }
    return this.#controlBytes + bytes;
  }
}
