/** Follows a log: events as they are stored, from now on. */
import { Fault } from "../core/fault.ts";
import { type AuditQuery, matcher } from "./search.ts";

/** Lines that a slow reader may leave waiting. */
const waitingMax = 10_000;

export interface TailSource {
  subscribe(listener: (line: string) => void): () => void;
}

/**
 * Lines that match, exactly as stored, until `signal` is aborted. A reader that falls behind gets a
 * fault (`audit.tail-behind`) and searches from where it was.
 */
export async function* tailLog(
  log: TailSource,
  query: AuditQuery,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const matches = matcher(query);
  let waiting: string[] = [];
  let behind = false;
  let wake: () => void = () => {};
  const unsubscribe = log.subscribe((line) => {
    if (matches(line) === null) return;
    if (waiting.length < waitingMax) waiting.push(line);
    else behind = true;
    wake();
  });
  const aborted = () => wake();
  signal.addEventListener("abort", aborted);
  try {
    while (!signal.aborted) {
      const ready = waiting;
      waiting = [];
      yield* ready;
      if (behind) throw tooSlow();
      if (waiting.length > 0 || signal.aborted) continue;
      await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", aborted);
  }
}

function tooSlow(): Fault {
  return new Fault({
    kind: "limit",
    code: "audit.tail-behind",
    message: "a reader of the audit log's tail fell behind",
    shown: "events came faster than they were read",
    hint: "search from the last event you have, or follow fewer events",
  });
}
