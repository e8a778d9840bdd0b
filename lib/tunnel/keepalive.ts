import type { Clock, Timer } from "../core/clock.ts";

/**
 * Far below the idle limits of load balancers: it says how soon a cut link is noticed. TCP itself
 * would repeat what nobody acknowledges for a quarter of an hour.
 */
export const keepaliveMsDefault = 3_000;
const missedMax = 2;
const bodyBytes = 8;

/**
 * Asks the peer for a sign of life at a steady pace, whatever flows: behind a long queue the
 * peer's own questions arrive before its answers. Anything that arrives is a sign; after two
 * questions in a row without any (6 to 9 s of silence), the peer is taken for dead. How long its
 * answers take says how far away it is.
 */
export class Keepalive {
  readonly #clock: Clock;
  readonly #ping: (body: Uint8Array) => void;
  readonly #timer: Timer;
  #unanswered = 0;
  #asked = 0;
  #askedAt = 0;
  #roundTripMs = Infinity;

  constructor(
    clock: Clock,
    options: {
      readonly periodMs: number;
      /** Sends this body, which comes back in the answer. */
      readonly ping: (body: Uint8Array) => void;
      readonly dead: () => void;
    },
  ) {
    this.#clock = clock;
    this.#ping = options.ping;
    this.#timer = clock.every(options.periodMs, () => {
      if (this.#unanswered >= missedMax) {
        options.dead();
        return;
      }
      this.#unanswered += 1;
      this.ask();
    });
  }

  /** The shortest that an answer took so far: others waited in a queue. Infinity before any. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  ask(): void {
    this.#asked += 1;
    this.#askedAt = this.#clock.monotonic();
    const body = new Uint8Array(bodyBytes);
    new DataView(body.buffer).setUint32(0, this.#asked);
    this.#ping(body);
  }

  /** An answer to the last question tells of the distance, an older one doesn't. */
  answered(body: Uint8Array): void {
    const number = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0);
    if (number !== this.#asked) return;
    const took = this.#clock.monotonic() - this.#askedAt;
    this.#roundTripMs = Math.min(this.#roundTripMs, took);
  }

  heard(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
