/** Audit events as the command line asks for them and draws them. */
import { oneLine, readDuration, text } from "../cli/mod.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";

/** Filters that searching and following have in common. */
export const eventFilters = {
  user: text({ help: "of this user", value: "NAME" }),
  database: text({ help: "on this database", value: "NAME" }),
  session: text({ help: "of this session", value: "ID" }),
  text: text({ help: "that contain this" }),
} as const;

/** Filters of what is stored. */
export const auditFilters = {
  from: text({ help: "not before: a time, or a duration back from now", value: "TIME" }),
  to: text({ help: "not after: a time, or a duration back from now", value: "TIME" }),
  ...eventFilters,
} as const;

interface Filters {
  readonly from: string | null;
  readonly to: string | null;
  readonly user: string | null;
  readonly database: string | null;
  readonly session: string | null;
  readonly text: string | null;
  readonly events: readonly string[];
}

export interface AuditFilter {
  from?: string;
  to?: string;
  user?: string;
  database?: string;
  session?: string;
  text?: string;
  events?: string[];
}

/** What was given, as the contract takes it. */
export function queryOf(filters: Filters, clock: Clock): AuditFilter {
  const { from, to, user, database, session, text, events } = filters;
  return {
    ...(from === null ? {} : { from: readTime("from", from, clock) }),
    ...(to === null ? {} : { to: readTime("to", to, clock) }),
    ...(user === null ? {} : { user }),
    ...(database === null ? {} : { database }),
    ...(session === null ? {} : { session }),
    ...(text === null ? {} : { text }),
    ...(events.length === 0 ? {} : { events: [...events] }),
  };
}

function readTime(name: string, given: string, clock: Clock): string {
  const back = readDuration(given);
  if (back !== null) return rfc3339(clock.now() - back);
  const at = /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : NaN;
  if (!Number.isNaN(at)) return rfc3339(at);
  throw new Fault({
    kind: "invalid",
    code: "admin.bad-time",
    message: `--${name} should be a time in RFC 3339 or a duration back from now, as 2h`,
  });
}

/** A stored line as data; a line that is no JSON object stays text. */
export function parseEvent(line: string): unknown {
  try {
    const event: unknown = JSON.parse(line);
    return event;
  } catch {
    return line;
  }
}

export function drawEvents(events: readonly unknown[]): string {
  return events.map((one) => `${drawEvent(one)}\n`).join("");
}

/** One line for people: when, what, who, where, and the heart of it. */
export function drawEvent(event: unknown): string {
  if (!(event instanceof Object)) return oneLine(String(event));
  const fields = new Map<string, unknown>(Object.entries(event));
  const word = (name: string): string => {
    const value = fields.get(name);
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  const said = word("db_query") || word("message") || word("error");
  return oneLine(
    [
      word("time"),
      word("code").padEnd(7),
      word("event").padEnd(18),
      (word("user") || "-").padEnd(10),
      place(word),
      fields.get("success") === false ? "FAILED" : "",
      shorten(said),
    ].filter((part) => part !== "").join("  ").trimEnd(),
  );
}

function place(word: (name: string) => string): string {
  const [service, user, name] = [word("db_service"), word("db_user"), word("db_name")];
  return service === "" ? "" : `${service}${user === "" ? "" : `(${user}@${name})`}`;
}

function shorten(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length <= 160 ? flat : `${flat.slice(0, 159)}…`;
}
