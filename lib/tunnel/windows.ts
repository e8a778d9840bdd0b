import type { Clock } from "../core/clock.ts";
import { windowStartBytes } from "./frame.ts";
import type { Keepalive } from "./keepalive.ts";
import type { TunnelLimits } from "./limits.ts";
import type { WindowPort } from "./window.ts";

/** All receive windows of a session: what they may have together, and what each has to know. */
export class Windows implements WindowPort {
  readonly windowBytesMax: number;
  readonly #totalMax: number;
  readonly #clock: Clock;
  readonly #keepalive: Pick<Keepalive, "roundTripMs">;
  #bytes = 0;
  #last: object | null = null;
  #switches = 0;

  constructor(
    clock: Clock,
    limits: Pick<TunnelLimits, "windowBytesMax" | "windowBytesTotal">,
    keepalive: Pick<Keepalive, "roundTripMs">,
  ) {
    this.windowBytesMax = limits.windowBytesMax;
    this.#totalMax = limits.windowBytesTotal;
    this.#clock = clock;
    this.#keepalive = keepalive;
  }

  /** There is room for one more stream. */
  get hasRoom(): boolean {
    return this.#bytes + windowStartBytes <= this.#totalMax;
  }

  opened(): void {
    this.#bytes += windowStartBytes;
  }

  /** A stream is gone. */
  closed(stream: { readonly windowBytes: number }): void {
    this.#bytes -= stream.windowBytes;
    if (this.#last === stream) this.#last = null;
  }

  /** Data came for this stream. */
  received(stream: object): void {
    if (stream === this.#last) return;
    this.#last = stream;
    this.#switches += 1;
  }

  now(): number {
    return this.#clock.monotonic();
  }

  get roundTripMs(): number {
    return this.#keepalive.roundTripMs;
  }

  get switches(): number {
    return this.#switches;
  }

  /** A quarter of the whole stays free for new streams. */
  mayGrow(bytes: number): boolean {
    if (this.#bytes + bytes > this.#totalMax * 0.75) return false;
    this.#bytes += bytes;
    return true;
  }

  shrunk(bytes: number): void {
    this.#bytes -= bytes;
  }
}
