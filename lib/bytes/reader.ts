/** A complete message ended before what it announced; all that a {@linkcode ByteReader} throws. */
export class ShortInput extends Error {
  override readonly name = "ShortInput";
  /** Bytes that were asked for. */
  readonly wanted: number;
  /** Bytes that were left. */
  readonly left: number;
  /** Where in the message the reader stood. */
  readonly offset: number;

  constructor(wanted: number, left: number, offset: number) {
    super(`Message ends at byte ${offset + left}, wanted ${wanted} bytes from byte ${offset}`);
    this.wanted = wanted;
    this.left = left;
    this.offset = offset;
  }
}

/**
 * A cursor over one complete message that never reads outside it; every read throws
 * {@linkcode ShortInput} when too few bytes are left, and then the cursor stays where it was.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Made at the first number: many messages have texts only. */
  #numbers: DataView | null = null;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16be(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u16le(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  i16be(): number {
    return this.#view.getInt16(this.#take(2));
  }

  i16le(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  u32be(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32be(): number {
    return this.#view.getInt32(this.#take(4));
  }

  i32le(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  u64be(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  u64le(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  i64be(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  i64le(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  f32be(): number {
    return this.#view.getFloat32(this.#take(4));
  }

  f64be(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  f64le(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A view of the next `length` bytes; no copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A view of all that is left; no copy. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** The next byte without passing it. */
  peek(): number {
    if (this.left < 1) throw new ShortInput(1, 0, this.#at);
    return this.#bytes[this.#at] ?? 0;
  }

  /** `length` bytes as UTF-8; broken sequences become U+FFFD. */
  utf8(length: number): string {
    return lenient.decode(this.bytes(length));
  }

  /**
   * Text up to the next NUL, which is passed and must lie within the message and within `maxBytes`
   * of text; broken UTF-8 becomes U+FFFD.
   */
  cstring(maxBytes: number = Number.MAX_SAFE_INTEGER): string {
    return lenient.decode(this.cbytes(maxBytes));
  }

  /** As {@linkcode cstring}, but the bytes before the NUL as they are. */
  cbytes(maxBytes: number = Number.MAX_SAFE_INTEGER): Uint8Array {
    const nul = this.#bytes.indexOf(0, this.#at);
    if (nul < 0 || nul - this.#at > maxBytes) {
      throw new ShortInput(this.left + 1, this.left, this.#at);
    }
    const found = this.#bytes.subarray(this.#at, nul);
    this.#at = nul + 1;
    return found;
  }

  get #view(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return this.#numbers ??= new DataView(buffer, byteOffset, byteLength);
  }

  #take(length: number): number {
    if (!(length >= 0 && length <= this.left)) throw new ShortInput(length, this.left, this.#at);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
