import { createHash, type Hash } from "node:crypto";
import { limits } from "./limits.ts";

/** What is kept of an argument: all of a short one; of a longer one its front and its SHA-256. */
export interface KeptArgument {
  readonly bytes: Uint8Array;
  /** Its whole length in bytes. */
  readonly length: number;
  /** In hex, where `bytes` is only the front. */
  readonly sha256: string | null;
}

/** Keeps an argument that is there whole; `bytes` is copied. */
export function keepArgument(bytes: Uint8Array): KeptArgument {
  const { length } = bytes;
  const max = limits.argumentKeptBytes;
  if (length <= max) return { bytes: bytes.slice(), length, sha256: null };
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { bytes: bytes.slice(0, max), length, sha256 };
}

/** The arguments of a command that is too long to be held, as they pass. */
export class LongCommand {
  readonly #kept: KeptArgument[] = [];
  #room: number = limits.streamedKeptBytes;
  /** Arguments beyond what is kept. */
  #omitted = 0;
  #front = new Uint8Array(0);
  #frontBytes = 0;
  #length = 0;
  #hash: Hash | null = null;
  #bytes = 0;

  /** @param held arguments that were there before it was known to be long */
  constructor(held: readonly Uint8Array[]) {
    for (const argument of held) this.#keep(keepArgument(argument));
  }

  get arguments(): readonly KeptArgument[] {
    return this.#kept;
  }

  get omitted(): number {
    return this.#omitted;
  }

  /** Payload bytes of the arguments so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An argument of so many bytes begins. */
  begin(length: number): void {
    this.#length = length;
    this.#front = new Uint8Array(Math.min(length, limits.argumentKeptBytes));
    this.#frontBytes = 0;
    this.#hash = length > limits.argumentKeptBytes ? createHash("sha256") : null;
  }

  body(bytes: Uint8Array): void {
    this.#hash?.update(bytes);
    const room = this.#front.length - this.#frontBytes;
    if (room === 0) return;
    this.#front.set(bytes.subarray(0, room), this.#frontBytes);
    this.#frontBytes += Math.min(room, bytes.length);
  }

  end(): void {
    const sha256 = this.#hash?.digest("hex") ?? null;
    this.#hash = null;
    this.#keep({ bytes: this.#front, length: this.#length, sha256 });
  }

  #keep(argument: KeptArgument): void {
    this.#bytes += argument.length;
    this.#room -= argument.bytes.length + 64;
    if (this.#room < 0) this.#omitted += 1;
    else this.#kept.push(argument);
  }
}
