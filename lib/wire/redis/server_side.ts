import type { CommandReply } from "../commands.ts";
import type { Tap } from "../protocol.ts";
import { maySaySecrets } from "./secrets.ts";
import type { Owed } from "./owed.ts";
import { ReplyReader, type SeenReply } from "./reply_reader.ts";
import { types, wireError } from "./resp.ts";
import { notRun } from "./results.ts";
import type { Session } from "./session.ts";

const confirmations: ReadonlySet<string> = new Set([
  "subscribe",
  "psubscribe",
  "ssubscribe",
  "unsubscribe",
  "punsubscribe",
  "sunsubscribe",
]);
const messages: ReadonlySet<string> = new Set(["message", "pmessage", "smessage"]);
/** A line of MONITOR: seconds, and in brackets who. */
const monitorLine = /^\d+\.\d{6} \[/;

/** Database to client: forwarded first, then read for what came of the commands. */
export class ServerSide {
  readonly #reader = new ReplyReader();
  readonly #session: Session;
  #tap: Tap | null = null;
  #rows = 0;
  /** While something of ours is to be said: the chunk, and how much of it was forwarded. */
  #chunk: Uint8Array | null = null;
  #from = 0;
  /** The reply being read is not for the client. */
  #dropping = false;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The client has no half reply. */
  get atRest(): boolean {
    return this.#reader.atRest || this.#dropping;
  }

  get rows(): number {
    return this.#rows;
  }

  push(chunk: Uint8Array, tap: Tap): void {
    this.#tap = tap;
    if (this.#session.owed.own === 0) {
      tap.forward(chunk);
      this.#reader.push(chunk, this);
      return;
    }
    this.#chunk = chunk;
    this.#from = 0;
    if (this.#reader.atRest) this.#dropping = this.#isDropped(0);
    try {
      this.#reader.push(chunk, this);
    } finally {
      this.#pass(chunk.length);
      this.#chunk = null;
    }
  }

  close(tap: Tap): void {
    const told = new Set<number>();
    for (const { id } of this.#session.owed) {
      if (id === 0 || told.has(id)) continue;
      told.add(id);
      tap.result(id, notRun("unknown"));
    }
  }

  reply(seen: SeenReply, end: number): void {
    this.#pass(end);
    if (this.#isPushed(seen)) {
      this.#rows += 1;
    } else {
      this.#rows += Math.max(0, elementsOf(seen));
      this.#answers(seen);
    }
    if (this.#tap !== null) this.#session.settle(this.#tap);
    if (this.#chunk !== null) this.#dropping = this.#isDropped(end);
  }

  /** Lets the client have the chunk up to `end`, but what is dropped. */
  #pass(end: number): void {
    if (this.#chunk === null) return;
    if (!this.#dropping && end > this.#from) {
      this.#tap?.forward(this.#chunk.subarray(this.#from, end));
    }
    this.#from = end;
  }

  #isDropped(at: number): boolean {
    const next = this.#chunk?.[at];
    if (next === undefined) return false;
    return this.#session.owed.front?.swallow === true &&
      (next !== types.push || this.#session.owed.front.kind === "confirm");
  }

  /** Told by the server of its own accord, or a confirmation, which is counted here. */
  #isPushed(seen: SeenReply): boolean {
    const session = this.#session;
    if (session.monitoring && seen.type === types.status && monitorLine.test(seen.line)) {
      return true;
    }
    const front = session.owed.front;
    const subscribed = session.channels + session.patterns + session.shardChannels > 0;
    const mayBe = seen.type === types.push ||
      (seen.type === types.array && session.resp === 2 &&
        (subscribed || front?.kind === "confirm"));
    if (!mayBe) return false;
    if (confirmations.has(seen.kind)) {
      this.#count(seen);
      if (front?.kind === "confirm" && front.name === seen.kind) this.#confirmed(front, seen);
      return true;
    }
    return seen.type === types.push || messages.has(seen.kind);
  }

  #count({ kind, last }: SeenReply): void {
    const session = this.#session;
    if (last < 0) return;
    if (kind === "ssubscribe" || kind === "sunsubscribe") {
      session.shardChannels = last;
      return;
    }
    const more = last - session.channels - session.patterns;
    if (kind === "subscribe" || kind === "unsubscribe") session.channels += more;
    else session.patterns += more;
  }

  #confirmed(front: Owed, seen: SeenReply): void {
    if (front.left < 0) front.left = this.#before(seen.kind);
    front.left -= 1;
    if (front.left > 0) return;
    this.#tell(front, { type: "confirmed", error: null, elements: 0, bytes: seen.bytes });
  }

  /** How many confirmations belong to the command whose first one was just counted. */
  #before(kind: string): number {
    const { channels, patterns, shardChannels } = this.#session;
    if (kind === "sunsubscribe") return shardChannels + 1;
    return (kind === "unsubscribe" ? channels : patterns) + 1;
  }

  #answers(seen: SeenReply): void {
    const front = this.#session.owed.front;
    if (front === undefined) throw unasked();
    if (front.kind === "special") this.#special(front.name, seen);
    else if (front.kind === "confirm" && seen.type !== types.error) throw unasked();
    this.#tell(front, replyOf(seen, front.name));
  }

  #tell(front: Owed, reply: CommandReply): void {
    const { id } = front;
    const index = this.#session.owed.answered();
    if (id > 0) this.#tap?.replied(id, index, reply);
    if (this.#session.owed.isEmpty) this.#tap?.idle();
  }

  #special(name: string, seen: SeenReply): void {
    const session = this.#session;
    const isError = seen.type === types.error || seen.type === types.bulkError;
    if (name === "monitor") session.monitoring ||= !isError;
    else if (name === "hello2" || name === "hello3") {
      if (!isError) session.resp = name === "hello2" ? 2 : 3;
    } else if (name === "multi" && isError && !seen.line.includes("nested")) {
      session.client.multi = false;
    }
  }
}

function elementsOf({ type, count }: SeenReply): number {
  const isAggregate = type === types.array || type === types.set || type === types.map;
  return isAggregate ? count : 0;
}

function replyOf(seen: SeenReply, name: string): CommandReply {
  const { type, line, inner, bytes } = seen;
  const elements = Math.max(0, elementsOf(seen));
  if (type === types.error || type === types.bulkError) {
    return { type: "error", error: errorOf(line, name), elements, bytes };
  }
  const error = name === "exec" && inner !== "" ? errorOf(inner, name) : null;
  return { type: nameOf(seen), error, elements, bytes };
}

/** The server's own words but where they may repeat a secret: then their code alone. */
function errorOf(line: string, name: string): CommandReply["error"] {
  const [code = ""] = line.split(" ", 1);
  const message = maySaySecrets(name) ? `${code} ...` : line;
  return { code, severity: "", message };
}

const names: ReadonlyMap<number, string> = new Map([
  [types.status, "status"],
  [types.integer, "integer"],
  [types.bulk, "bulk"],
  [types.array, "array"],
  [types.nothing, "null"],
  [types.boolean, "boolean"],
  [types.double, "double"],
  [types.big, "big number"],
  [types.verbatim, "verbatim"],
  [types.map, "map"],
  [types.set, "set"],
]);

function nameOf({ type, count, line }: SeenReply): string {
  if (count < 0) return "null";
  if (type === types.status && line === "QUEUED") return "queued";
  return names.get(type) ?? "unknown";
}

function unasked(): Error {
  return wireError("unexpected", "reply", "answers nothing that was asked");
}
