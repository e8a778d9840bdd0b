/**
 * Finds events in a log's files: streamed, bounded for each call, with a cursor that stays
 * good.
 */
import { Fault } from "../core/fault.ts";
import { parseObject } from "./chain.ts";
import type { AuditFileInfo, AuditFiles } from "./files.ts";
import { dayFiles, isDayFile, type Line, linesBackward, linesForward } from "./lines.ts";

/** What to look for; all that is given must hold. Times are RFC 3339. */
export interface AuditQuery {
  /** Not before. */
  readonly from?: string | undefined;
  /** Before. */
  readonly to?: string | undefined;
  /** Names or codes of events. */
  readonly events?: readonly string[] | undefined;
  readonly user?: string | undefined;
  /** Name of the database in the cluster. */
  readonly database?: string | undefined;
  /** A database session or a login. */
  readonly session?: string | undefined;
  /** Anywhere in the event, without regard to case. */
  readonly text?: string | undefined;
}

export interface SearchQuery extends AuditQuery {
  readonly limit: number;
  readonly order: "oldest" | "newest";
  readonly cursor?: string | undefined;
}

export interface SearchPage {
  /** Lines exactly as stored. */
  readonly events: readonly string[];
  /**
   * Where to go on; null at the end. A page may hold fewer than `limit` events, or none, and
   * still go on.
   */
  readonly cursor: string | null;
}

/** Bytes of log that one call reads at most, roughly. */
const scanBytesMax = 64 << 20;
/** Bytes of events that one page holds at most, roughly. */
const pageBytesMax = 4 << 20;

interface Place {
  readonly file: string;
  /** Forwards: the next line's start. Backwards: the end of the next line. */
  readonly offset: number;
}

interface Found {
  line: string;
  rank: number;
}

/**
 * One page. A second event with the `uid` of another is left out, and a statement's later outcome
 * takes the place of `started` or `unknown`, as far as both are within what the page read.
 */
export async function searchLog(
  files: AuditFiles,
  query: SearchQuery,
  signal?: AbortSignal,
): Promise<SearchPage> {
  const matches = matcher(query);
  const start = query.cursor === undefined ? null : readCursor(query.cursor);
  const found: Found[] = [];
  const byUid = new Map<string, Found>();
  let scanned = 0;
  let held = 0;
  for await (const { line, next } of scan(files, query, start)) {
    signal?.throwIfAborted();
    scanned += line.bytes.length + 1;
    const text = decoder.decode(line.bytes);
    const event = matches(text);
    if (event !== null) {
      const entry = { line: text, rank: rankOf(event) };
      const uid = typeof event.uid === "string" ? event.uid : text;
      const known = byUid.get(uid);
      if (known === undefined) {
        byUid.set(uid, entry);
        found.push(entry);
        held += text.length;
      } else if (entry.rank > known.rank) Object.assign(known, entry);
    }
    if (found.length >= query.limit || held > pageBytesMax || scanned > scanBytesMax) {
      return { events: found.map((each) => each.line), cursor: `${next.file}:${next.offset}` };
    }
  }
  return { events: found.map((each) => each.line), cursor: null };
}

/** A function that gives the event of a line that is looked for, else null. */
export function matcher(
  query: AuditQuery,
): (line: string) => Readonly<Record<string, unknown>> | null {
  const text = query.text?.toLowerCase();
  const { user, database, session } = query;
  const from = query.from === undefined ? -Infinity : moment(query.from);
  const to = query.to === undefined ? Infinity : moment(query.to);
  const events = query.events === undefined || query.events.length === 0
    ? null
    : new Set(query.events);
  return (line) => {
    if (text !== undefined && !line.toLowerCase().includes(text)) return null;
    if (user !== undefined && !line.includes(JSON.stringify(user))) return null;
    const event = parseObject(line);
    if (event === null) return null;
    if (events !== null && !has(events, event.event) && !has(events, event.code)) return null;
    const time = typeof event.time === "string" ? Date.parse(event.time) : NaN;
    if (time < from || time >= to) return null;
    if (user !== undefined && event.user !== user) return null;
    if (database !== undefined && event.db_service !== database) return null;
    if (session !== undefined && event.sid !== session && event.login_session !== session) {
      return null;
    }
    return event;
  };
}

function moment(time: string): number {
  const at = Date.parse(time);
  if (Number.isFinite(at)) return at;
  throw new Fault({
    kind: "invalid",
    code: "audit.time",
    message: "a time of a search is not RFC 3339",
    shown: "times are written like 2026-01-31T13:00:00Z",
  });
}

function has(names: ReadonlySet<string>, name: unknown): boolean {
  return typeof name === "string" && names.has(name);
}

/** Which of two events of one statement says more. */
function rankOf(event: Readonly<Record<string, unknown>>): number {
  return event.outcome === "started" ? 0 : event.outcome === "unknown" ? 1 : 2;
}

async function* scan(
  files: AuditFiles,
  query: SearchQuery,
  start: Place | null,
): AsyncGenerator<{ readonly line: Line; readonly next: Place }, void> {
  const infos = await dayFiles(files);
  // An event is stored on the day it happened or later, never before.
  const firstDay = query.from === undefined
    ? ""
    : new Date(moment(query.from)).toISOString().slice(0, 10);
  const wanted = infos.filter((info) => info.name.slice(0, 10) >= firstDay);
  for (const info of query.order === "oldest" ? wanted : wanted.toReversed()) {
    yield* query.order === "oldest" ? forward(files, info, start) : backward(files, info, start);
  }
}

async function* forward(
  files: AuditFiles,
  info: AuditFileInfo,
  start: Place | null,
): AsyncGenerator<{ readonly line: Line; readonly next: Place }, void> {
  if (start !== null && info.name < start.file) return;
  const offset = start?.file === info.name ? start.offset : 0;
  for await (const line of linesForward(files, info.name, offset, info.bytes)) {
    if (!line.whole) continue;
    yield { line, next: { file: info.name, offset: line.offset + line.bytes.length + 1 } };
  }
}

async function* backward(
  files: AuditFiles,
  info: AuditFileInfo,
  start: Place | null,
): AsyncGenerator<{ readonly line: Line; readonly next: Place }, void> {
  if (start !== null && info.name > start.file) return;
  const end = start?.file === info.name ? Math.min(start.offset, info.bytes) : info.bytes;
  for await (const line of linesBackward(files, info.name, end)) {
    yield { line, next: { file: info.name, offset: line.offset } };
  }
}

function readCursor(cursor: string): Place {
  const [file = "", offset = ""] = cursor.split(":");
  if (isDayFile(file) && /^\d{1,15}$/.test(offset)) return { file, offset: Number(offset) };
  throw new Fault({
    kind: "invalid",
    code: "audit.cursor",
    message: "the cursor is not one of a search",
    shown: "the cursor is not one that a search gave",
  });
}

const decoder = new TextDecoder();
