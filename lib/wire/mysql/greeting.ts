import type { ByteReader } from "../../bytes/reader.ts";
import type { Greeting, ServerFacts } from "../protocol.ts";
import { both, can, common, has, passable, passableMariadb } from "./capabilities.ts";
import { packet, readFront, wireError } from "./packet.ts";
import { ByteReader as Reader } from "../../bytes/reader.ts";

const NAME = "Handshake";
const VERSION = 10;
/** Plugin that clients are to use; all of MySQL 8 and 9 know it. */
export const OFFERED_PLUGIN = "caching_sha2_password";
const NONCE_BYTES = 20;
const UTF8MB4 = 45; // utf8mb4_general_ci, which MariaDB knows as well
const AUTOCOMMIT = 2;

/** How a server greets ("Protocol::HandshakeV10"). */
export interface Handshake10 {
  readonly serverVersion: string;
  readonly connectionId: number;
  readonly nonce: Uint8Array;
  readonly flags: number;
  /** MariaDB's further flags. */
  readonly extended: number;
  readonly collation: number;
  readonly plugin: string;
}

/** Reads a greeting; an ERR packet in its place is not one. */
export function readGreeting(payload: Uint8Array): Handshake10 {
  return readFront(NAME, new Reader(payload), (from) => {
    const version = from.u8();
    if (version !== VERSION) throw wireError("unsupported", NAME, `protocol version ${version}`);
    const serverVersion = from.cstring(255);
    const connectionId = from.u32le();
    const front = from.bytes(8);
    from.skip(1);
    const low = from.u16le();
    if (from.left === 0) throw wireError("unsupported", NAME, "older than protocol 4.1");
    const collation = from.u8();
    from.skip(2);
    const flags = (low | (from.u16le() << 16)) >>> 0;
    const nonceBytes = from.u8();
    from.skip(6);
    // A server that is not MySQL says its further flags here (MariaDB 10.2).
    const filler = from.u32le();
    const extended = has(flags, can.longPassword) ? 0 : filler;
    const back = restOfNonce(from, nonceBytes);
    const plugin = has(flags, can.pluginAuth) && from.left > 0 ? pluginName(from) : "";
    const nonce = new Uint8Array(front.length + back.length);
    nonce.set(front);
    nonce.set(back, front.length);
    return { serverVersion, connectionId, nonce, flags, extended, collation, plugin };
  });
}

/** The second part has 13 bytes at least, of which the last is a NUL. */
function restOfNonce(from: ByteReader, nonceBytes: number): Uint8Array {
  const part = from.bytes(Math.min(Math.max(13, nonceBytes - 8), from.left));
  if (part.length < NONCE_BYTES - 8) throw wireError("malformed", NAME, "nonce too short");
  return part.subarray(0, NONCE_BYTES - 8);
}

/** Some servers forget its NUL. */
function pluginName(from: ByteReader): string {
  const rest = from.rest();
  const nul = rest.indexOf(0);
  return new Reader(nul < 0 ? rest : rest.subarray(0, nul)).utf8(nul < 0 ? rest.length : nul);
}

export function writeGreeting(
  { serverVersion, connectionId, nonce, flags, extended, collation, plugin }: Handshake10,
): Uint8Array {
  return packet(0, (out) => {
    out.u8(VERSION).cstring(serverVersion.replaceAll("\0", "")).u32le(connectionId >>> 0);
    out.bytes(nonce.subarray(0, 8)).u8(0).u16le(flags & 0xffff).u8(collation);
    out.u16le(AUTOCOMMIT).u16le(flags >>> 16).u8(NONCE_BYTES + 1);
    out.mark(6);
    out.u32le(has(flags, can.longPassword) ? 0 : extended);
    out.bytes(nonce.subarray(8, NONCE_BYTES)).u8(0).cstring(plugin);
  });
}

export interface Offer {
  readonly flags: number;
  readonly extended: number;
}

/** What a client is offered: what the database can, as far as it passes, or what all can. */
export function offerOf({ said, facts: { serverVersion, capabilities } }: Greeting): Offer {
  const known = said ? null : /^([\da-f]{1,8})\.([\da-f]{1,8})$/.exec(capabilities);
  if (known === null) return { flags: commonAt(serverVersion), extended: 0 };
  const flags = both(parseInt(known[1] ?? "", 16), passable);
  const extended = both(parseInt(known[2] ?? "", 16), passableMariadb);
  return { flags, extended: has(flags, can.longPassword) ? 0 : extended };
}

/** What came with MySQL 5.7 and MariaDB 10.2 is not offered in the name of an older one. */
function commonAt(serverVersion: string): number {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})/.exec(plainVersion(serverVersion)) ?? [];
  if (major === undefined || minor === undefined) return common;
  const newSince = isMariadb(serverVersion) ? [10, 2] as const : [5, 7] as const;
  const isOld = Number(major) < newSince[0] ||
    (Number(major) === newSince[0] && Number(minor) < newSince[1]);
  return isOld ? (common & ~(can.deprecateEof | can.sessionTrack)) >>> 0 : common;
}

/** The greeting towards a client; `tls` where it has to ask for TLS first. */
export function greetingOf(greeting: Greeting, tls: boolean): Uint8Array {
  const { flags, extended } = offerOf(greeting);
  return writeGreeting({
    serverVersion: greeting.facts.serverVersion,
    connectionId: greeting.connectionId,
    nonce: lawful(greeting.nonce),
    flags: (flags | can.pluginAuth | can.secureConnection | (tls ? can.tls : 0)) >>> 0,
    extended,
    collation: UTF8MB4,
    plugin: OFFERED_PLUGIN,
  });
}

/** Clients take a NUL or `$` in a nonce for its end. */
export function lawful(nonce: Uint8Array): Uint8Array {
  return nonce.slice(0, NONCE_BYTES).map((byte) => {
    const low = byte & 0x7f;
    return low === 0 || low === 0x24 ? low + 1 : low;
  });
}

export function factsOf({ serverVersion, flags, extended }: Handshake10): ServerFacts {
  return { serverVersion, capabilities: `${flags.toString(16)}.${extended.toString(16)}` };
}

/** MariaDB says so in its version, behind "5.5.5-" where old clients want a number they know. */
export function isMariadb(serverVersion: string): boolean {
  return /mariadb/i.test(serverVersion);
}

/** The version as users know it. */
export function plainVersion(serverVersion: string): string {
  return isMariadb(serverVersion) ? serverVersion.replace(/^5\.5\.5-/, "") : serverVersion;
}
