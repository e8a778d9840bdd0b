/** What a server's own log has of a session, beside what ours has (docs/audit-mysql.md). */
import { normalised } from "../../lib/wire/mysql/fingerprint.ts";

/** A line of `mysql.general_log`. */
export interface LogLine {
  readonly kind: string;
  readonly text: string;
}

/** A statement's event. */
export type LoggedEvent = Readonly<Record<string, unknown>>;

/** Lines that say nothing of statements. */
const others = new Set([
  ...["Connect", "Quit", "Ping", "Close stmt", "Reset stmt", "Long Data", "Fetch"],
  ...["Set option", "Reset Connection"],
]);
/** Of longer texts their fronts are compared. */
const frontCharacters = 1000;
/** So much of a line is looked at. */
export const lineCharacters = 4000;

/**
 * Pairs the lines of one session with its events, in order; throws where one is left over. What has
 * a mark has no line.
 */
export function pair(lines: readonly LogLine[], events: readonly LoggedEvent[]): number {
  const log = lines.filter(({ kind }) => !others.has(kind));
  const reader = new LogReader(log);
  let pairs = 0;
  for (const event of events) {
    const mark = event["mark"];
    if (mark !== undefined && mark !== "prepare") continue;
    reader.take(String(event["command"]), String(event["db_query"]));
    pairs += 1;
  }
  reader.end();
  return pairs;
}

class LogReader {
  readonly #log: readonly LogLine[];
  #at = 0;
  /** What the server may prepare again by itself, after a table was changed. */
  readonly #prepared = new Set<string>();

  constructor(log: readonly LogLine[]) {
    this.#log = log;
  }

  take(command: string, text: string): void {
    switch (command) {
      case "query":
        return this.#query(text);
      case "prepare":
        this.#expect("Prepare", text);
        this.#prepared.add(front(text));
        return;
      case "execute":
        this.#again();
        return this.#expect("Execute", text);
    }
    const { kind = "", text: about = "" } = this.#log[this.#at] ?? {};
    if (`${kind} ${about}`.trim() !== text) throw this.#unlike(text);
    this.#at += 1;
  }

  end(): void {
    this.#again();
    if (this.#at < this.#log.length) throw this.#unlike("nothing more");
  }

  /** MySQL has a line for each statement of a text, and of what a statement prepares and runs. */
  #query(text: string): void {
    this.#again();
    if (/^\s*prepare\s/i.test(text)) {
      this.#next("Query", /^prepare\s/i);
      return this.#next("Prepare", /./);
    }
    if (/^\s*execute\s/i.test(text)) {
      this.#next("Query", /^execute\s/i);
      return this.#next("Execute", /./);
    }
    let said = "";
    for (let count = 0; count < 1000 && this.#log[this.#at]?.kind === "Query"; count++) {
      said = `${said}${said === "" ? "" : "; "}${this.#log[this.#at]?.text ?? ""}`;
      this.#at += 1;
      if (isSame(said, text)) return;
    }
    throw this.#unlike(text);
  }

  #next(kind: string, words: RegExp): void {
    const line = this.#log[this.#at];
    if (line?.kind !== kind || !words.test(line.text)) throw this.#unlike(`${kind} ${words}`);
    this.#at += 1;
  }

  #expect(kind: string, text: string): void {
    const line = this.#log[this.#at];
    if (line?.kind !== kind || !isSame(line.text, text)) throw this.#unlike(`${kind} ${text}`);
    this.#at += 1;
  }

  #again(): void {
    for (;;) {
      const line = this.#log[this.#at];
      if (line?.kind !== "Prepare" || !this.#prepared.has(front(line.text))) return;
      this.#at += 1;
    }
  }

  #unlike(expected: string): Error {
    const around = this.#log.slice(Math.max(0, this.#at - 3), this.#at + 3)
      .map(({ kind, text }) => `${kind} ${text.slice(0, 200)}`);
    const words = `line ${this.#at}: expected ${expected.slice(0, 300)}`;
    return new Error(`${words}, found around\n${around.join("\n")}`);
  }
}

function front(text: string): string {
  return text.slice(0, frontCharacters);
}

/** The same but for values, which stand in the lines of executions; or with the same front. */
function isSame(line: string, text: string): boolean {
  if (text.length > frontCharacters) return front(line) === front(text) || sameForm(line, text);
  return sameForm(line, text);
}

function sameForm(line: string, text: string): boolean {
  // In the line of an execution a value may be so long that what follows it is cut off.
  if (line.length >= lineCharacters) return form(text).startsWith(form(line));
  return form(line) === form(text);
}

/**
 * A `;` at the end of each statement is not written by all servers; a NULL was a value like others.
 */
function form(text: string): string {
  return normalised(text.replaceAll(/\bnull\b/gi, "0")).replaceAll(/(?: ;)+/g, " ;");
}
