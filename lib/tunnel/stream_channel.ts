import { Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import type { Channel, ChannelReader } from "./channel.ts";

/** The frames of a session and nothing around them, over a byte stream. */
export class StreamChannel implements Channel {
  readonly headroom = 0;
  readonly #stream: ByteStream;
  #reader: ChannelReader | null = null;
  #isGone = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  get remoteAddress(): string {
    return this.#stream.remoteAddress;
  }

  attach(reader: ChannelReader): void {
    this.#reader = reader;
    this.#stream.attach({
      data: (chunk) => {
        if (!this.#isGone) reader.data(chunk);
      },
      ended: () => this.#peerEnded(),
      drained: () => reader.drained(),
      closed: (fault) => this.#gone(fault),
    });
  }

  send(message: Uint8Array): boolean {
    return this.#stream.write(message);
  }

  /** GOAWAY, which the session sent before, is the goodbye. */
  close(): void {
    this.#stream.end();
  }

  abort(reason?: Fault): void {
    this.#gone(reason ?? aborted());
    this.#stream.abort(reason);
  }

  #peerEnded(): void {
    this.#gone(null);
    // Whoever has left may not read either.
    if (this.#stream.queuedBytes > 0) this.#stream.abort();
    else this.#stream.end();
  }

  #gone(fault: Fault | null): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#reader?.closed(fault);
  }
}

function aborted(): Fault {
  const message = "The connection was given up";
  return new Fault({ kind: "network", code: "tunnel.lost", message });
}
