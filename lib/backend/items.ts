/** What all backends agree on: keys as ordered bytes, and bounds. */
import type { CodeOf } from "../core/codes.ts";
import type { Backend, Commit, Entry, Key, News, Revision } from "../core/backend.ts";
import { Fault } from "../core/fault.ts";

export const maxKeyBytes = 1024;
export const maxValueBytes = 1024 * 1024;
/** Checks, puts and deletes of one commit together. */
export const maxCommitItems = 256;
export const maxPage = 1000;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * A key as bytes whose order is the order of keys: each part in UTF-8 with a NUL after it. So the
 * bytes of a prefix are a prefix of the bytes of all that is under it, and of nothing else's.
 */
export function encodeKey(key: Key): Uint8Array {
  if (key.length === 0) throw badKey("has no parts");
  return encodePrefix(key);
}

/** As {@linkcode encodeKey}; no parts are the prefix of everything. */
export function encodePrefix(prefix: Key): Uint8Array {
  for (const part of prefix) {
    if (part === "" || part.includes("\0")) throw badKey("has an empty part or a NUL");
    if (!part.isWellFormed()) throw badKey("is not Unicode text");
  }
  const bytes = encoder.encode(prefix.map((part) => `${part}\0`).join(""));
  if (bytes.length > maxKeyBytes) throw badKey(`is longer than ${maxKeyBytes} bytes`);
  return bytes;
}

export function decodeKey(bytes: Uint8Array): Key {
  return decoder.decode(bytes).split("\0").slice(0, -1);
}

/** The first bytes after all keys under the prefix. */
export function endOfPrefix(prefix: Uint8Array): Uint8Array {
  if (prefix.length === 0) return Uint8Array.of(0xff);
  const end = prefix.slice();
  end[end.length - 1] = 1;
  return end;
}

export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, i) => byte === bytes[i]);
}

/** Refuses a page size that isn't 1 to 1000. */
export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxPage) return;
  throw invalid("backend.bad-limit", `a page has 1 to ${maxPage} entries`);
}

/** Refuses a commit that is too large or names a key twice among its writes. */
export function checkCommit({ checks = [], puts = [], deletes = [] }: Commit): void {
  const items = checks.length + puts.length + deletes.length;
  if (items === 0 || items > maxCommitItems) {
    throw invalid("backend.bad-commit", `a commit has 1 to ${maxCommitItems} items`);
  }
  if (puts.some(({ value }) => value.length > maxValueBytes)) {
    throw invalid("backend.value-too-large", `a value has at most ${maxValueBytes} bytes`);
  }
  const written = [...puts.map(({ key }) => key), ...deletes].map((key) => encodeKey(key).toHex());
  if (new Set(written).size !== written.length) {
    throw invalid("backend.bad-commit", "a commit writes one key twice");
  }
}

/**
 * Every entry under the prefix, page by page; not a snapshot: watch to know of changes meanwhile.
 */
export async function* listAll(
  backend: Pick<Backend, "list">,
  prefix: Key,
): AsyncGenerator<Entry> {
  for await (const page of pages((at) => backend.list(prefix, at))) yield* page;
}

/** As {@linkcode listAll}, page by page, with the values alone that are newer than `known`. */
export function listNews(
  backend: Pick<Backend, "list">,
  prefix: Key,
  known: Revision,
): AsyncGenerator<readonly News[]> {
  return pages((at) => backend.list(prefix, { ...at, known }));
}

async function* pages<T extends Pick<Entry, "key">>(
  list: (page: { limit: number; after?: Key }) => Promise<readonly T[]>,
): AsyncGenerator<readonly T[]> {
  const limit = maxPage;
  let page = await list({ limit });
  while (true) {
    yield page;
    const after = page.at(-1)?.key;
    if (after === undefined || page.length < limit) return;
    page = await list({ limit, after });
  }
}

function badKey(what: string): Fault {
  return invalid("backend.bad-key", `a key ${what}`);
}

function invalid(code: CodeOf<"backend">, message: string): Fault {
  return new Fault({ kind: "invalid", code, message });
}
