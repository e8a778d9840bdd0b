import { Fault } from "../core/fault.ts";
import type { PullReader } from "../core/pull.ts";

/** The HTTP/1.1 upgrade of RFC 6455 §4, by hand and for one path only. */

export const tunnelPath = "/v1/tunnel";
export const tunnelProtocol = "remoteler.tunnel.v1";
const headBytesMax = 8 * 1024;
const headLinesMax = 64;
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** SHA-1 of bytes: 20 bytes. RFC 6455 §4.2.2 asks for it, as a formality and not as protection. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

interface Head {
  readonly startLine: string;
  /** Lower-case names; a name that comes twice is joined by a comma (RFC 9110 §5.3). */
  readonly fields: ReadonlyMap<string, string>;
}

/** Reads up to and including the empty line; what follows is put back. */
async function readHead(reader: PullReader, signal: AbortSignal): Promise<Head> {
  let held: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await reader.pull(signal);
    if (chunk === null) throw refused("The connection ended inside the HTTP head");
    const joined = new Uint8Array(held.length + chunk.length);
    joined.set(held);
    joined.set(chunk, held.length);
    held = joined;
    const end = endOfHead(held);
    if (end > headBytesMax || (end < 0 && held.length > headBytesMax)) {
      throw refused("The HTTP head is too large");
    }
    if (end < 0) continue;
    reader.unread(held.subarray(end));
    return parseHead(latin1(held.subarray(0, end)));
  }
}

function endOfHead(held: Uint8Array): number {
  for (let at = held.indexOf(13); at >= 0; at = held.indexOf(13, at + 1)) {
    if (held[at + 1] === 10 && held[at + 2] === 13 && held[at + 3] === 10) return at + 4;
  }
  return -1;
}

function parseHead(text: string): Head {
  const lines = text.slice(0, -4).split("\r\n");
  if (lines.length > headLinesMax) throw refused("The HTTP head has too many lines");
  const fields = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    const key = line.slice(0, colon).toLowerCase();
    const value = withoutBlanks(line, colon + 1);
    if (colon < 1 || !/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(key) || /[\r\n\0]/.test(value)) {
      throw refused("The HTTP head has a malformed line");
    }
    const earlier = fields.get(key);
    fields.set(key, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { startLine: lines[0] ?? "", fields };
}

/** From `start`, without blanks around it. An expression for it would be slow on many blanks. */
function withoutBlanks(line: string, start: number): string {
  const isBlank = (at: number) => line[at] === " " || line[at] === "\t";
  let end = line.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return line.slice(start, end);
}

/** Server side: awaits `GET /v1/tunnel` and agrees, or answers with an HTTP error and throws. */
export async function acceptUpgrade(
  reader: PullReader,
  options: { readonly sha1: Sha1; readonly signal: AbortSignal },
): Promise<void> {
  const { sha1, signal } = options;
  const head = await readHead(reader, signal);
  const problem = problemOf(head);
  if (problem !== null) {
    await reader.write(
      ascii(`HTTP/1.1 ${problem}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`),
      signal,
    );
    throw refused(`The upgrade was refused: ${problem.slice(0, 60).split("\r\n")[0]}`);
  }
  const key = head.fields.get("sec-websocket-key") ?? "";
  const answer = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${await acceptValue(key, sha1)}`,
    `Sec-WebSocket-Protocol: ${tunnelProtocol}`,
    "\r\n",
  ];
  await reader.write(ascii(answer.join("\r\n")), signal);
}

/** Status and further lines of the refusal, or null when all is as it should be. */
function problemOf({ startLine, fields }: Head): string | null {
  const [method, target, version, ...rest] = startLine.split(" ");
  if (version !== "HTTP/1.1" || rest.length > 0) return "400 Bad Request";
  if (target !== tunnelPath) return "404 Not Found";
  if (method !== "GET") return "405 Method Not Allowed\r\nAllow: GET";
  if (!fields.has("host")) return "400 Bad Request";
  if (fields.has("content-length") || fields.has("transfer-encoding")) return "400 Bad Request";
  if (!hasToken(fields, "upgrade", "websocket") || !hasToken(fields, "connection", "upgrade")) {
    return "426 Upgrade Required\r\nUpgrade: websocket";
  }
  if (fields.get("sec-websocket-version") !== "13") {
    return "426 Upgrade Required\r\nSec-WebSocket-Version: 13";
  }
  // 16 bytes in base64: the last character has four spare bits.
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(fields.get("sec-websocket-key") ?? "")) {
    return "400 Bad Request";
  }
  return hasToken(fields, "sec-websocket-protocol", tunnelProtocol) ? null : "400 Bad Request";
}

/** Client side: asks for the upgrade and checks the answer (RFC 6455 §4.1). */
export async function requestUpgrade(
  reader: PullReader,
  options: {
    readonly host: string;
    /** 16 random bytes. */
    readonly nonce: Uint8Array;
    readonly sha1: Sha1;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { signal } = options;
  const key = btoa(String.fromCharCode(...options.nonce));
  const request = [
    `GET ${tunnelPath} HTTP/1.1`,
    `Host: ${options.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${tunnelProtocol}`,
    "\r\n",
  ];
  await reader.write(ascii(request.join("\r\n")), signal);
  const { startLine, fields } = await readHead(reader, signal);
  if (!/^HTTP\/1\.1 101( |$)/.test(startLine)) {
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(startLine)?.[1] ?? "no HTTP status";
    throw refused(`The peer did not upgrade to a tunnel: ${status}`);
  }
  const agreed = hasToken(fields, "upgrade", "websocket") &&
    hasToken(fields, "connection", "upgrade") &&
    fields.get("sec-websocket-protocol") === tunnelProtocol &&
    !fields.has("sec-websocket-extensions") &&
    fields.get("sec-websocket-accept") === await acceptValue(key, options.sha1);
  if (!agreed) throw refused("The peer's upgrade is not what was asked for");
}

async function acceptValue(key: string, sha1: Sha1): Promise<string> {
  return btoa(String.fromCharCode(...await sha1(ascii(key + acceptGuid))));
}

function hasToken(fields: ReadonlyMap<string, string>, name: string, token: string): boolean {
  const tokens = (fields.get(name) ?? "").split(",").map((part) => part.trim().toLowerCase());
  return tokens.includes(token);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0x7f);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function refused(message: string): Fault {
  return new Fault({ kind: "protocol", code: "tunnel.upgrade", message });
}
