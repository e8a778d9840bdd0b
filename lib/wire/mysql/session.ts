import { Fifo } from "../fifo.ts";
import type { Abilities, SessionTerms, Statement } from "../protocol.ts";
import { type StreamSizes, streamSizes } from "../streaming.ts";
import { can, canMariadb, has } from "./capabilities.ts";
import { isMariadb } from "./greeting.ts";
import { limits } from "./limits.ts";
import { Names, type Prepared } from "./names.ts";
import { wireError } from "./packet.ts";

/** How a command is answered. */
export type ReplyForm =
  /** One packet: OK, EOF or ERR. */
  | "ok"
  /** OK, ERR, a question for a file, or columns and rows; then maybe another one. */
  | "results"
  /** Rows of a cursor. */
  | "rows"
  | "prepared"
  /** Definitions of columns. */
  | "columns"
  /** One packet of text. */
  | "text"
  /** Packets without an end. */
  | "stream"
  /** We answer it ourselves. */
  | "ours";

/** A command that has yet to be answered. */
export interface Pending {
  readonly form: ReplyForm;
  /** Number of the first packet of the answer. */
  readonly sequence: number;
  /** Where it is recorded; the text is empty where it was told in pieces. */
  readonly statement?: Pick<Statement, "id" | "text">;
  /** It executes, or fetches from, what was prepared. */
  readonly isExecution?: boolean;
  /** Its text runs another one (PREPARE, EXECUTE), whose errors are its own. */
  readonly runsText?: boolean;
  /** What it prepares. */
  readonly prepared?: Prepared;
  /** The schema in use once it is done. */
  readonly schema?: string;
  /** It does away with all prepared statements. */
  readonly clears?: boolean;
  /** Files of the client that its text offers. */
  readonly offers?: readonly string[];
  /** What we answer. */
  readonly answer?: Uint8Array;
}

/** A file that the database has asked the client for. */
export interface FileSent {
  bytes: number;
  /** Number of the client's last packet. */
  sequence: number;
}

/** What both directions of one session share. */
export class Session {
  readonly names = new Names();
  readonly sizes: StreamSizes;
  readonly terms: SessionTerms;
  readonly deprecateEof: boolean;
  readonly queryAttributes: boolean;
  /** Whether a result says if its columns are described. */
  readonly tellsMetadata: boolean;
  readonly tellsPreparedMetadata: boolean;
  readonly flags: number;
  /** The server's own log has each text as it came, and not once it was read (MariaDB). */
  readonly logsAsSent: boolean;
  schema: string;
  /** Set while the client sends a file. */
  file: FileSent | null = null;
  #lastId = 0;
  readonly #pending = new Fifo<Pending>();
  #pendingBytes = 0;

  constructor(sizes: StreamSizes = streamSizes, terms: SessionTerms = anywhere) {
    this.sizes = sizes;
    this.terms = terms;
    const { flags, extended } = terms.loggedIn.abilities ?? plain;
    this.flags = flags;
    this.deprecateEof = has(flags, can.deprecateEof);
    this.queryAttributes = has(flags, can.queryAttributes);
    this.tellsPreparedMetadata = has(flags, can.optionalMetadata);
    this.tellsMetadata = this.tellsPreparedMetadata || has(extended, canMariadb.cacheMetadata);
    this.logsAsSent = isMariadb(terms.loggedIn.facts?.serverVersion ?? "");
    this.schema = terms.database;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Commands that wait for their answer. */
  get waiting(): number {
    return this.#pending.length;
  }

  asked(item: Pending): void {
    this.#pendingBytes += weight(item);
    if (this.waiting >= limits.pending || this.#pendingBytes > limits.pendingBytes) {
      throw wireError("oversize", "command", "too much was asked without an answer");
    }
    this.#pending.push(item);
  }

  peek(): Pending | undefined {
    return this.#pending.first;
  }

  shift(): Pending | undefined {
    const item = this.#pending.shift();
    if (item !== undefined) this.#pendingBytes -= weight(item);
    return item;
  }
}

function weight({ statement, answer }: Pending): number {
  return 64 + (statement?.text.length ?? 0) + (answer?.length ?? 0);
}

const plain: Pick<Abilities, "flags" | "extended"> = { flags: 0, extended: 0 };

/** A session of which nothing more is known. */
const anywhere: SessionTerms = {
  loggedIn: {},
  database: "",
  localInfile: false,
  replication: false,
  connectionOf: () => null,
};
