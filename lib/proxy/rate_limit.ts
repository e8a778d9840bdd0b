import type { Clock } from "../core/clock.ts";
import { rateAddressesMax } from "./limits.ts";

/** At most `burst` at once and then one each `periodMs`, for each source address. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #periodMs: number;
  /** The theoretical time of the next one, by source (GCRA); in order of last use. */
  readonly #due = new Map<string, number>();

  constructor(clock: Clock, burst: number, periodMs: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#periodMs = periodMs;
  }

  /** Counts one. Gives 0, or the milliseconds until the next may come. */
  take(address: string): number {
    const source = sourceOf(address);
    const now = this.#clock.monotonic();
    const due = Math.max(this.#due.get(source) ?? 0, now);
    const early = due - now - (this.#burst - 1) * this.#periodMs;
    if (early > 0) return early;
    this.#due.delete(source);
    this.#due.set(source, due + this.#periodMs);
    const [oldest] = this.#due.keys();
    if (this.#due.size > rateAddressesMax && oldest !== undefined) this.#due.delete(oldest);
    return 0;
  }
}

/** Who counts as one: an IPv4 address, or an IPv6 network of 64 bits, which is one customer. */
export function sourceOf(address: string): string {
  const v6 = /^\[([^\]]*)\]/.exec(address)?.[1];
  if (v6 === undefined) return address.replace(/:\d+$/, "");
  const [head = "", tail] = v6.split("%")[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  const whole = [...groups, ...Array<string>(zeros).fill("0"), ...rest];
  return whole.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":");
}
