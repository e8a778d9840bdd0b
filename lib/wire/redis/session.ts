import type { CommandReply, CommandTerms } from "../commands.ts";
import { OwedQueue } from "./owed.ts";

/** Who is told of commands that were answered: a Gate and a Tap are. */
export interface Told {
  replied(statementId: number, index: number, reply: CommandReply): void;
  answer(bytes: Uint8Array): void;
  goodbye(): void;
}

/** What a client has changed on its connection, as far as we have to know. */
export interface ClientState {
  /** Inside MULTI. */
  multi: boolean;
  /** A command of the transaction was refused here: EXEC has to fail. */
  dirty: boolean;
  /** CLIENT REPLY; "skip": the next command is not answered. */
  replies: "on" | "off" | "skip";
  /** What RESET has to take back. */
  tracking: boolean;
  named: boolean;
  readonly: boolean;
  subscribed: boolean;
  hello: boolean;
  selected: boolean;
}

/** What both directions of one session share. */
export class Session {
  readonly owed = new OwedQueue();
  readonly terms: CommandTerms | null;
  /** The database that the session began in. */
  readonly database: string;
  readonly client: ClientState = {
    multi: false,
    dirty: false,
    replies: "on",
    tracking: false,
    named: false,
    readonly: false,
    subscribed: false,
    hello: false,
    selected: false,
  };
  /** Version of the protocol that the server speaks: 2 or 3. */
  resp = 2;
  monitoring = false;
  /** Subscriptions: the server counts channels and patterns together, shard channels apart. */
  channels = 0;
  patterns = 0;
  shardChannels = 0;
  #lastId = 0;

  constructor(terms: CommandTerms | null, database: string) {
    this.terms = terms;
    this.database = database;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Says what is due now that nothing is owed before it. */
  settle(to: Told): void {
    for (let front = this.owed.front; front !== undefined; front = this.owed.front) {
      if (front.kind !== "silent" && front.kind !== "answer") return;
      const { kind, id, bytes, last, reply } = front;
      const index = this.owed.answered();
      if (kind === "answer") to.answer(bytes);
      if (id > 0) to.replied(id, index, reply ?? unanswered);
      if (last) to.goodbye();
    }
  }
}

const unanswered: CommandReply = { type: "none", error: null, elements: 0, bytes: 0 };
