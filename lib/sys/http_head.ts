/**
 * Heads of HTTP/1.1 messages (RFC 9112), strictly: what two readers could understand differently
 * is refused.
 */
import { Fault } from "../core/fault.ts";
import type { PullReader } from "../core/pull.ts";

/** Header fields by name in lower case; a repeated field is joined by ", ". */
export type Headers = Readonly<Record<string, string>>;

export interface RequestHead {
  readonly method: string;
  /** Percent-encoded path, without the query. */
  readonly path: string;
  /** What follows `?`, as sent; empty where there is none. */
  readonly query: string;
  readonly headers: Headers;
  /** The connection may carry another request. */
  readonly keepAlive: boolean;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
  readonly keepAlive: boolean;
}

/** Largest head taken, in bytes; a longer one is refused. */
export const headLimit = 16 * 1024;
const fieldsLimit = 100;

/** The next head with its empty line, or null where the peer ended before it. */
export async function readHead(pull: PullReader, signal?: AbortSignal): Promise<string | null> {
  let held = new Uint8Array(0);
  for (;;) {
    const chunk = await pull.pull(signal);
    if (chunk === null) {
      if (held.length === 0) return null;
      throw badHttp("the head was cut short");
    }
    const from = Math.max(0, held.length - 3);
    held = joined(held, chunk);
    const end = endOfHead(held, from);
    if (end > headLimit || (end === -1 && held.length > headLimit)) {
      throw new Fault({
        kind: "limit",
        code: "sys.http-head-too-large",
        message: `an HTTP head over ${headLimit} bytes`,
      });
    }
    if (end === -1) continue;
    pull.unread(held.subarray(end));
    return latin1(held.subarray(0, end));
  }
}

/** Throws `sys.bad-http` on anything but a well-formed HTTP/1.x request head. */
export function parseRequestHead(text: string): RequestHead {
  const lines = text.split("\r\n");
  const [method, target, version, ...more] = (lines[0] ?? "").split(" ");
  if (method === undefined || target === undefined || more.length > 0) {
    throw badHttp("a malformed request line");
  }
  if (!isToken(method) || method.length > 32) throw badHttp("a malformed method");
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") throw badHttp("another HTTP version");
  if (!/^\/[!-~]*$/.test(target)) throw badHttp("a malformed target");
  const headers = parseFields(lines.slice(1, -2));
  if (version === "HTTP/1.1" && headers["host"] === undefined) throw badHttp("no Host field");
  const cut = target.indexOf("?");
  return {
    method,
    path: cut === -1 ? target : target.slice(0, cut),
    query: cut === -1 ? "" : target.slice(cut + 1),
    headers,
    keepAlive: version === "HTTP/1.1" && !hasToken(headers["connection"], "close"),
  };
}

/** Throws `sys.bad-http` on anything but a well-formed HTTP/1.x response head. */
export function parseResponseHead(text: string): ResponseHead {
  const lines = text.split("\r\n");
  const line = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: [\t -~\x80-\xff]*)?$/.exec(lines[0] ?? "");
  if (line === null) throw badHttp("a malformed status line");
  const headers = parseFields(lines.slice(1, -2));
  return {
    status: Number(line[2]),
    headers,
    keepAlive: line[1] === "1" && !hasToken(headers["connection"], "close"),
  };
}

/** A head as it goes out. Field values must hold no line break: throws a TypeError else. */
export function encodeHead(first: string, headers: Headers): Uint8Array {
  let text = `${first}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!isToken(name) || !/^[\t -~\x80-\xff]*$/.test(value)) {
      throw new TypeError(`HTTP field ${name} can't be sent`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return Uint8Array.from(`${text}\r\n`, (char) => char.charCodeAt(0));
}

/** Whether a list-valued field holds this token, in any case. */
export function hasToken(field: string | undefined, token: string): boolean {
  return (field ?? "").split(",").some((part) => part.trim().toLowerCase() === token);
}

/** The peer broke HTTP. */
export function badHttp(what: string): Fault {
  return new Fault({ kind: "protocol", code: "sys.bad-http", message: `HTTP: ${what}` });
}

function parseFields(lines: readonly string[]): Headers {
  if (lines.length > fieldsLimit) throw badHttp("too many fields");
  const found = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    // No folded lines and no space before the colon (RFC 9112 §5.1, §5.2).
    if (colon < 1 || !isToken(name)) throw badHttp("a malformed field");
    const value = withoutBlanks(line, colon + 1);
    if (!/^[\t -~\x80-\xff]*$/.test(value)) throw badHttp("a malformed field value");
    const before = found.get(name);
    if (before !== undefined && once.has(name)) throw badHttp("a repeated field");
    found.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (found.has("content-length") && found.has("transfer-encoding")) {
    throw badHttp("a length and a transfer encoding");
  }
  return Object.fromEntries(found);
}

/** From `start`, without blanks around it. An expression for it would be slow on many blanks. */
function withoutBlanks(line: string, start: number): string {
  const isBlank = (at: number) => line[at] === " " || line[at] === "\t";
  let end = line.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return line.slice(start, end);
}

const once = new Set(["host", "content-length", "transfer-encoding", "content-type"]);

function isToken(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);
}

function endOfHead(held: Uint8Array, from: number): number {
  for (let at = from; at + 3 < held.length; at += 1) {
    if (held[at] === 13 && held[at + 1] === 10 && held[at + 2] === 13 && held[at + 3] === 10) {
      return at + 4;
    }
  }
  return -1;
}

function joined(a: Uint8Array<ArrayBuffer>, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
