import type { Clock } from "../core/clock.ts";
import { rfc3339 } from "../core/clock.ts";
import type { Log, LogFields, LogLevel } from "../core/log.ts";

export interface LogOptions {
  readonly clock: Clock;
  /** Lines below this are dropped. @default "info" */
  readonly level?: LogLevel;
  readonly room?: string;
  /** Takes one line with its newline. @default stderr */
  readonly write?: (line: string) => void;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];
/** More lines than this of one text, room and level in a second are only counted. */
const repeatsMax = 20;
const periodMs = 1000;
const textsMax = 1024;

/**
 * JSON lines: time, level, room, text, then the fields. Repeats over their limit are dropped, and
 * their number stands as `repeated` in the first line after.
 */
export function jsonLog(options: LogOptions): Log {
  const write = options.write ?? writeStderr;
  const from = levels.indexOf(options.level ?? "info");
  const repeats = new Map<string, { since: number; lines: number; dropped: number }>();

  const admit = (key: string): number | null => {
    const now = options.clock.monotonic();
    const known = repeats.get(key);
    if (known === undefined || now - known.since >= periodMs) {
      if (repeats.size >= textsMax) repeats.clear();
      repeats.set(key, { since: now, lines: 1, dropped: 0 });
      return known?.dropped ?? 0;
    }
    known.lines += 1;
    if (known.lines <= repeatsMax) return 0;
    known.dropped += 1;
    return null;
  };

  const child = (room: string, fixed: LogFields): Log => {
    const line = (level: LogLevel, text: string, fields: LogFields = {}): void => {
      if (levels.indexOf(level) < from) return;
      const repeated = admit(`${level} ${room} ${text}`);
      if (repeated === null) return;
      const time = rfc3339(options.clock.now());
      const counted = repeated > 0 ? { repeated } : {};
      write(`${JSON.stringify({ time, level, room, text, ...fixed, ...fields, ...counted })}\n`);
    };
    return {
      debug: (text, fields) => line("debug", text, fields),
      info: (text, fields) => line("info", text, fields),
      warn: (text, fields) => line("warn", text, fields),
      error: (text, fields) => line("error", text, fields),
      child: (fields, other) => child(other ?? room, { ...fixed, ...fields }),
    };
  };
  return child(options.room ?? "main", {});
}

const encoder = new TextEncoder();

function writeStderr(line: string): void {
  const bytes = encoder.encode(line);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  } catch {
    // Nobody reads the log any more: that must not end the service.
  }
}
