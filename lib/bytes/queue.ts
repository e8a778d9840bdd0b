/**
 * A first-in first-out queue of byte chunks. Pushing and taking cost no copy as long as what is
 * taken lies within one chunk. Amortised constant time however many chunks wait.
 */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  /** Index of the first chunk that still holds bytes; those before it are dropped now and then. */
  #first = 0;
  #length = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next bytes, at most `maxBytes` and never across chunks; null when there are none. */
  shift(maxBytes: number): Uint8Array | null {
    const chunk = this.#chunks[this.#first];
    if (chunk === undefined || maxBytes <= 0) return null;
    if (chunk.length > maxBytes) {
      this.#chunks[this.#first] = chunk.subarray(maxBytes);
      this.#length -= maxBytes;
      return chunk.subarray(0, maxBytes);
    }
    this.#length -= chunk.length;
    this.#first += 1;
    if (this.#first > 64 && this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    } else if (this.#first === this.#chunks.length) {
      this.#chunks = [];
      this.#first = 0;
    }
    return chunk;
  }

  /** Moves exactly `count` bytes into `target` at `at`; `count` must not exceed `length`. */
  moveTo(target: Uint8Array, at: number, count: number): void {
    if (count > this.#length) throw new RangeError(`Queue holds ${this.#length}, not ${count}`);
    for (let left = count; left > 0;) {
      const part = this.shift(left);
      if (part === null) return;
      target.set(part, at + count - left);
      left -= part.length;
    }
  }

  /** Everything, in one array (a copy only of several chunks); the queue is then empty. */
  takeAll(): Uint8Array {
    const only = this.#chunks[this.#first];
    if (only !== undefined && only.length === this.#length) {
      this.clear();
      return only;
    }
    const whole = new Uint8Array(this.#length);
    this.moveTo(whole, 0, this.#length);
    return whole;
  }

  clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#length = 0;
  }
}
