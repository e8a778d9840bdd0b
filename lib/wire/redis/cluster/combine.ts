/** One reply out of those that several nodes gave to parts of one command. */
import { concat } from "../../../bytes/writer.ts";
import { latin1 } from "../../latin1.ts";
import { bulk, errorReply, lineEnd, readReply, types, wireError } from "../resp.ts";

/**
 * `first`: all said the same, or one an error; `sum`, `min`: of numbers; `joined`: lists one after
 * the other; `ordered`: elements go to where their keys were; `each`: numbers of lists, the least
 * at each place; `any`: the first that isn't null.
 */
export type Combine = "first" | "sum" | "min" | "joined" | "ordered" | "each" | "any";

export interface PartReply {
  readonly reply: Uint8Array;
  /** Of `ordered`: the place of each element. */
  readonly places: readonly number[];
}

const encoder = new TextEncoder();

/** Replies in the order of their nodes; the first error counts for all. */
export function combine(how: Combine, parts: readonly PartReply[]): Uint8Array {
  const [first] = parts;
  if (first === undefined) throw wireError("unexpected", "reply", "none to combine");
  const error = parts.find(({ reply }) => isError(reply));
  if (error !== undefined) return error.reply;
  switch (how) {
    case "first":
      return first.reply;
    case "sum":
      return integer(parts.reduce((sum, { reply }) => sum + integerOf(reply), 0n));
    case "min": {
      const numbers = parts.map(({ reply }) => integerOf(reply));
      return integer(numbers.reduce((least, one) => one < least ? one : least));
    }
    case "joined":
      return joined(parts);
    case "ordered":
      return ordered(parts);
    case "each":
      return each(parts);
    case "any":
      return parts.find(({ reply }) => !isNull(reply))?.reply ?? first.reply;
  }
}

function isError(reply: Uint8Array): boolean {
  return reply[0] === types.error || reply[0] === types.bulkError;
}

function isNull(reply: Uint8Array): boolean {
  return reply[0] === types.nothing || (reply[0] === types.bulk && reply[1] === 0x2d);
}

function integerOf(reply: Uint8Array): bigint {
  const value = readReply(reply);
  if (value.type !== "integer") throw unlike();
  return value.value;
}

function integer(value: bigint): Uint8Array {
  return encoder.encode(`:${value}\r\n`);
}

interface List {
  readonly type: number;
  readonly count: number;
  readonly body: Uint8Array;
}

/** The header of an array or a set, and all its elements. */
function listOf(reply: Uint8Array): List {
  const type = reply[0] ?? 0;
  const cr = lineEnd(reply, 1);
  if ((type !== types.array && type !== types.set) || cr < 0) throw unlike();
  const count = Number(latin1(reply.subarray(1, cr)));
  return { type, count: Math.max(0, count), body: reply.subarray(cr + 2) };
}

function header(type: number, count: number): Uint8Array {
  return encoder.encode(`${String.fromCharCode(type)}${count}\r\n`);
}

function joined(parts: readonly PartReply[]): Uint8Array {
  const lists = parts.map(({ reply }) => listOf(reply));
  const count = lists.reduce((sum, list) => sum + list.count, 0);
  return concat([header(lists[0]?.type ?? types.array, count), ...lists.map(({ body }) => body)]);
}

function ordered(parts: readonly PartReply[]): Uint8Array {
  const found: Uint8Array[] = [];
  for (const { reply, places } of parts) {
    const { count, body } = listOf(reply);
    if (count !== places.length) throw unlike();
    let from = 0;
    for (const place of places) {
      const end = stringEnd(body, from);
      found[place] = body.subarray(from, end);
      from = end;
    }
  }
  return concat([header(types.array, found.length), ...found]);
}

/** Where the bulk string or null that begins at `from` ends. */
function stringEnd(body: Uint8Array, from: number): number {
  const cr = lineEnd(body, from + 1);
  if (cr < 0) throw unlike();
  if (body[from] === types.nothing) return cr + 2;
  if (body[from] !== types.bulk) throw unlike();
  const length = Number(latin1(body.subarray(from + 1, cr)));
  return length < 0 ? cr + 2 : cr + 2 + length + 2;
}

function each(parts: readonly PartReply[]): Uint8Array {
  const lists = parts.map(({ reply }) => {
    const value = readReply(reply);
    if (value.type !== "array") throw unlike();
    return value.values.map((one) => one.type === "integer" ? one.value : 0n);
  });
  const [first = []] = lists;
  const least = first.map((_, at) =>
    lists.map((list) => list[at] ?? 0n).reduce((a, b) => b < a ? b : a)
  );
  return concat([header(types.array, least.length), ...least.map(integer)]);
}

/** The reply of SCAN with another cursor: `[cursor, keys]`. */
export function withCursor(
  reply: Uint8Array,
  next: (said: string) => string,
): Uint8Array {
  if (isError(reply)) return reply;
  const head = lineEnd(reply, 1);
  const cr = lineEnd(reply, head + 3);
  if (reply[0] !== types.array || head < 0 || cr < 0) throw unlike();
  const end = stringEnd(reply, head + 2);
  const said = latin1(reply.subarray(cr + 2, end - 2));
  if (!/^\d{1,20}$/.test(said)) throw unlike();
  return concat([reply.subarray(0, head + 2), bulk(next(said)), reply.subarray(end)]);
}

/** Not what such a command is answered with. */
function unlike(): Error {
  return wireError("unexpected", "reply", "is not like those of other nodes");
}

export const crossSlot = errorReply("CROSSSLOT Keys in request don't hash to the same slot");
