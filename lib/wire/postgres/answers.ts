import type { Statement, StatementError, StatementResult, Tap } from "../protocol.ts";
import { type ErrorFields, isFatal, statementError } from "./error_fields.ts";
import { server, wireError } from "./message.ts";
import type { Pending } from "./pending.ts";
import type { Session } from "./session.ts";
import { Skipped } from "./skipped.ts";
import { notRun, Tally } from "./tally.ts";
import { refusedByRawParser } from "./verdict.ts";

type Outcome = StatementResult["outcome"];
type Open = Exclude<Pending, { kind: "sync" | "copyData" | "copyEnd" }>;

/**
 * An Execute that is done; kept for the transaction status where a ReadyForQuery follows at once.
 */
interface Finished {
  readonly statement: Pick<Statement, "id">;
  readonly tally: Tally;
  readonly outcome: Outcome;
}

const statuses: ReadonlyMap<number, string> = new Map([
  [0x49, "idle"], // I
  [0x54, "transaction"], // T
  [0x45, "failed"], // E
]);

/**
 * Pairs what the database answers with what was asked, in order, as the server itself works through
 * its input: after an error in the extended protocol it skips to the next Sync, while a COPY takes
 * its input it swallows Sync and Flush. ("Extended Query", "COPY Operations")
 */
export class Answers {
  readonly #session: Session;
  readonly #clientAtRest: () => boolean;
  #tap: Tap | null = null;
  /** What is being answered. */
  #current: Open | null = null;
  #tally = new Tally();
  /** The current statement's text was refused before the server took note of it. */
  #refused = false;
  #copyIn = false;
  /** An error in the extended protocol: the server skips until Sync. */
  #skipped: Skipped | null = null;
  #finished: Finished | null = null;

  constructor(session: Session, clientAtRest: () => boolean) {
    this.#session = session;
    this.#clientAtRest = clientAtRest;
  }

  /** Where results go from now on. */
  tell(tap: Tap): void {
    this.#tap = tap;
  }

  row(bytes: number): void {
    if (this.#current === null) this.#running("DataRow");
    this.#tally.shownRows += 1;
    this.#tally.bytesSent += bytes;
  }

  copyOutData(bytes: number): void {
    if (this.#current === null) this.#running("CopyData");
    this.#tally.copyBytes += bytes;
    this.#tally.bytesSent += bytes;
  }

  /** A message of which only the type matters. */
  plain(type: number): void {
    switch (type) {
      case server.parseComplete:
        return this.#answered("parse", "ParseComplete");
      case server.bindComplete:
        return this.#answered("bind", "BindComplete");
      case server.closeComplete:
        return this.#answered("close", "CloseComplete");
      case server.noData:
        return this.#answered("describe", "NoData");
      case server.rowDescription:
        if (this.#take("RowDescription").kind === "describe") this.#current = null;
        return;
      case server.functionCallResponse:
        if (this.#take("FunctionCallResponse").kind === "function") return;
        throw unexpected("FunctionCallResponse");
      case server.emptyQuery:
        if (this.#running("EmptyQueryResponse").kind === "execute") this.#finish("skipped");
        return;
      case server.portalSuspended:
        this.#running("PortalSuspended");
        return this.#finish("suspended");
      case server.copyIn:
      case server.copyOut:
      case server.copyBoth:
        return this.#copy(type);
    }
    // NoticeResponse, NotificationResponse, ParameterStatus, CopyDone and the like change nothing.
  }

  parameterTypes(types: readonly number[]): void {
    const current = this.#take("ParameterDescription");
    if (current.kind !== "describe") throw unexpected("ParameterDescription");
    if (current.prepared !== undefined) current.prepared.types = types;
  }

  complete(tag: string): void {
    const current = this.#running("CommandComplete");
    if (this.#copyIn) this.#endCopyIn(true);
    this.#tally.complete(tag);
    if (tag === "DISCARD ALL" || tag === "DEALLOCATE ALL") {
      this.#session.names.forgetPrepared(current.statement.id);
    }
    if (current.kind === "execute") this.#finish("done");
  }

  error(fields: ErrorFields): void {
    if (isFatal(fields)) return this.#fatal(statementError(fields));
    const next = this.#current ?? this.#next();
    if (next === undefined || next.kind === "sync") {
      // What was left for the end of the transaction went wrong, as a deferred constraint.
      if (this.#finished !== null) this.#finished.tally.error = statementError(fields);
      return;
    }
    const current = this.#take("ErrorResponse");
    const error = statementError(fields);
    if (this.#copyIn) this.#endCopyIn(false);
    this.#tally.error = error;
    if (current.kind === "query" || current.kind === "function") {
      this.#refused = this.#tally.isEmpty && refused(current, fields);
      return;
    }
    this.#skipped = new Skipped(this.#session, current, error);
    if (current.kind === "execute") {
      this.#hold(
        current.statement,
        fields.routine === "exec_execute_message" &&
          fields.code === "34000"
          ? "skipped"
          : "done",
      );
    }
    this.#current = null;
  }

  ready(statusByte: number): void {
    const status = statuses.get(statusByte);
    if (status === undefined) throw wireError("malformed", "ReadyForQuery", "unknown status");
    this.#release(status);
    let group: number;
    if (this.#current !== null) group = this.#endSimple(this.#current, status);
    else if (this.#skipped !== null) group = this.#endSkipping(this.#skipped, status);
    else group = this.#endPipeline();
    if (status !== "idle") return;
    this.#session.names.endPortals(group);
    if (this.#session.pending.length === 0 && this.#clientAtRest()) this.#tap?.idle();
  }

  /** The session is over: what is open ends with what is known of it. */
  close(tap: Tap): void {
    this.#tap = tap;
    this.#release("");
    if (this.#skipped !== null) this.#endSkipping(this.#skipped, "");
    this.#giveUp(null);
  }

  /** The next thing asked for that the server answers. */
  #next(): Pending | undefined {
    const { pending } = this.#session;
    let next = pending.peek();
    while (next?.kind === "copyData" || next?.kind === "copyEnd") {
      // Outside of a COPY the server ignores these.
      pending.shift();
      next = pending.peek();
    }
    return next;
  }

  /** What is being answered, now that the server begins to. */
  #take(messageName: string): Open {
    if (this.#current !== null) return this.#current;
    this.#release("");
    const next = this.#skipped === null ? this.#next() : undefined;
    if (
      next === undefined || next.kind === "sync" || next.kind === "copyData" ||
      next.kind === "copyEnd"
    ) {
      throw unexpected(messageName);
    }
    this.#session.pending.shift();
    this.#current = next;
    this.#tally = new Tally();
    this.#refused = false;
    return next;
  }

  #answered(kind: Open["kind"], messageName: string): void {
    const current = this.#take(messageName);
    if (current.kind !== kind) throw unexpected(messageName);
    this.#current = null;
    if (current.kind === "parse" && "statement" in current) {
      this.#result(current.statement, this.#tally.result("done", ""));
    }
  }

  /** The statement being answered. */
  #running(messageName: string): Extract<Open, { kind: "query" | "execute" }> {
    const current = this.#take(messageName);
    if (current.kind === "query" || current.kind === "execute") return current;
    throw unexpected(messageName);
  }

  #finish(outcome: Outcome): void {
    const current = this.#current;
    if (current?.kind !== "execute") throw unexpected("end of Execute");
    this.#current = null;
    this.#hold(current.statement, outcome);
    if (this.#next()?.kind !== "sync") this.#release("");
  }

  #hold(statement: Finished["statement"], outcome: Outcome): void {
    this.#finished = { statement, tally: this.#tally, outcome };
  }

  #release(status: string): void {
    const finished = this.#finished;
    if (finished === null) return;
    this.#finished = null;
    this.#result(finished.statement, finished.tally.result(finished.outcome, status));
  }

  #result(statement: Finished["statement"], result: StatementResult): void {
    this.#tap?.result(statement.id, result);
  }

  #copy(type: number): void {
    this.#running("CopyResponse");
    this.#tally.copyDirection = type === server.copyIn
      ? "in"
      : type === server.copyOut
      ? "out"
      : "both";
    this.#copyIn = type !== server.copyOut;
  }

  /**
   * Takes from what was asked all that the COPY took: its data, its end, and each Sync before that.
   * A COPY that failed took no more than the first data; a Sync after them still counts.
   */
  #endCopyIn(whole: boolean): void {
    this.#copyIn = false;
    const { pending } = this.#session;
    let hadData = false;
    for (let next = pending.peek(); next !== undefined; next = pending.peek()) {
      if (next.kind === "sync" && hadData && !whole) return;
      if (next.kind !== "sync" && next.kind !== "copyData" && next.kind !== "copyEnd") return;
      pending.shift();
      if (next.kind === "copyData") {
        hadData = true;
        this.#tally.bytesReceived += next.bytes;
        this.#tally.copyBytes += next.bytes;
      } else if (next.kind === "copyEnd") {
        this.#tally.copyFailed = next.failed;
        return;
      }
    }
  }

  #endSimple(current: Open, status: string): number {
    if (current.kind !== "query" && current.kind !== "function") throw unexpected("ReadyForQuery");
    this.#current = null;
    this.#copyIn = false;
    this.#result(
      current.statement,
      this.#tally.result(this.#refused ? "parse_error" : "done", status),
    );
    return current.group;
  }

  #endSkipping(skipped: Skipped, status: string): number {
    this.#skipped = null;
    if (this.#tap === null) return -1;
    return skipped.resolve(this.#tap, status);
  }

  #endPipeline(): number {
    const next = this.#next();
    if (next?.kind !== "sync") throw unexpected("ReadyForQuery");
    this.#session.pending.shift();
    return next.group;
  }

  /** The server ends the session: of what is open nobody knows how far it came. */
  #fatal(error: StatementError): void {
    this.#release("");
    this.#giveUp(error);
  }

  #giveUp(error: StatementError | null): void {
    const current = this.#current;
    this.#current = null;
    if (current !== null && "statement" in current) {
      const known = this.#tally.error !== null;
      this.#tally.error ??= error;
      const outcome = known ? (this.#refused ? "parse_error" : "done") : "unknown";
      this.#result(current.statement, this.#tally.result(outcome, ""));
    }
    for (let next = this.#session.pending.shift(); next !== undefined;) {
      if ("statement" in next) this.#result(next.statement, notRun("unknown", error, ""));
      next = this.#session.pending.shift();
    }
  }
}

/** Refused before `log_statement` took note of it. */
function refused(of: Extract<Open, { kind: "query" | "function" }>, fields: ErrorFields): boolean {
  if (of.kind === "query") return refusedByRawParser(of.statement.text, of.notUtf8, fields);
  return fields.routine === "fetch_fp_info" || fields.code === "25P02";
}

function unexpected(messageName: string): Error {
  return wireError("unexpected", messageName, "answers nothing that was asked");
}
