/**
 * The servers' own statement log (general_log) against our events, by the rule of
 * docs/audit-mysql.md.
 */
import { eventsByPid } from "../postgres/server_log.ts";

/** What the server took note of: its name for the command, and the text. */
export interface LoggedCommand {
  readonly command: string;
  readonly text: string;
}

type Event = Record<string, unknown>;

/** MySQL begins each entry with a time; MariaDB only where that is another one. */
const head =
  /^(?:\d{4}-\d\d-\d\dT[\d:.]+Z\t|\d{6} [ \d]\d:\d\d:\d\d\t|\t\t) *(\d+) ([^\t]+)\t(.*)$/;

/** Commands of each connection, in the order of the log. */
export function loggedByConnection(log: Uint8Array): Map<number, LoggedCommand[]> {
  const found = new Map<number, { command: string; text: string }[]>();
  let current: { command: string; text: string } | null = null;
  for (const line of byteString(log).split("\n")) {
    const [, id, command, text = ""] = head.exec(line) ?? [];
    if (id === undefined || command === undefined) {
      if (current !== null) current.text += `\n${line}`;
      continue;
    }
    current = { command: command.trim(), text };
    const list = found.get(Number(id)) ?? [];
    found.set(Number(id), list);
    list.push(current);
  }
  for (const one of [...found.values()].flat()) one.text = asRecorded(one.text);
  return found;
}

/** Each byte as the character of its number. */
function byteString(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  }
  return parts.join("");
}

/** As events have it: UTF-8, and where it isn't, as it is. */
function asRecorded(text: string): string {
  try {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}

/** Lines of a connection that have no event of their own. */
const unrecorded = new Set([
  ...["Connect", "Quit", "Ping", "Close stmt", "Reset stmt", "Long Data", "Fetch", "Set option"],
  ...["Reset connection", "Reset Connection"],
]);

/** What doesn't fit, in words; empty where all does. */
export function mismatches(all: readonly Event[], log: Uint8Array): string[] {
  const logged = loggedByConnection(log);
  const problems: string[] = [];
  for (const [connection, { events }] of eventsByPid(all)) {
    const lines = (logged.get(connection) ?? []).filter(({ command }) => !unrecorded.has(command));
    for (const problem of matchOne(lines, whole(events).filter(isLogged))) {
      problems.push(`${connection}: ${problem}`);
    }
  }
  return problems;
}

/** Events that the server has a line for; of a Query that can't be read since its log is raw. */
function isLogged({ command, mark }: Event): boolean {
  if (mark === "reexecution" || mark === "truncated" || mark === "skipped") return false;
  return command !== "prepare" || mark === "prepare";
}

function matchOne(lines: readonly LoggedCommand[], events: readonly Event[]): string[] {
  let at = 0;
  for (const event of events) {
    const taken = takes(event, lines.slice(at, at + 200));
    // Its connection was lost before the server had read it.
    const isLost = event.outcome === "unknown" && event === events.at(-1);
    if (taken === 0 && isLost) continue;
    if (taken === 0) return [`event ${short(event)} has no line, next is ${words(lines[at])}`];
    at += taken;
  }
  return at < lines.length ? [`line ${words(lines[at])} has no event`] : [];
}

/** How many lines are those of the event: one, but for two things that MySQL does. */
function takes({ command, db_query, success }: Event, lines: readonly LoggedCommand[]): number {
  const text = squeezed(String(db_query));
  const [line] = lines;
  if (line === undefined) return 0;
  switch (command) {
    case "prepare":
      return line.command === "Prepare" && squeezed(line.text) === text ? 1 : 0;
    case "execute": {
      // It prepares anew where parameters have other types than before.
      const again = lines.findIndex(({ command }) => command !== "Prepare");
      const known = lines.slice(0, again).every((one) => squeezed(one.text) === text);
      const isExecute = /^(Execute|Bulk.?execute)$/i.test(lines[again]?.command ?? "");
      return known && isExecute ? again + 1 : 0;
    }
    case "command":
      return squeezed(`${line.command} ${line.text}`) === text ? 1 : 0;
    default: {
      // Of a text with several statements it has a line for each that it got to.
      let so = "";
      for (const [index, one] of lines.entries()) {
        if (one.command !== "Query") return success === false ? index : 0;
        so += squeezed(one.text);
        if (so === text) return index + 1 + ofItsOwn(text, lines[index + 1]);
        if (!text.startsWith(so)) return success === false ? index : 0;
      }
      return success === false ? lines.length : 0;
    }
  }
}

/** PREPARE and EXECUTE as statements have a line like that of the command too, where they work. */
function ofItsOwn(text: string, next: LoggedCommand | undefined): number {
  const isPrepare = /^prepare/i.test(text) && next?.command === "Prepare";
  const isExecute = /^execute/i.test(text) && next?.command === "Execute";
  return isPrepare || isExecute ? 1 : 0;
}

function squeezed(text: string): string {
  return text.replaceAll(/[\s;]+/g, "");
}

/** Statements, the parts of a split one joined. */
function whole(events: readonly Event[]): Event[] {
  const found: Event[] = [];
  for (const event of events) {
    const { index } = { index: 0, ...Object(event["part"]) };
    const last = found.at(-1);
    if (index === 0 || last === undefined) found.push({ ...event });
    else last["db_query"] = String(last["db_query"]) + String(event["db_query"]);
  }
  return found;
}

function short({ command, db_query }: Event): string {
  return `${command} ${JSON.stringify(String(db_query).slice(0, 100))}`;
}

function words(line: LoggedCommand | undefined): string {
  return line === undefined ? "none" : `${line.command} ${JSON.stringify(line.text.slice(0, 100))}`;
}
