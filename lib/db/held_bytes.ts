/**
 * Bytes on their way to the database that wait until the statements in them are recorded, in order.
 * Bytes that wait for nothing pass at once.
 */
export class HeldBytes {
  readonly #forward: (bytes: Uint8Array) => void;
  #queue: { readonly bytes: Uint8Array; readonly turn: number }[] = [];
  /** The turn being filled; bytes of it pass when it is released. */
  #turn = 1;
  #released = 0;
  #bytes = 0;

  constructor(forward: (bytes: Uint8Array) => void) {
    this.#forward = forward;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `announced`: a statement of the turn being filled came before these bytes. */
  push(bytes: Uint8Array, announced: boolean): void {
    const turn = announced ? this.#turn : this.#turn - 1;
    if (turn <= this.#released && this.#queue.length === 0) {
      this.#forward(bytes);
      return;
    }
    this.#queue.push({ bytes, turn });
    this.#bytes += bytes.length;
  }

  /** Ends the turn; give its number to `release` once its statements are recorded. */
  seal(): number {
    return this.#turn++;
  }

  release(turn: number): void {
    this.#released = Math.max(this.#released, turn);
    let count = 0;
    for (const held of this.#queue) {
      if (held.turn > this.#released) break;
      count += 1;
      this.#bytes -= held.bytes.length;
      this.#forward(held.bytes);
    }
    this.#queue = this.#queue.slice(count);
  }

  clear(): void {
    this.#queue = [];
    this.#bytes = 0;
  }
}
