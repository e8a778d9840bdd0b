import { Duplex } from "node:stream";
import type { ByteStream, StreamReader } from "../core/stream.ts";
import { Fault } from "../core/fault.ts";

const discard: StreamReader = {
  data: () => {},
  ended: () => {},
  drained: () => {},
  closed: () => {},
};

/**
 * A {@linkcode ByteStream} as the runtime's TLS wants what is below it. The runtime goes on reading
 * while TLS is paused, so what reads has to say `hold` as well; writes are answered when the stream
 * below takes more, which is how a full one is felt above.
 */
export class StreamDuplex extends Duplex {
  readonly below: ByteStream;
  #taken: (() => void) | null = null;
  #isHeld = false;
  #outcome: { readonly fault: Fault | null } | null = null;

  constructor(below: ByteStream) {
    super({ allowHalfOpen: true });
    this.below = below;
    // TLS above closes when this does; why is told by `fault`.
    this.on("error", () => {});
    below.attach({
      data: (chunk) => {
        if (!this.push(chunk)) below.pause();
      },
      ended: () => void this.push(null),
      drained: () => this.#drained(),
      closed: (fault) => {
        this.#outcome = { fault };
        if (fault !== null) this.destroy(fault);
        else this.#drained();
      },
    });
  }

  /** What the stream below was lost by; null while it is there, and after an orderly end. */
  get fault(): Fault | null {
    return this.#outcome?.fault ?? null;
  }

  /** Stops reading from below, or goes on. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (isHeld) this.below.pause();
    else this.below.resume();
  }

  /** Tears the stream below down, with what is queued in it. */
  abort(reason: Fault): void {
    this.below.abort(reason);
    this.destroy();
  }

  override _read(): void {
    if (!this.#isHeld) this.below.resume();
  }

  override _write(chunk: Uint8Array, _: string, taken: () => void): void {
    if (this.below.write(chunk) || this.#outcome !== null) taken();
    else this.#taken = taken;
  }

  override _final(done: () => void): void {
    this.below.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#taken = null;
    if (error === null) {
      this.below.end();
      // TLS has said its last word; what still comes is for nobody, and must not stay either.
      this.below.attach(discard);
    } else this.below.abort(error instanceof Fault ? error : undefined);
    done(error);
  }

  #drained(): void {
    const taken = this.#taken;
    this.#taken = null;
    taken?.();
  }
}
