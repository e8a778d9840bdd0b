/** Packets of MySQL, built from the manual by other code than what reads them. */
import { concat } from "../../lib/bytes/writer.ts";
import type { Abilities, Greeting, LoginRequest } from "../../lib/wire/protocol.ts";

const encoder = new TextEncoder();

export type Bytes = string | number | Uint8Array;

/** Text, single bytes and bytes in a row. */
export function join(...parts: readonly Bytes[]): Uint8Array {
  return concat(
    parts.map((part) =>
      typeof part === "string"
        ? encoder.encode(part)
        : typeof part === "number"
        ? Uint8Array.of(part)
        : part
    ),
  );
}

export const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >>> 8);
export const u32 = (value: number): Uint8Array =>
  Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);

/** A packet of that number. */
export function packet(sequence: number, ...payload: readonly Bytes[]): Uint8Array {
  const body = join(...payload);
  return join(u32(body.length).subarray(0, 3), sequence, body);
}

/** A message over as many packets as it takes. */
export function packets(sequence: number, ...payload: readonly Bytes[]): Uint8Array {
  const body = join(...payload);
  const parts: Uint8Array[] = [];
  for (let at = 0; at <= body.length; at += 0xffffff) {
    parts.push(packet(sequence + parts.length, body.subarray(at, at + 0xffffff)));
  }
  return concat(parts);
}

export const flags = {
  connectWithDb: 8,
  protocol41: 0x200,
  tls: 0x800,
  secureConnection: 0x8000,
  pluginAuth: 0x80000,
  attributes: 0x100000,
  lenenc: 0x200000,
  sessionTrack: 0x800000,
  deprecateEof: 0x1000000,
  optionalMetadata: 0x2000000,
  queryAttributes: 0x8000000,
} as const;

/** All that servers can but what MySQL itself has reserved. */
export const anyFlags = 0xdfffffff;
/** Those by which answers have their newer forms. */
export const newerForms: number = flags.protocol41 | flags.deprecateEof | flags.sessionTrack |
  flags.optionalMetadata | flags.queryAttributes;

/** What a client with these flags agreed on with us. */
export function abilitiesOf(can: number): Abilities {
  return { flags: can, extended: 0, collation: 45, packetBytesMax: 0x1000000, proof: "" };
}

/** How a client is greeted, with what all servers can. */
export const greeted: Greeting = {
  said: false,
  facts: { serverVersion: "8.4.0", capabilities: "" },
  connectionId: 0x40000001,
  nonce: encoder.encode("0123456789abcdefghijklmn"),
};

/** To log in for a client that was greeted so. */
export const loginRequest: LoginRequest = {
  user: "alice",
  database: "shop",
  startup: {
    user: "alice",
    database: null,
    parameters: new Map([["program_name", "mysql"]]),
    clientProgram: "mysql",
    replication: false,
    version: "10",
    sequence: 2,
  },
  replication: false,
  nonce: greeted.nonce,
};

// --- from the client ---

/** Asks for TLS; the front of a login, too. */
export const sslRequest = (can: number): Uint8Array =>
  packet(1, u32(can), u32(1), 45, new Uint8Array(23));

export const query = (text: string | Uint8Array): Uint8Array => packets(0, 3, text);
export const initDb = (name: string): Uint8Array => packet(0, 2, name);
export const ping = packet(0, 14);
export const quit = packet(0, 1);
export const prepare = (text: string): Uint8Array => packets(0, 0x16, text);
export const execute = (id: number, ...rest: readonly Bytes[]): Uint8Array =>
  packets(0, 0x17, u32(id), 0, u32(1), ...rest);
export const longData = (id: number, at: number, data: Bytes): Uint8Array =>
  packets(0, 0x18, u32(id), u16(at), data);
export const closeStatement = (id: number): Uint8Array => packet(0, 0x19, u32(id));
export const resetStatement = (id: number): Uint8Array => packet(0, 0x1a, u32(id));
export const fetch = (id: number, rows: number): Uint8Array => packet(0, 0x1c, u32(id), u32(rows));
export const bulk = (id: number, howTold: number, ...rest: readonly Bytes[]): Uint8Array =>
  packets(0, 0xfa, u32(id), u16(howTold), ...rest);

// --- from the server ---

/** OK; `bits`: the server's status. */
export const ok = (sequence: number, rows = 0, bits = 2, ...more: readonly Bytes[]): Uint8Array =>
  packet(sequence, 0, rows, 0, u16(bits), u16(0), ...more);
export const eof = (sequence: number, bits = 2): Uint8Array =>
  packet(sequence, 0xfe, u16(0), u16(bits));
/** OK in the place of an EOF. */
export const end = (sequence: number, bits = 2): Uint8Array =>
  packet(sequence, 0xfe, 0, 0, u16(bits), u16(0));
export const error = (
  sequence: number,
  number: number,
  state: string,
  message: string,
): Uint8Array => packet(sequence, 0xff, u16(number), `#${state}${message}`);
export const columns = (sequence: number, count: number): Uint8Array => packet(sequence, count);
export const definition = (sequence: number, name: string): Uint8Array =>
  packet(sequence, 3, "def", 0, 0, 0, name.length, name, 0, 12, u16(33), u32(80), 0xfd, u32(0), 0);
export const row = (sequence: number, ...values: readonly string[]): Uint8Array =>
  packet(sequence, ...values.flatMap((value) => [value.length, value]));
export const binaryRow = (sequence: number, ...rest: readonly Bytes[]): Uint8Array =>
  packet(sequence, 0, 0, ...rest);
export const prepared = (
  sequence: number,
  id: number,
  columnCount: number,
  parameterCount: number,
  ...rest: readonly Bytes[]
): Uint8Array =>
  packet(sequence, 0, u32(id), u16(columnCount), u16(parameterCount), 0, u16(0), ...rest);
export const askFile = (sequence: number, name: string): Uint8Array => packet(sequence, 0xfb, name);

/** A result of one column, with EOFs of the old form; `from`: number of its first packet. */
export function result(from: number, rows: readonly string[], bits = 2): Uint8Array {
  return concat([
    columns(from, 1),
    definition(from + 1, "a"),
    eof(from + 2),
    ...rows.map((value, at) => row(from + 3 + at, value)),
    eof(from + 3 + rows.length, bits),
  ]);
}

export interface Greeted {
  readonly version?: string;
  readonly flags?: number;
  readonly extended?: number;
  readonly nonce?: string;
  readonly plugin?: string;
  readonly id?: number;
}

/** Packet 0 of a server. */
export function greeting(of: Greeted = {}): Uint8Array {
  const {
    version = "8.4.0",
    flags: can = anyFlags,
    extended = 0,
    nonce = "abcdefghijklmnopqrst",
    plugin = "caching_sha2_password",
    id = 4711,
  } = of;
  return packet(
    0,
    10,
    `${version}\0`,
    u32(id),
    nonce.slice(0, 8),
    0,
    u16(can & 0xffff),
    45,
    u16(2),
    u16(can >>> 16),
    21,
    new Uint8Array(6),
    u32(extended),
    `${nonce.slice(8)}\0`,
    `${plugin}\0`,
  );
}

export interface Responded {
  readonly flags?: number;
  readonly extended?: number;
  readonly user?: string;
  readonly proof?: Bytes;
  readonly database?: string;
  readonly plugin?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

const lenenc = (value: Bytes) => {
  const bytes = join(value);
  return join(bytes.length, bytes);
};

/** What a client answers to a greeting. */
export function response(sequence: number, of: Responded = {}): Uint8Array {
  const { user = "alice", proof = "", database = "", extended = 0 } = of;
  const { plugin = "caching_sha2_password", attributes = {} } = of;
  const base = flags.protocol41 | flags.secureConnection | flags.pluginAuth | flags.lenenc |
    flags.attributes | 1;
  const can = of.flags ?? (base | (database === "" ? 0 : flags.connectWithDb));
  const pairs = join(...Object.entries(attributes).flatMap((pair) => pair.map(lenenc)));
  return packet(
    sequence,
    u32(can),
    u32(0x1000000),
    45,
    new Uint8Array(19),
    u32(extended),
    `${user}\0`,
    lenenc(proof),
    ...((can & flags.connectWithDb) === 0 ? [] : [`${database}\0`]),
    `${plugin}\0`,
    lenenc(pairs),
  );
}
