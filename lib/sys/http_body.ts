/** Bodies of HTTP/1.1 messages: by length, chunked, or until the end (RFC 9112 §6, §7). */
import { Fault } from "../core/fault.ts";
import type { PullReader } from "../core/pull.ts";
import { badHttp, type Headers } from "./http_head.ts";

/** How the end of a body is known. */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** Of a request: no length and no encoding means no body. */
export function requestFraming(headers: Headers): Framing {
  return declared(headers) ?? { kind: "length", bytes: 0 };
}

/** Of an answer; some statuses never have a body. */
export function responseFraming(status: number, headers: Headers): Framing {
  if (status < 200 || status === 204 || status === 304) return { kind: "length", bytes: 0 };
  return declared(headers) ?? { kind: "until-close" };
}

function declared(headers: Headers): Framing | null {
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked") throw badHttp("an unknown transfer encoding");
    return { kind: "chunked" };
  }
  const length = headers["content-length"];
  if (length === undefined) return null;
  if (!/^[0-9]{1,15}$/.test(length)) throw badHttp("a malformed Content-Length");
  return { kind: "length", bytes: Number(length) };
}

/** One body, read once; what follows it stays with the reader it comes from. */
export class IncomingBody {
  readonly #pull: PullReader;
  readonly #framing: Framing;
  #started = false;
  #done: boolean;

  constructor(pull: PullReader, framing: Framing) {
    this.#pull = pull;
    this.#framing = framing;
    this.#done = framing.kind === "length" && framing.bytes === 0;
  }

  /** All of it was read. */
  get done(): boolean {
    return this.#done;
  }

  /** Nobody asked for it yet. */
  get untouched(): boolean {
    return !this.#started;
  }

  /** All of it; a fault of kind `limit` where it is longer than `maxBytes`. */
  async whole(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#framing.kind === "length" && this.#framing.bytes > maxBytes) throw tooLarge(maxBytes);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of this.chunks(signal)) {
      length += part.length;
      if (length > maxBytes) throw tooLarge(maxBytes);
      parts.push(part);
    }
    const whole = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** In the pieces in which it arrives. */
  async *chunks(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.#started) throw new Error("The body was read before");
    this.#started = true;
    const framing = this.#framing;
    if (framing.kind === "length") yield* this.#exactly(framing.bytes, signal);
    else if (framing.kind === "chunked") yield* this.#chunked(signal);
    else yield* this.#untilClose(signal);
    this.#done = true;
  }

  async *#exactly(bytes: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0;) {
      const chunk = await this.#pull.pull(signal);
      if (chunk === null) throw badHttp("a body that was cut short");
      this.#pull.unread(chunk.subarray(left));
      const part = chunk.subarray(0, left);
      left -= part.length;
      yield part;
    }
  }

  async *#untilClose(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.#pull.pull(signal);
      if (chunk === null) return;
      yield chunk;
    }
  }

  async *#chunked(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    for (;;) {
      const line = await this.#line(signal);
      const size = /^([0-9a-fA-F]{1,8})(?:[ \t]*;[\t -~]*)?$/.exec(line);
      if (size === null) throw badHttp("a malformed chunk size");
      const bytes = parseInt(size[1] ?? "", 16);
      if (bytes === 0) break;
      yield* this.#exactly(bytes, signal);
      if (await this.#line(signal) !== "") throw badHttp("a chunk without an end");
    }
    for (let trailers = 0; await this.#line(signal) !== ""; trailers += 1) {
      if (trailers === 20) throw badHttp("too many trailers");
    }
  }

  /** The text before the next CRLF. */
  async #line(signal?: AbortSignal): Promise<string> {
    let line = "";
    for (;;) {
      const chunk = await this.#pull.pull(signal);
      if (chunk === null) throw badHttp("a body that was cut short");
      const end = chunk.indexOf(10);
      const part = end === -1 ? chunk : chunk.subarray(0, end + 1);
      if (line.length + part.length > 1024) throw badHttp("a line over its limit");
      for (const byte of part) line += String.fromCharCode(byte);
      if (end === -1) continue;
      this.#pull.unread(chunk.subarray(end + 1));
      if (!line.endsWith("\r\n")) throw badHttp("a bare line feed");
      return line.slice(0, -2);
    }
  }
}

/** One chunk of the chunked encoding; an empty one is the end. */
export function encodeChunk(bytes: Uint8Array): Uint8Array {
  const size = new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`);
  const out = new Uint8Array(size.length + bytes.length + 2);
  out.set(size);
  out.set(bytes, size.length);
  out.set([13, 10], size.length + bytes.length);
  return out;
}

function tooLarge(maxBytes: number): Fault {
  return new Fault({
    kind: "limit",
    code: "sys.http-body-too-large",
    message: `an HTTP body over ${maxBytes} bytes`,
    shown: "the request is too large",
  });
}
