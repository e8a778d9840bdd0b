import { Fault } from "../core/fault.ts";
import type { Random } from "../core/random.ts";
import type { ByteStream } from "../core/stream.ts";
import type { Channel, ChannelReader } from "./channel.ts";
import { mask } from "./mask.ts";
import {
  opcodes,
  ownHeaderBytes,
  WebSocketError,
  writeWsHeader,
  wsHeaderBytesMax,
} from "./ws_frame.ts";
import { WsParser } from "./ws_parser.ts";

export interface WebSocketOptions {
  readonly side: "client" | "server";
  /**
   * "zero" where TLS is ours from end to end: masking guards plaintext intermediaries only
   * (spec.md, Masking). A source of random keys where something else ends the TLS.
   */
  readonly mask: "zero" | Random;
  /** Bytes that arrived behind the upgrade. */
  readonly early?: Uint8Array;
}

/** More than this waiting when a ping asks for an answer: the peer doesn't read. */
const answerQueueBytesMax = 1024 * 1024;
const zeroKey = new Uint8Array(4);

/** A channel of binary WebSocket messages (RFC 6455) over a byte stream, after the upgrade. */
export class WebSocketChannel implements Channel {
  readonly headroom = wsHeaderBytesMax;
  readonly #stream: ByteStream;
  readonly #options: WebSocketOptions;
  readonly #parser: WsParser;
  #reader: ChannelReader | null = null;
  #early: Uint8Array | null;
  #closeSent = false;
  #closeSeen = false;
  #isGone = false;

  constructor(stream: ByteStream, options: WebSocketOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#early = options.early ?? null;
    this.#parser = new WsParser({
      payload: (part) => this.#reader?.data(part),
      control: (opcode, body) => this.#control(opcode, body),
    }, options.side === "server");
  }

  get remoteAddress(): string {
    return this.#stream.remoteAddress;
  }

  attach(reader: ChannelReader): void {
    this.#reader = reader;
    // In a later microtask, since the caller isn't ready; but before all that the stream delivers.
    if (this.#early !== null) queueMicrotask(() => this.#takeEarly());
    this.#stream.attach({
      data: (chunk) => {
        this.#takeEarly();
        this.#data(chunk);
      },
      ended: () => this.#peerEnded(),
      drained: () => this.#reader?.drained(),
      closed: (fault) => this.#gone(fault),
    });
  }

  send(message: Uint8Array): boolean {
    if (this.#closeSent) return true;
    return this.#write(opcodes.binary, message);
  }

  close(code: number): void {
    if (this.#closeSent) return;
    const message = new Uint8Array(wsHeaderBytesMax + 2);
    new DataView(message.buffer).setUint16(wsHeaderBytesMax, code);
    this.#write(opcodes.close, message);
    this.#closeSent = true;
    this.#stream.end();
  }

  abort(reason?: Fault): void {
    this.#parser.stop();
    this.#gone(reason ?? broken("The WebSocket was aborted"));
    this.#stream.abort(reason);
  }

  /** One write: header, masked payload, all in the buffer that was handed in. */
  #write(opcode: number, message: Uint8Array): boolean {
    const length = message.length - wsHeaderBytesMax;
    const key = this.#key();
    const start = wsHeaderBytesMax - ownHeaderBytes(length, key !== null);
    writeWsHeader(message, start, { opcode, length, key });
    if (key !== null && key !== zeroKey) mask(message.subarray(wsHeaderBytesMax), key, 0);
    return this.#stream.write(message.subarray(start));
  }

  #key(): Uint8Array | null {
    if (this.#options.side === "server") return null;
    return this.#options.mask === "zero" ? zeroKey : this.#options.mask.bytes(4);
  }

  #takeEarly(): void {
    const early = this.#early;
    this.#early = null;
    if (early !== null) this.#data(early);
  }

  #data(chunk: Uint8Array): void {
    if (this.#isGone || this.#closeSeen) return;
    try {
      this.#parser.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof WebSocketError)) throw thrown;
      this.#parser.stop();
      this.close(thrown.status);
      this.#gone(broken(thrown.message));
      this.#stream.abort();
    }
  }

  #control(opcode: number, body: Uint8Array): void {
    if (opcode === opcodes.pong) return;
    if (opcode === opcodes.ping) {
      if (this.#closeSent) return;
      const message = new Uint8Array(wsHeaderBytesMax + body.length);
      message.set(body, wsHeaderBytesMax);
      this.#write(opcodes.pong, message);
      if (this.#stream.queuedBytes > answerQueueBytesMax) {
        this.abort(broken("The peer asks and reads no answers"));
      }
      return;
    }
    this.#closeSeen = true;
    this.#parser.stop();
    this.close(1000);
  }

  #peerEnded(): void {
    if (this.#closeSeen) return;
    this.#gone(broken("The peer left without saying goodbye"));
    this.#stream.abort();
  }

  /** The stream itself has to close: a goodbye alone frees no socket. */
  #gone(fault: Fault | null): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const isOrderly = this.#closeSent && this.#closeSeen;
    const reason = fault ?? broken("The connection closed without a goodbye");
    this.#reader?.closed(isOrderly ? null : reason);
  }
}

function broken(message: string): Fault {
  return new Fault({ kind: "network", code: "tunnel.websocket", message });
}
