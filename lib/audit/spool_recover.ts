/**
 * Puts a spool in order after its process died: finds what is whole, and what was never
 * answered.
 */
import { parseObject } from "./chain.ts";
import type { AuditFileInfo, AuditFiles } from "./files.ts";
import { isShipped, kinds, scanRecords, type SpoolRecord } from "./frame.ts";
import type { Segment } from "./segments.ts";

export interface Recovered {
  /** Segments of earlier runs, oldest first, their whole records counted. */
  readonly segments: readonly Segment[];
  /** Statements whose result was never recorded: their intents as recorded, as JSON. */
  readonly unanswered: readonly OpenIntent[];
  /** Bytes of torn or damaged records. */
  readonly cutBytes: number;
}

export interface OpenIntent {
  readonly uid: string;
  /** The event, or its parts in order. */
  readonly parts: readonly string[];
  /** What completes each of them; null where they are whole. */
  readonly context: string | null;
  /** Its text came in pieces: this is part 0. */
  readonly streamed: boolean;
  /** Where it came in pieces: parts that are recorded and not yet in the count of part 0. */
  uncounted: number;
}

export async function recover(files: AuditFiles): Promise<Recovered> {
  const segments: Segment[] = [];
  const open = new Map<string, Followed>();
  let cutBytes = 0;
  for (const info of (await files.list()).filter(isSegment).sort(byName)) {
    const bytes = await files.read(info.name, 0, info.bytes);
    const records = scanRecords(bytes);
    const header = readHeader(records.next().value);
    if (header === null) {
      // Died while beginning it: nothing was recorded here.
      cutBytes += bytes.length;
      await files.remove(info.name);
      continue;
    }
    const segment: Segment = {
      name: info.name,
      number: Number(info.name.slice(0, 10)),
      ...header,
      count: 0,
      openIntents: 0,
    };
    const contexts = new Map<number, string>();
    for (const record of records) {
      segment.bytes = record.offset + record.length;
      if (isShipped(record.kind)) segment.count += 1;
      if (record.kind === kinds.context) {
        contexts.set(record.context, decoder.decode(record.payload));
      }
      follow(open, record, contexts.get(record.context) ?? null);
    }
    cutBytes += bytes.length - segment.bytes;
    segments.push(segment);
  }
  const unanswered = [...open].map(([uid, followed]) => ({ uid, ...followed }));
  return { segments, unanswered, cutBytes };
}

interface Followed extends Omit<OpenIntent, "uid"> {
  readonly parts: string[];
}

function follow(
  open: Map<string, Followed>,
  record: SpoolRecord,
  context: string | null,
): void {
  if (record.kind === kinds.result) open.delete(record.uid);
  const followed = open.get(record.uid);
  if (record.kind === kinds.part && followed !== undefined) followed.uncounted += 1;
  const streamed = record.kind === kinds.streamed;
  if (record.kind !== kinds.intent && !streamed) return;
  const json = decoder.decode(record.payload);
  // Nothing could be answered with it.
  if (parseObject(json) === null) return;
  const parts = followed?.parts;
  // An intent that was carried forward is there twice.
  if (parts === undefined || streamed) {
    open.set(record.uid, { parts: [json], context, streamed, uncounted: 0 });
  } else if (!parts.includes(json)) parts.push(json);
}

/**
 * What is recorded of a statement that was never answered. A text that came in pieces and is not
 * known to be whole never ran.
 */
export function withOutcomeUnknown(json: string, { streamed, uncounted }: OpenIntent): string {
  const event = parseObject(json) ?? {};
  const ending = { success: null, outcome: "unknown" };
  if (!streamed) return JSON.stringify({ ...event, ...ending });
  const { of, index, count } = { of: "", index: 0, count: 1, ...Object(event.part) };
  const part = { of, index, count: count + uncounted };
  const mark = event.full_text === undefined ? { mark: "truncated" } : {};
  return JSON.stringify({ ...event, ...ending, part, ...mark });
}

function isSegment(info: AuditFileInfo): boolean {
  return /^\d{10}\.seg$/.test(info.name);
}

function byName(a: AuditFileInfo, b: AuditFileInfo): number {
  return a.name < b.name ? -1 : 1;
}

function readHeader(
  record: SpoolRecord | void,
): { spool: string; first: number; bytes: number } | null {
  if (!record || record.kind !== kinds.header) return null;
  const header = parseObject(decoder.decode(record.payload));
  const { v, spool, first } = { v: 0, spool: 0, first: 0, ...header };
  if (v !== 1 || typeof spool !== "string" || typeof first !== "number") return null;
  if (!Number.isSafeInteger(first) || first < 1) return null;
  return { spool, first, bytes: record.length };
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
