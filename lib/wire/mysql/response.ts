import { ByteReader } from "../../bytes/reader.ts";
import type { ByteWriter } from "../../bytes/writer.ts";
import { can, has } from "./capabilities.ts";
import { lenencBytes, putLenencBytes, putLenencInt } from "./lenenc.ts";
import { limits } from "./limits.ts";
import { packet, readFront, wireError } from "./packet.ts";
import { utf8 } from "../text.ts";

const NAME = "HandshakeResponse";
/** Flags, the longest packet, collation and filler: all that an SSLRequest has. */
export const SSL_REQUEST_BYTES = 32;

/** What a client says of itself ("Protocol::HandshakeResponse41"). */
export interface HandshakeResponse {
  readonly flags: number;
  /** MariaDB's further flags. */
  readonly extended: number;
  readonly packetBytesMax: number;
  readonly collation: number;
  readonly user: string;
  readonly proof: Uint8Array;
  readonly database: string;
  readonly plugin: string;
  readonly attributes: ReadonlyMap<string, string>;
}

type Head = Pick<HandshakeResponse, "flags" | "extended" | "packetBytesMax" | "collation">;

/** Reads the front that an SSLRequest and a HandshakeResponse share. */
export function readHead(from: ByteReader): Head {
  if (from.left < 4) throw wireError("malformed", NAME, "ends early");
  const flags = from.u32le();
  if (!has(flags, can.protocol41)) {
    throw wireError("unsupported", NAME, "older than protocol 4.1");
  }
  return readFront(NAME, from, () => {
    const packetBytesMax = from.u32le();
    const collation = from.u8();
    from.skip(19);
    const filler = from.u32le();
    const extended = has(flags, can.longPassword) ? 0 : filler;
    return { flags, extended, packetBytesMax, collation };
  });
}

/** Reads what a client asks for. `offered`: only of these flags it may make use. */
export function readResponse(payload: Uint8Array, offered: number): HandshakeResponse {
  const from = new ByteReader(payload);
  const head = readHead(from);
  const flags = (head.flags & offered) >>> 0;
  return readFront(NAME, from, () => {
    const user = named(from.cbytes(limits.nameBytes));
    const proof = readProof(from, flags).slice();
    const hasDatabase = has(flags, can.connectWithDb) && from.left > 0;
    const database = hasDatabase ? named(from.cbytes(limits.nameBytes)) : "";
    const hasPlugin = has(flags, can.pluginAuth) && from.left > 0;
    const plugin = hasPlugin ? named(lastName(from)) : "";
    const hasAttributes = has(flags, can.connectAttributes) && from.left > 0;
    const attributes = hasAttributes ? readAttributes(from) : new Map<string, string>();
    return { ...head, flags, user, proof, database, plugin, attributes };
  });
}

/** Text up to a NUL, or to the end: some clients forget the last NUL. */
function lastName(from: ByteReader): Uint8Array {
  const rest = from.left;
  try {
    return from.cbytes(limits.nameBytes);
  } catch {
    return from.bytes(rest);
  }
}

function readProof(from: ByteReader, flags: number): Uint8Array {
  if (has(flags, can.pluginAuthLenenc)) return lenencBytes(from);
  if (has(flags, can.secureConnection)) return from.bytes(from.u8());
  return from.cbytes(limits.nameBytes);
}

function readAttributes(from: ByteReader): Map<string, string> {
  const found = new Map<string, string>();
  const list = new ByteReader(lenencBytes(from));
  if (list.left > limits.attributeBytes) throw wireError("oversize", NAME, "attributes");
  while (list.left > 0) {
    const name = lenencBytes(list);
    const value = lenencBytes(list);
    if (found.size >= limits.attributes) throw wireError("oversize", NAME, "attributes");
    found.set(utf8(name) ?? "", utf8(value) ?? "");
  }
  return found;
}

function named(bytes: Uint8Array): string {
  const text = utf8(bytes);
  if (text === null) throw wireError("malformed", NAME, "not UTF-8");
  return text;
}

/** `sequence` 1: it follows the greeting. */
export function sslRequest(head: Head): Uint8Array {
  return packet(1, (out) => putHead(out, { ...head, flags: (head.flags | can.tls) >>> 0 }));
}

export function writeResponse(sequence: number, response: HandshakeResponse): Uint8Array {
  const { flags, user, proof, database, plugin, attributes } = response;
  return packet(sequence, (out) => {
    putHead(out, response);
    out.cstring(user);
    if (has(flags, can.pluginAuthLenenc)) putLenencBytes(out, proof);
    else out.u8(proof.length).bytes(proof);
    if (has(flags, can.connectWithDb)) out.cstring(database);
    if (has(flags, can.pluginAuth)) out.cstring(plugin);
    if (has(flags, can.connectAttributes)) putAttributes(out, attributes);
  });
}

function putHead(out: ByteWriter, { flags, extended, packetBytesMax, collation }: Head): void {
  out.u32le(flags).u32le(packetBytesMax).u8(collation);
  out.mark(19);
  out.u32le(has(flags, can.longPassword) ? 0 : extended);
}

function putAttributes(out: ByteWriter, attributes: ReadonlyMap<string, string>): void {
  const encoder = new TextEncoder();
  const pairs = [...attributes].map((pair) => pair.map((text) => encoder.encode(text)));
  const bytesOf = ({ length }: Uint8Array) => length + (length < 0xfb ? 1 : length < 65536 ? 3 : 4);
  putLenencInt(out, pairs.flat().reduce((sum, bytes) => sum + bytesOf(bytes), 0));
  for (const bytes of pairs.flat()) putLenencBytes(out, bytes);
}
