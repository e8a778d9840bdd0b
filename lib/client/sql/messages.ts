/**
 * The messages of PostgreSQL's simple query protocol ("Message Formats"), as a client sees them.
 */
import { ByteReader } from "../../bytes/reader.ts";
import { concat } from "../../bytes/writer.ts";

/** Largest message that is read: a row's value can have 1 GB, but not here. */
export const messageBytesMax = 64 << 20;

export type ServerMessage =
  | { readonly kind: "authentication"; readonly method: number }
  | { readonly kind: "key"; readonly body: Uint8Array }
  | { readonly kind: "ready"; readonly status: string }
  | { readonly kind: "columns"; readonly names: readonly string[] }
  | { readonly kind: "row"; readonly values: readonly (string | null)[] }
  | { readonly kind: "complete"; readonly tag: string }
  | { readonly kind: "error" | "notice"; readonly fields: ReadonlyMap<string, string> }
  | { readonly kind: "copy-in" | "copy-out" | "other" }
  | { readonly kind: "copy-data"; readonly text: string };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** One message; throws `ShortInput` where its body is damaged. */
export function readMessage(type: string, body: Uint8Array): ServerMessage {
  const from = new ByteReader(body);
  switch (type) {
    case "R":
      return { kind: "authentication", method: from.i32be() };
    case "K":
      return { kind: "key", body };
    case "Z":
      return { kind: "ready", status: decoder.decode(from.bytes(1)) };
    case "T":
      return { kind: "columns", names: columnNames(from) };
    case "D":
      return { kind: "row", values: rowValues(from) };
    case "C":
      return { kind: "complete", tag: decoder.decode(from.cbytes()) };
    case "I":
      return { kind: "complete", tag: "" };
    case "E":
      return { kind: "error", fields: noticeFields(from) };
    case "N":
      return { kind: "notice", fields: noticeFields(from) };
    case "G":
      return { kind: "copy-in" };
    case "H":
      return { kind: "copy-out" };
    case "d":
      return { kind: "copy-data", text: decoder.decode(body) };
    default:
      return { kind: "other" };
  }
}

function columnNames(from: ByteReader): readonly string[] {
  const names: string[] = [];
  for (let left = from.u16be(); left > 0; left--) {
    names.push(decoder.decode(from.cbytes()));
    // Table, column, type, size, modifier, format.
    from.skip(18);
  }
  return names;
}

function rowValues(from: ByteReader): readonly (string | null)[] {
  const values: (string | null)[] = [];
  for (let left = from.u16be(); left > 0; left--) {
    const length = from.i32be();
    values.push(length < 0 ? null : decoder.decode(from.bytes(length)));
  }
  return values;
}

function noticeFields(from: ByteReader): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let type = from.u8(); type !== 0; type = from.u8()) {
    fields.set(String.fromCharCode(type), decoder.decode(from.cbytes()));
  }
  return fields;
}

/** StartupMessage of protocol 3.0. */
export function startup(parameters: Readonly<Record<string, string>>): Uint8Array {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = encoder.encode(`${pairs.join("")}\0`);
  return framed([], [...uint32(196_608)], body);
}

/** Query. Text with a NUL can't be sent: it would end there. */
export function query(text: string): Uint8Array {
  return framed([0x51], [], encoder.encode(`${text}\0`));
}

/** CopyFail: nothing is copied in from here. */
export function copyFail(words: string): Uint8Array {
  return framed([0x66], [], encoder.encode(`${words}\0`));
}

export function terminate(): Uint8Array {
  return framed([0x58], [], new Uint8Array(0));
}

/** CancelRequest with the body of the BackendKeyData message. */
export function cancelRequest(key: Uint8Array): Uint8Array {
  return framed([], [...uint32(80_877_102)], key);
}

function framed(
  type: readonly number[],
  head: readonly number[],
  body: Uint8Array,
): Uint8Array {
  return concat([
    Uint8Array.from(type),
    uint32(4 + head.length + body.length),
    Uint8Array.from(head),
    body,
  ]);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
