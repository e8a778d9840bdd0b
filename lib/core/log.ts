/** Severity of a log line. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Fields of a log line: ids and numbers; never secrets, statements or user data beyond ids. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** One JSON line to stderr for each call: time, level, room, text, fields. `text` is a constant. */
export interface Log {
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields` and, where given, another room name. */
  child(fields: LogFields, room?: string): Log;
}
