/**
 * PostgreSQL's own statement log (`log_statement = all`) against our events, by the rule of
 * docs/audit-postgres.md: logged statements and events are the same, in the same order, but for
 * events marked as parse error or skipped, which the server never logs as statements. Passwords
 * stand in the server's log only.
 */
import { redact } from "../../lib/audit/redact.ts";

export interface LoggedSession {
  readonly user: string;
  readonly ended: boolean;
  readonly events: readonly Record<string, unknown>[];
}

/** Statement texts of each backend process, in the order of the log. */
export function loggedByPid(log: string): Map<number, string[]> {
  const reader = new LogReader();
  for (const line of log.split("\n")) reader.line(line);
  return reader.end();
}

/** Takes the lines of a log one by one; `keep` gives what is kept of a statement's text. */
export class LogReader {
  readonly #found = new Map<number, string[]>();
  readonly #keep: (text: string) => string;
  #current: { readonly pid: number; text: string } | null = null;

  constructor(keep: (text: string) => string = (text) => text) {
    this.#keep = keep;
  }

  line(line: string): void {
    const head = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ \[(\d+)\] \S* ?(\w+): {2}(.*)$/.exec(
      line,
    );
    if (head === null) {
      // Continued lines of a statement are logged with a tab before them.
      if (this.#current !== null && line.startsWith("\t")) {
        this.#current.text += "\n" + line.slice(1);
      }
      return;
    }
    this.#end();
    const [, pid, level, text] = head;
    const statement = level === "LOG"
      ? /^(?:(?:statement|execute (?:fetch from )?[^:]*): |(?=fastpath function call: ))(.*)$/s
        .exec(
          text ?? "",
        )
      : null;
    if (statement) this.#current = { pid: Number(pid), text: statement[1] ?? "" };
  }

  end(): Map<number, string[]> {
    this.#end();
    return this.#found;
  }

  #end(): void {
    if (this.#current === null) return;
    const list = this.#found.get(this.#current.pid) ?? [];
    list.push(this.#keep(this.#current.text));
    this.#found.set(this.#current.pid, list);
    this.#current = null;
  }
}

/** Our statement events of each backend process, in their order in the session. */
export function eventsByPid(
  events: readonly Record<string, unknown>[],
): Map<number, LoggedSession> {
  const sessions = new Map<number, LoggedSession>();
  for (const start of events) {
    if (start["event"] !== "db.session.start" || typeof start["db_pid"] !== "number") continue;
    const own = events.filter((e) => e["sid"] === start["sid"]);
    sessions.set(start["db_pid"], {
      user: String(start["user"]),
      ended: own.some((e) => e["event"] === "db.session.end"),
      events: own
        .filter((e) => e["event"] === "db.session.query")
        .sort((a, b) => Number(a["ei"]) - Number(b["ei"]) || indexOf(a) - indexOf(b)),
    });
  }
  return sessions;
}

/** What doesn't fit, in words; empty when all does. */
export function matchStatements(
  pid: number,
  logged: readonly string[],
  events: readonly Record<string, unknown>[],
): string[] {
  const problems: string[] = [];
  const uids = new Set(events.map((e) => e["uid"]));
  if (uids.size !== events.length) problems.push(`${pid}: a uid stands twice`);
  // The server logs each further fetch from a portal too, as `execute fetch from`.
  const texts = whole(events).filter(({ mark }) => mark === undefined || mark === "reexecution")
    .map(({ text }) => text);
  const wanted = logged.map((text) => redact(text));
  const most = Math.max(texts.length, wanted.length);
  for (let i = 0; i < most; i++) {
    if (normal(texts[i]) !== normal(wanted[i])) {
      problems.push(
        `${pid}: statement ${i + 1}: server ${short(wanted[i])}, event ${short(texts[i])}`,
      );
      if (problems.length > 5) break;
    }
  }
  return problems;
}

/** Statements, the parts of a split one joined. */
function whole(events: readonly Record<string, unknown>[]): { mark: unknown; text: string }[] {
  const found: { mark: unknown; text: string }[] = [];
  for (const event of events) {
    const text = String(event["db_query"]);
    const last = found.at(-1);
    if (indexOf(event) === 0 || last === undefined) found.push({ mark: event["mark"], text });
    else last.text += text;
  }
  return found;
}

function indexOf(event: Record<string, unknown>): number {
  const { index } = { index: 0, ...Object(event["part"]) };
  return index;
}

function normal(text: string | undefined): string | undefined {
  return text?.replaceAll(/\s+/g, " ").trim();
}

function short(text: string | undefined): string {
  return text === undefined ? "none" : JSON.stringify(text.slice(0, 120));
}
