/**
 * Builds one message in a buffer that grows; `finish` gives exactly the bytes written. A length
 * field is kept free with `mark` and filled in later with `patchU32be` and its kin.
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #at = 0;

  constructor(startBytes: number = 256) {
    this.#bytes = new Uint8Array(startBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16be(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u16le(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  i16be(value: number): this {
    const at = this.#grow(2);
    this.#view.setInt16(at, value);
    return this;
  }

  u32be(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u32le(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  i32be(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value);
    return this;
  }

  i32le(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  u64be(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  u64le(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  f64be(value: number): this {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  utf8(text: string): this {
    return this.bytes(encoder.encode(text));
  }

  /** Text and a NUL. A NUL inside would end the field early and shift all that follows: refused. */
  cstring(text: string): this {
    if (text.includes("\0")) throw new RangeError("Text of a NUL-terminated field holds a NUL");
    return this.utf8(text).u8(0);
  }

  /** Keeps `count` zero bytes free and gives their offset. */
  mark(count: number): number {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
    return at;
  }

  patchU16be(at: number, value: number): this {
    this.#view.setUint16(this.#written(at, 2), value);
    return this;
  }

  patchU32be(at: number, value: number): this {
    this.#view.setUint32(this.#written(at, 4), value);
    return this;
  }

  patchU32le(at: number, value: number): this {
    this.#view.setUint32(this.#written(at, 4), value, true);
    return this;
  }

  /** The bytes written, as a view; the writer must not be used afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  #grow(count: number): number {
    const at = this.#at;
    const need = at + count;
    if (need > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(need, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#at = need;
    return at;
  }

  #written(at: number, count: number): number {
    if (!(at >= 0 && at + count <= this.#at)) throw new RangeError(`Nothing written at ${at}`);
    return at;
  }
}

const encoder = new TextEncoder();

/** All parts in one new array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
