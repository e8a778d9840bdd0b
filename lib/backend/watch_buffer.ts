/**
 * Fans changes out to watchers, each with a bounded buffer: a slow reader never holds up a commit.
 */
import type { Change, Key, Revision } from "../core/backend.ts";
import { Fault } from "../core/fault.ts";
import { encodeKey, encodePrefix, startsWith } from "./items.ts";

/** Changes that may wait for one reader. */
export const maxWaiting = 4096;

/** Those who watch the same. */
interface Watchers {
  readonly prefix: Uint8Array;
  readonly watches: Set<Watch>;
}

/** All watches of one backend. */
export class WatchHub {
  /** By prefix: a thousand agents watch the same few, and are not looked through one by one. */
  readonly #watchers = new Map<string, Watchers>();
  #closed = false;

  /**
   * Watches from the moment it is iterated. Ends quietly when the signal aborts, with a Fault
   * `backend.watch-behind` or `backend.closed` otherwise.
   */
  watch(prefix: Key, signal: AbortSignal, revision: () => Revision): AsyncIterable<Change> {
    const bytes = encodePrefix(prefix);
    return {
      [Symbol.asyncIterator]: () => {
        const watch = new Watch(signal, () => this.#remove(bytes, watch));
        if (this.#closed) watch.fail(closedFault());
        else if (!signal.aborted) {
          this.#add(bytes, watch);
          watch.push({ type: "ready", revision: revision() });
        }
        return watch;
      },
    };
  }

  /** Hands the changes of one commit to whom they concern. */
  publish(changes: readonly Change[]): void {
    if (this.#watchers.size === 0) return;
    for (const change of changes) {
      if (change.type === "ready") continue;
      const key = encodeKey(change.type === "put" ? change.entry.key : change.key);
      for (const { prefix, watches } of this.#watchers.values()) {
        if (startsWith(key, prefix)) { for (const watch of watches) watch.push(change); }
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const { watches } of this.#watchers.values()) {
      for (const watch of watches) watch.fail(closedFault());
    }
  }

  #add(prefix: Uint8Array, watch: Watch): void {
    const name = prefix.toHex();
    const same = this.#watchers.get(name) ?? { prefix, watches: new Set() };
    same.watches.add(watch);
    this.#watchers.set(name, same);
  }

  #remove(prefix: Uint8Array, watch: Watch): void {
    const name = prefix.toHex();
    const same = this.#watchers.get(name);
    same?.watches.delete(watch);
    if (same?.watches.size === 0) this.#watchers.delete(name);
  }
}

type Step = IteratorResult<Change, undefined>;
const done: Step = { done: true, value: undefined };

interface Waiting {
  resolve(step: Step): void;
  reject(fault: Fault): void;
}

class Watch implements AsyncIterator<Change, undefined> {
  readonly #signal: AbortSignal;
  readonly #leave: () => void;
  #buffer: Change[] = [];
  #waiting: Waiting | null = null;
  #fault: Fault | null = null;
  #ended = false;

  constructor(signal: AbortSignal, leave: () => void) {
    this.#signal = signal;
    this.#leave = leave;
    if (signal.aborted) this.#ended = true;
    else signal.addEventListener("abort", this.#stop, { once: true });
  }

  push(change: Change): void {
    if (this.#ended) return;
    if (this.#waiting) this.#settle()?.resolve({ done: false, value: change });
    else if (this.#buffer.length < maxWaiting) this.#buffer.push(change);
    else this.fail(behindFault());
  }

  /** What waits is dropped: the reader lists everything again anyway. */
  fail(fault: Fault): void {
    this.#finish();
    this.#fault = fault;
    const waiting = this.#settle();
    if (!waiting) return;
    this.#fault = null;
    waiting.reject(fault);
  }

  next(): Promise<Step> {
    const change = this.#buffer.shift();
    if (change) return Promise.resolve({ done: false, value: change });
    const fault = this.#fault;
    this.#fault = null;
    if (fault) return Promise.reject(fault);
    if (this.#ended) return Promise.resolve(done);
    return new Promise((resolve, reject) => this.#waiting = { resolve, reject });
  }

  return(): Promise<Step> {
    this.#stop();
    return Promise.resolve(done);
  }

  readonly #stop = (): void => {
    this.#finish();
    this.#settle()?.resolve(done);
  };

  #finish(): void {
    this.#ended = true;
    this.#buffer = [];
    this.#signal.removeEventListener("abort", this.#stop);
    this.#leave();
  }

  #settle(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }
}

function behindFault(): Fault {
  return new Fault({
    kind: "unavailable",
    code: "backend.watch-behind",
    message: `a watcher fell behind by more than ${maxWaiting} changes`,
  });
}

export function closedFault(): Fault {
  return new Fault({
    kind: "unavailable",
    code: "backend.closed",
    message: "the backend is closed",
  });
}
