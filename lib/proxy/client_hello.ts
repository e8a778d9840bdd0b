/** The first message of TLS, read before any TLS server is chosen (RFC 8446 §4.1.2, §5.1). */
import { ByteReader, ShortInput } from "../bytes/reader.ts";
import { clientHelloBytesMax } from "./limits.ts";

export interface ClientHello {
  /** Server name asked for, in lower case; null where none (RFC 6066 §3). */
  readonly sni: string | null;
  /** Protocols offered, in the client's order (RFC 7301 §3.1). */
  readonly alpn: readonly string[];
}

const handshakeRecord = 22;
const clientHelloType = 1;
const recordBytesMax = 16_384;
const serverNameExtension = 0;
const alpnExtension = 16;

/** "more" while it is incomplete, null where it is no ClientHello or over its limit. */
export function readClientHello(held: Uint8Array): ClientHello | "more" | null {
  const message = assemble(held);
  if (!(message instanceof Uint8Array)) return message;
  try {
    return readMessage(new ByteReader(message));
  } catch (thrown) {
    if (thrown instanceof ShortInput) return null;
    throw thrown;
  }
}

/** Joins the records that the message is spread over; its body without type and length. */
function assemble(held: Uint8Array): Uint8Array | "more" | null {
  const parts: Uint8Array[] = [];
  let at = 0;
  let isBroken = false;
  while (at + 5 <= held.length && !isBroken) {
    const [type, major, , high = 0, low = 0] = held.subarray(at, at + 5);
    const bytes = high * 256 + low;
    isBroken = type !== handshakeRecord || major !== 3 || bytes === 0 || bytes > recordBytesMax;
    if (!isBroken) parts.push(held.subarray(at + 5, at + 5 + bytes));
    at += 5 + bytes;
  }
  const message = joined(parts);
  const [type, a, b, c] = message;
  if (type !== undefined && type !== clientHelloType) return null;
  if (a !== undefined && b !== undefined && c !== undefined) {
    const end = 4 + a * 65_536 + b * 256 + c;
    if (end > clientHelloBytesMax) return null;
    // What follows, early data for example, is not this message's.
    if (message.length >= end) return message.subarray(4, end);
  }
  return isBroken ? null : "more";
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function readMessage(message: ByteReader): ClientHello {
  message.bytes(2 + 32); // legacy_version, random
  message.bytes(message.u8()); // legacy_session_id
  message.bytes(message.u16be()); // cipher_suites
  message.bytes(message.u8()); // legacy_compression_methods
  let sni: string | null = null;
  let alpn: readonly string[] = [];
  // TLS 1.2 clients may leave the extensions out altogether.
  const extensions = new ByteReader(message.left === 0 ? none : message.bytes(message.u16be()));
  while (extensions.left > 0) {
    const type = extensions.u16be();
    const body = new ByteReader(extensions.bytes(extensions.u16be()));
    if (type === serverNameExtension) sni = readServerName(body);
    if (type === alpnExtension) alpn = readAlpn(body);
  }
  return { sni, alpn };
}

const none = new Uint8Array(0);

function readServerName(body: ByteReader): string | null {
  const list = new ByteReader(body.bytes(body.u16be()));
  while (list.left > 0) {
    const type = list.u8();
    const name = latin1(list.bytes(list.u16be()));
    if (type === 0) return name.toLowerCase();
  }
  return null;
}

function readAlpn(body: ByteReader): readonly string[] {
  const list = new ByteReader(body.bytes(body.u16be()));
  const names: string[] = [];
  while (list.left > 0) names.push(latin1(list.bytes(list.u8())));
  return names;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
