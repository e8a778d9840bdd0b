/** The messages of MySQL's text protocol ("Command Phase"), as the built-in shell sees them. */
import { ByteReader } from "../../bytes/reader.ts";
import { can, has } from "../../wire/mysql/capabilities.ts";
import { command } from "../../wire/mysql/commands.ts";
import { lenencBytes, lenencInt } from "../../wire/mysql/lenenc.ts";
import { PACKET_MAX } from "../../wire/mysql/packet.ts";
import { first, readEof, readError, readOk, status } from "../../wire/mysql/replies.ts";
import { writeResponse } from "../../wire/mysql/response.ts";
import { anyText } from "../../wire/text.ts";
import { SqlError } from "./sql_error.ts";

/** Old forms of everything: what is asked here is little. */
const flags = can.longPassword | can.longFlag | can.protocol41 | can.transactions |
  can.secureConnection | can.pluginAuth | can.pluginAuthLenenc | can.connectAttributes |
  can.multiStatements | can.multiResults | can.localFiles;
const utf8mb4 = 45;

/** Whether the database that greeted offers all that is needed. */
export function canServe(offered: number): boolean {
  return has(offered, can.protocol41) && has(offered, can.pluginAuth);
}

/** The login; the certificate is all the proof there is. */
export function response(user: string, database: string): Uint8Array {
  return writeResponse(1, {
    flags: (flags | (database === "" ? 0 : can.connectWithDb)) >>> 0,
    extended: 0,
    packetBytesMax: PACKET_MAX,
    collation: utf8mb4,
    user,
    proof: new Uint8Array(0),
    database,
    plugin: "caching_sha2_password",
    attributes: new Map([["program_name", "tsh"]]),
  });
}

/** A payload of any length, in as many packets as it takes. */
export function packets(payload: Uint8Array, sequence: number): Uint8Array {
  const count = Math.floor(payload.length / PACKET_MAX) + 1;
  const out = new Uint8Array(payload.length + 4 * count);
  for (let index = 0, at = 0; index < count; index++) {
    const part = payload.subarray(index * PACKET_MAX, (index + 1) * PACKET_MAX);
    const head = [part.length & 0xff, (part.length >>> 8) & 0xff, part.length >>> 16];
    out.set([...head, (sequence + index) & 0xff], at);
    out.set(part, at + 4);
    at += 4 + part.length;
  }
  return out;
}

export function query(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const payload = new Uint8Array(bytes.length + 1);
  payload[0] = command.query;
  payload.set(bytes, 1);
  return packets(payload, 0);
}

export function quit(): Uint8Array {
  return packets(Uint8Array.of(command.quit), 0);
}

/** How an answer begins. */
export type Answer =
  | { readonly kind: "ok"; readonly rows: number; readonly status: number }
  | { readonly kind: "error"; readonly error: SqlError }
  /** It wants a file of ours. */
  | { readonly kind: "file" }
  | { readonly kind: "columns"; readonly count: number };

export function readAnswer(payload: Uint8Array): Answer {
  if (payload[0] === first.ok) {
    const { affectedRows, status } = readOk(payload, 0);
    return { kind: "ok", rows: affectedRows, status };
  }
  if (payload[0] === first.error) return { kind: "error", error: errorOf(payload) };
  if (payload[0] === first.localInfile) return { kind: "file" };
  return { kind: "columns", count: lenencInt(new ByteReader(payload)) };
}

/** The fifth name of a column's definition is what people call it. */
export function columnName(payload: Uint8Array): string {
  const from = new ByteReader(payload);
  for (let before = 0; before < 4; before++) lenencBytes(from);
  return anyText(lenencBytes(from));
}

/** What ends columns and rows; null where it is a row. */
export function endOf(payload: Uint8Array): { readonly status: number } | null {
  return payload[0] === first.eof && payload.length < 9 ? { status: readEof(payload) } : null;
}

export function rowValues(payload: Uint8Array, count: number): (string | null)[] {
  const from = new ByteReader(payload);
  return Array.from({ length: count }, () => {
    if (from.peek() !== first.localInfile) return anyText(lenencBytes(from));
    from.skip(1);
    return null;
  });
}

/** As MySQL's own client writes it, in the fields that the shell draws. */
export function errorOf(payload: Uint8Array): SqlError {
  const { number, sqlState, message } = readError(payload);
  const state = sqlState === "" ? (number === 1045 ? "28000" : "HY000") : sqlState;
  return new SqlError(new Map([["S", `ERROR ${number}`], ["C", state], ["M", message]]));
}

export { status };
