/**
 * Moves the bytes of one session both ways. Towards the database: understood, recorded, then
 * forwarded as they came. Towards the client: forwarded first, then read for results. Each side is
 * paused while the other one doesn't take more; no promise, no timer and no copy for each chunk.
 */
import type { Clock, Timer } from "../core/clock.ts";
import type { Fault } from "../core/fault.ts";
import type { ByteStream, StreamReader } from "../core/stream.ts";
import type { Gate, Inspector, Protocol, Refusal, SessionTerms } from "../wire/protocol.ts";
import type { Statement, Tap } from "../wire/protocol.ts";
import { WireError } from "../wire/wire_error.ts";
import { ClientRefused } from "../wire/client_refused.ts";
import type { SessionLimits } from "../access/mod.ts";
import { type AdmitParts, begin, isRefused, recordRefused } from "./admit.ts";
import { type Ending, gone, left, lost, vanished } from "./endings.ts";
import { HeldBytes } from "./held_bytes.ts";
import {
  heldBytesMax,
  lastWordsMsMax,
  lingerMs,
  openStatementsMax,
  openTextBytesMax,
  partingMs,
} from "./limits.ts";
import { breaches } from "./session_limits.ts";

/** A stream where a handshake left it. */
export interface Side {
  readonly stream: ByteStream;
  readonly early: Uint8Array;
  readonly ended: boolean;
}

export interface RelayParts extends AdmitParts {
  readonly client: Side;
  readonly database: Side;
  readonly protocol: Protocol;
  readonly terms?: SessionTerms;
  /**
   * Calls back when all intents so far are safe, and there is room where they are pieces of what is
   * too long to be held; null where the session waits for none.
   */
  readonly settle: ((done: (fault: Fault | null) => void, isLong: boolean) => void) | null;
  readonly clock: Clock;
  readonly limits: Pick<SessionLimits, "rows" | "bytes">;
  /** Told of a mistake of ours; the session ends, the process goes on. */
  readonly onBug: (thrown: unknown) => void;
}

export class Relay {
  /** Settles, never rejects, when both streams are gone. */
  readonly ended: Promise<Ending>;
  readonly #ended = Promise.withResolvers<Ending>();
  readonly #parts: RelayParts;
  readonly #client: ByteStream;
  readonly #database: ByteStream;
  readonly #inspector: Inspector;
  readonly #gate: Gate;
  readonly #tap: Tap;
  readonly #held = new HeldBytes((bytes) => this.#toDatabase(bytes));
  #announced = false;
  #isLong = false;
  #databaseFull = false;
  /** The client finished, said goodbye, or vanished: nothing more is read from it. */
  #clientDone = false;
  #databaseDone = false;
  #clientClosed = false;
  #databaseClosed = false;
  #ending: Ending | null = null;
  #leaving: Ending | null = null;
  #lastWords: Refusal | null = null;
  #parted = false;
  #linger: Timer | null = null;
  #lingerForMs = lingerMs;
  #isOver = false;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#client = parts.client.stream;
    this.#database = parts.database.stream;
    this.#inspector = parts.protocol.inspector(undefined, parts.terms);
    this.ended = this.#ended.promise;
    this.#gate = {
      forward: (bytes) => {
        // After `stop` nothing more reaches the database, not even of the same chunk.
        if (this.#lastWords === null) this.#held.push(bytes, this.#announced);
      },
      statement: (statement) => this.#statement(statement),
      begin: (statement, text) => this.#piece(() => begin(parts, statement, text)),
      more: (text) => this.#piece(() => parts.record.more(text)),
      whole: (_, fingerprint) => this.#piece(() => parts.record.whole(fingerprint)),
      goodbye: () => (this.#leaving = left),
      answer: (bytes) => this.#answer(bytes),
      refused: (text, refusal) => recordRefused(parts, text, refusal),
      replied: (id, index, reply) => parts.record.replied(id, index, reply),
    };
    const { answer, replied } = this.#gate;
    this.#tap = {
      forward: (bytes) => this.#toClient(bytes),
      result: (id, result) => parts.record.result(id, result),
      lateStatement: (statement) => parts.record.late(statement),
      idle: () => {},
      reply: (bytes) => this.#toDatabase(bytes),
      ...{ answer, replied, goodbye: () => this.#clientFinished(left) },
    };
  }

  /** Payload bytes of both directions so far. */
  get bytes(): { readonly sent: number; readonly received: number } {
    return { sent: this.#bytesSent, received: this.#bytesReceived };
  }

  /** Takes over both streams. */
  start(): void {
    const { client, database } = this.#parts;
    this.#database.attach(this.#databaseReader());
    this.#client.attach(this.#clientReader());
    if (database.early.length > 0) this.#fromDatabase(database.early);
    if (client.early.length > 0) this.#fromClient(client.early);
    if (database.ended) this.#databaseFinished();
    if (client.ended) this.#clientFinished(gone);
  }

  /** Ends the session from our side; the client is told why as soon as no message is half sent. */
  stop(refusal: Refusal, code?: string): void {
    if (this.#isOver || this.#lastWords !== null) return;
    const { message } = refusal;
    this.#ending ??= { by: "us", orderly: false, message, ...(code === undefined ? {} : { code }) };
    this.#lastWords = refusal;
    this.#clientDone = true;
    this.#client.pause();
    this.#held.clear();
    if (this.#inspector.betweenFrames || this.#clientClosed) this.#part();
    else this.#lingerFor(lastWordsMsMax, () => this.#part());
  }

  // --- from the client ---

  #fromClient(chunk: Uint8Array): void {
    if (this.#clientDone) return;
    this.#bytesReceived += chunk.length;
    try {
      this.#inspector.client(chunk, this.#gate);
    } catch (thrown) {
      // What was announced with it stays announced; its bytes are dropped by `stop`.
      this.#announced = false;
      this.#broken(thrown, "client");
      return;
    }
    if (this.#announced) this.#settle();
    if (this.#leaving !== null) this.#clientFinished(this.#leaving);
    if (this.#held.bytes > heldBytesMax) this.#client.pause();
    this.#checkVolume();
  }

  #statement(statement: Statement): void {
    const { record, settle } = this.#parts;
    const count = statement.commands?.length ?? 1;
    if (this.#lastWords !== null || isRefused(this.#parts, statement.text, count)) return;
    record.statement(statement);
    this.#announced = settle !== null;
    const { statements, textBytes } = record.open;
    if (statements <= openStatementsMax && textBytes <= openTextBytesMax) return;
    this.stop({ kind: "limit", message: "too many statements without an answer" });
  }

  /** Of a statement too long to be held; after `stop` it goes nowhere, so no more is recorded. */
  #piece(record: () => void): void {
    if (this.#lastWords !== null) return;
    record();
    this.#announced = this.#parts.settle !== null;
    this.#isLong = true;
  }

  #settle(): void {
    this.#announced = false;
    const isLong = this.#isLong;
    this.#isLong = false;
    const turn = this.#held.seal();
    this.#parts.settle?.((fault) => {
      if (this.#isOver || this.#lastWords !== null) return;
      if (fault !== null) {
        this.stop(notRecorded(fault));
        return;
      }
      this.#held.release(turn);
      if (this.#clientDone) this.#endDatabase();
      else this.#resumeClient();
    }, isLong);
  }

  #toDatabase(bytes: Uint8Array): void {
    if (this.#database.write(bytes) || this.#databaseClosed) return;
    this.#databaseFull = true;
    this.#client.pause();
  }

  #resumeClient(): void {
    const waits = this.#databaseFull || this.#held.bytes > heldBytesMax / 2 || this.#clientDone;
    if (!waits) this.#client.resume();
  }

  #clientFinished(ending: Ending): void {
    if (this.#clientDone) return;
    this.#clientDone = true;
    this.#ending ??= ending;
    this.#lingerFor(lingerMs, () => this.#abort());
    this.#endDatabase();
  }

  /** The client's end reaches the database after the last byte that was held. */
  #endDatabase(): void {
    if (this.#held.bytes === 0) this.#database.end();
  }

  // --- from the database ---

  #fromDatabase(chunk: Uint8Array): void {
    if (this.#isOver || this.#parted) return;
    try {
      this.#inspector.server(chunk, this.#tap);
    } catch (thrown) {
      this.#broken(thrown, "server");
      return;
    }
    if (this.#lastWords !== null && this.#inspector.betweenFrames) this.#part();
    else if (this.#clientDone && this.#lastWords === null) this.#touchLinger();
    this.#checkVolume();
  }

  /** What passed, passed: the chunk that goes over the limit is the last one. */
  #checkVolume(): void {
    const { limits: { rows, bytes }, onBreach } = this.#parts;
    if (this.#lastWords !== null) return;
    if (this.#inspector.rows > rows) onBreach(breaches.rows(rows));
    else if (this.#bytesSent + this.#bytesReceived > bytes) onBreach(breaches.bytes(bytes));
  }

  #toClient(bytes: Uint8Array): void {
    this.#bytesSent += bytes.length;
    if (!this.#client.write(bytes) && !this.#clientClosed) this.#database.pause();
  }

  #answer(bytes: Uint8Array): void {
    if (this.#lastWords === null) this.#toClient(bytes);
  }

  #databaseFinished(): void {
    if (this.#databaseDone) return;
    this.#databaseDone = true;
    this.#ending ??= { by: "database", orderly: false, message: "the database closed" };
    this.#client.end();
    this.#database.end();
    this.#clientDone = true;
    this.#lingerFor(lingerMs, () => this.#abort());
    if (this.#client.queuedBytes === 0) this.#lingerFor(partingMs, () => this.#abort());
    // Read on, so that the client's own end is seen and nothing of it is kept.
    this.#client.resume();
  }

  // --- the end ---

  #broken(thrown: unknown, side: "client" | "server"): void {
    if (thrown instanceof ClientRefused) return this.stop(thrown.refusal);
    if (!(thrown instanceof WireError)) {
      this.#parts.onBug(thrown);
      this.stop({ kind: "internal", message: "internal error in the Database Service" });
      return;
    }
    this.#parts.record.malformed(thrown, side);
    const who = side === "client" ? "client" : "database";
    this.#ending ??= { by: who, orderly: false, message: `the ${who} broke the protocol` };
    this.stop({
      kind: side === "client" ? "protocol" : "target",
      message: `the ${who} broke the protocol: ${thrown.messageName} (${thrown.code})`,
    });
    // After a broken answer nothing tells where the next message begins.
    if (side === "server") this.#part();
  }

  /**
   * Our last words, then goodbye to both. Where a message is half sent the client gets none: it
   * would take them for data.
   */
  #part(): void {
    const words = this.#lastWords;
    if (this.#parted || words === null) return;
    this.#parted = true;
    this.#databaseDone = true;
    this.#databaseClosed = true;
    this.#database.abort();
    if (!this.#clientClosed) {
      if (this.#inspector.betweenFrames) {
        this.#client.write(this.#inspector.refuse(words));
      }
      this.#client.end();
      this.#client.resume();
    }
    this.#lingerFor(partingMs, () => this.#abort());
    this.#finishIfClosed();
  }

  #lingerFor(ms: number, then: () => void): void {
    this.#linger?.cancel();
    this.#lingerForMs = ms;
    this.#linger = this.#isOver ? null : this.#parts.clock.after(ms, then);
  }

  /** Answers still flow to a client that has finished writing. */
  #touchLinger(): void {
    if (!this.#clientClosed) this.#lingerFor(this.#lingerForMs, () => this.#abort());
  }

  #abort(): void {
    this.#client.abort();
    this.#database.abort();
    this.#clientClosed = true;
    this.#databaseClosed = true;
    this.#finishIfClosed();
  }

  #finishIfClosed(): void {
    if (this.#isOver || !this.#clientClosed || !this.#databaseClosed) return;
    this.#isOver = true;
    this.#linger?.cancel();
    this.#inspector.close({ ...this.#tap, forward: () => {} });
    this.#ended.resolve(this.#ending ?? gone);
  }

  #clientReader(): StreamReader {
    return {
      data: (chunk) => this.#fromClient(chunk),
      ended: () => this.#clientFinished(gone),
      drained: () => {
        if (!this.#databaseClosed) this.#database.resume();
      },
      closed: (fault) => {
        this.#clientClosed = true;
        this.#clientFinished(fault === null ? gone : vanished);
        // Nobody reads answers any more; the database gets a moment to finish what it was told.
        if (!this.#databaseClosed) {
          this.#database.resume();
          this.#lingerFor(partingMs, () => this.#abort());
        }
        this.#finishIfClosed();
      },
    };
  }

  #databaseReader(): StreamReader {
    return {
      data: (chunk) => this.#fromDatabase(chunk),
      ended: () => this.#databaseFinished(),
      drained: () => {
        this.#databaseFull = false;
        this.#resumeClient();
      },
      closed: (fault) => {
        this.#databaseClosed = true;
        if (fault !== null && !this.#databaseDone) this.#databaseLost(fault);
        else this.#databaseFinished();
        this.#finishIfClosed();
      },
    };
  }

  #databaseLost({ code, shown }: Fault): void {
    if (this.#clientDone) return this.#databaseFinished();
    // Why a socket broke helps nobody; why several servers can't go on as one does.
    const message = code === "db.spread" ? shown : lost.message;
    this.#ending ??= { ...lost, message };
    if (!this.#clientClosed && this.#inspector.betweenFrames) {
      this.#client.write(this.#inspector.refuse({ kind: "network", message }));
    }
    this.#databaseFinished();
  }
}

/** What a client is told when its statements can't be recorded any more. */
export function notRecorded(fault: Fault): Refusal {
  return {
    kind: "unavailable",
    message: `statements can't be recorded, so none are taken: ${fault.shown}`,
    hint: "tell whoever runs the Database Service",
  };
}
