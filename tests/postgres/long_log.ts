/**
 * The server's log and the audit log where statements are so long that neither fits into memory: a
 * long text is known by its beginning and its SHA-256.
 */
import { createHash } from "node:crypto";
import { join } from "../../scripts/lab/paths.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { LogReader } from "./server_log.ts";

type Event = Record<string, unknown>;

const longCharacters = 100_000;

/** A text as it is, or what a long one is known by. */
export function known(text: string): string {
  return text.length <= longCharacters
    ? text
    : `${text.slice(0, 40)}... ${text.length} characters, SHA-256 ${sha256(text)}`;
}

export function sha256(text: string | Uint8Array): string {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return createHash("sha256").update(bytes).digest("hex");
}

/** Statement texts of each backend process, in the order of the log. */
export async function longLoggedByPid(file: string): Promise<Map<number, string[]>> {
  const reader = new LogReader(known);
  for await (const line of linesOf(file)) reader.line(line);
  return reader.end();
}

/**
 * All events of the audit log as stored, each statement as one: its parts joined, checked against
 * what it says of its text, and what runs a text that came earlier has that text.
 */
export async function longEvents(site: Site): Promise<Event[]> {
  const folder = join(site.auth.dataDir, "audit");
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (/^\d.*\.ndjson$/.test(name)) names.push(name);
  }
  const statements = new Statements();
  for (const name of names.sort()) {
    for await (const line of linesOf(join(folder, name))) statements.add(JSON.parse(line));
  }
  return statements.all();
}

interface Coming {
  first: Event | null;
  readonly texts: Map<number, string>;
}

class Statements {
  readonly #events = new Map<unknown, Event>();
  readonly #coming = new Map<string, Coming>();

  add(event: Event): void {
    const { uid, part, db_query } = event;
    if (part === undefined) {
      this.#events.set(uid, typeof db_query === "string" ? shortened(event, db_query) : event);
      return;
    }
    const { of, index } = { of: "", index: 0, ...Object(part) };
    const coming = this.#coming.get(of) ?? { first: null, texts: new Map() };
    this.#coming.set(of, coming);
    coming.texts.set(index, String(db_query));
    if (index === 0) coming.first = event;
    const { count } = { count: NaN, ...Object(coming.first?.["part"]) };
    if (coming.first === null || coming.texts.size !== count) return;
    if (coming.first["outcome"] === "started") return;
    this.#coming.delete(of);
    this.#events.set(of, whole(coming.first, coming.texts));
  }

  all(): Event[] {
    const open = [...this.#coming.keys()];
    if (open.length > 0) throw new Error(`parts without a whole: ${open.join(", ")}`);
    return [...this.#events.values()].map((event) => {
      const { of } = { of: undefined, ...Object(event["full_text"]) };
      const { db_query, db_query_characters } = this.#events.get(of) ?? event;
      return { ...event, db_query, db_query_characters };
    });
  }
}

function whole(first: Event, texts: ReadonlyMap<number, string>): Event {
  const inOrder = [...texts].sort(([a], [b]) => a - b);
  if (inOrder.some(([index], at) => index !== at)) throw new Error("a part is missing");
  const text = inOrder.map(([, piece]) => piece).join("");
  const full = first["full_text"];
  if (full !== undefined) {
    const { bytes, sha256: hash } = { bytes: 0, sha256: "", ...Object(full) };
    const utf8 = new TextEncoder().encode(text);
    if (utf8.length !== bytes || sha256(utf8) !== hash) {
      throw new Error(`the parts of ${first["uid"]} are not the text it tells of`);
    }
  }
  return shortened(first, text);
}

function shortened(event: Event, text: string): Event {
  return { ...event, db_query: known(text), db_query_characters: text.length };
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const handle = await Deno.open(file);
  let held: string[] = [];
  for await (const chunk of handle.readable.pipeThrough(new TextDecoderStream())) {
    const lines = chunk.split("\n");
    for (const [at, line] of lines.entries()) {
      if (at === 0 && lines.length === 1) held.push(line);
      else if (at < lines.length - 1) {
        yield held.join("") + line;
        held = [];
      } else held = [line];
    }
  }
  if (held.join("") !== "") yield held.join("");
}
