/** Turns what was understood of one session into audit events, in their order. */
import {
  type EventFields,
  type EventStamp,
  newEvent,
  newStatement,
  type StatementEvent,
  type StatementFields,
} from "../audit/catalog.ts";
import { EventContext } from "../audit/context.ts";
import type { Spool } from "../audit/spool.ts";
import { redactParameters } from "../audit/redact.ts";
import { StreamedQuery, type TextHash } from "../audit/streamed_query.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { Random } from "../core/random.ts";
import type { CommandReply } from "../wire/commands.ts";
import type { LoggedIn, Statement, StatementResult, StreamedStatement } from "../wire/protocol.ts";
import type { WireError } from "../wire/wire_error.ts";
import { commandFields, Replies, resultOf, weightOf } from "./command_record.ts";
import type { DatabaseTarget } from "./targets.ts";

export interface RecordPowers {
  readonly spool: Spool;
  readonly clock: Clock;
  readonly random: Random;
  /** Of texts that come in pieces. */
  readonly textHash: TextHash;
}

/** Who is visiting what, as far as it is known when the first event is made. */
export interface Visitor {
  readonly sid: string;
  readonly identity: UserIdentity | null;
  readonly address: string;
  readonly proxy: string;
  /** Its TLS ended here and not at the proxy. */
  readonly endToEnd: boolean;
  readonly trace: string;
  readonly program: string;
  readonly user: string;
  readonly database: string;
}

/** What went wrong, for events. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

interface Open {
  readonly statement: Statement;
  readonly stamp: EventStamp;
  readonly startedAt: number;
  /** Where its text came in pieces. */
  readonly text?: StreamedQuery;
  /** What came of its commands so far, where it is of these. */
  readonly replies?: Replies;
}

/** The fields that say what came of a statement. */
type Outcome = Pick<StatementEvent, "outcome" | "success"> & Partial<StatementFields>;
type Context = Omit<EventFields<"db.session.end">, "success" | "message" | "error">;

export class SessionRecord {
  readonly #powers: RecordPowers;
  readonly #context: Context;
  readonly #shared: EventContext;
  readonly #visitor: Visitor;
  readonly #open = new Map<number, Open>();
  /** The statement whose text is coming in pieces. */
  #coming: Open | null = null;
  /** Made when one comes: few sessions have any. */
  #texts: WeakMap<StreamedStatement, StreamedQuery> | null = null;
  readonly #startedAt: string;
  #order = 0;
  #statements = 0;
  #openTextBytes = 0;

  constructor(powers: RecordPowers, visitor: Visitor, target: DatabaseTarget) {
    this.#powers = powers;
    this.#visitor = visitor;
    this.#context = { ...whoOf(visitor), ...whereOf(visitor, target) };
    this.#shared = new EventContext(this.#context);
    this.#startedAt = rfc3339(powers.clock.now());
  }

  get sid(): string {
    return this.#visitor.sid;
  }

  /** The statement that has waited longest for its result. */
  get oldest(): number | null {
    const [id = null] = this.#open.keys();
    return id;
  }

  /** Statements without a result, and the characters of their texts. */
  get open(): { readonly statements: number; readonly textBytes: number } {
    return { statements: this.#open.size, textBytes: this.#openTextBytes };
  }

  started(loggedIn: LoggedIn): void {
    this.#powers.spool.event(newEvent("db.session.start", this.#stamp(), {
      ...this.#context,
      success: true,
      db_pid: loggedIn.backendPid,
      server_version: loggedIn.serverVersion.slice(0, 128),
      proxy_id: this.#visitor.proxy,
      end_to_end: this.#visitor.endToEnd,
    }));
  }

  /** The session was refused before it began. */
  denied(failure: Failure): void {
    this.#powers.spool.event(newEvent("db.session.start", this.#stamp(), {
      ...this.#context,
      success: false,
      error: failure,
      message: failure.message,
      proxy_id: this.#visitor.proxy,
      end_to_end: this.#visitor.endToEnd,
    }));
  }

  /** A statement is about to go on: its intent. */
  statement(statement: Statement): void {
    const open = this.#remember(statement);
    this.#powers.spool.intent(this.#query(open, started), this.#shared);
  }

  /** A statement too long to be held begins to go on. */
  begin(statement: StreamedStatement, text: string): void {
    const open = this.#opened({ ...statement, text: "", fingerprint: "" });
    const mark = statement.command === "prepare" ? { mark: "prepare" as const } : {};
    const outcome = { outcome: "started", success: null, ...mark } as const;
    const { fingerprint: _, ...intent } = this.#query(open, outcome);
    const { spool, textHash } = this.#powers;
    const streamed = new StreamedQuery({ spool, context: this.#shared, intent, hash: textHash });
    this.#texts ??= new WeakMap();
    this.#texts.set(statement, streamed);
    this.#coming = { ...open, text: streamed };
    streamed.push(text);
  }

  /** The next piece of its text is about to go on. */
  more(text: string): void {
    this.#coming?.text?.push(text);
  }

  /** The end of its text is about to go on: only now it runs. */
  whole(fingerprint: string): void {
    const coming = this.#coming;
    if (coming === null) return;
    coming.text?.end();
    const statement = { ...coming.statement, fingerprint };
    const startedAt = this.#powers.clock.monotonic();
    this.#open.set(statement.id, { ...coming, statement, startedAt });
    this.#coming = null;
  }

  /** A statement that is not let through. */
  refused(text: string, failure: Failure): void {
    this.#statements += 1;
    this.#powers.spool.event(newEvent("db.session.query.failed", this.#stamp(), {
      ...this.#context,
      db_query: text,
      success: false,
      error: failure,
      message: failure.message,
    }));
  }

  /** A statement that nothing was forwarded for, or that was learned of from its answer. */
  late(statement: Statement): void {
    this.#remember(statement);
  }

  /** What came of a statement; ids that are not open mean nothing. */
  result(id: number, result: StatementResult): void {
    const open = this.#open.get(id) ?? this.#coming;
    if (open?.statement.id !== id) return;
    if (!this.#open.delete(id)) this.#coming = null;
    this.#openTextBytes -= weightOf(open.statement);
    const event = this.#query(open, this.#outcomeOf(open, result));
    if (open.text === undefined) this.#powers.spool.result(event, this.#shared);
    else open.text.result(event);
  }

  /** What came of one command of a statement of several; the last one completes it. */
  replied(id: number, index: number, reply: CommandReply): void {
    const open = this.#open.get(id);
    if (open?.replies === undefined) return;
    const elapsed = this.#powers.clock.monotonic() - open.startedAt;
    if (open.replies.add(index, reply, elapsed)) this.result(id, resultOf(open.replies));
  }

  malformed(error: WireError, side: "client" | "server"): void {
    this.#powers.spool.event(newEvent("db.session.malformed_packet", this.#stamp(), {
      ...this.#context,
      message_name: error.messageName.slice(0, 64),
      error_code: error.code,
      side,
    }));
  }

  /** A cancel request for this session was passed on to the database, or could not be. */
  cancel(address: string, failure: Failure | null): void {
    this.#powers.spool.event(newEvent("db.session.cancel", this.#stamp(), {
      ...this.#context,
      "addr.remote": address,
      success: failure === null,
      ...(failure === null ? {} : { error: failure, message: failure.message }),
    }));
  }

  ended(end: {
    readonly success: boolean;
    readonly message: string;
    /** Where we ended it by a limit. */
    readonly code?: string;
    readonly bytesSent: number;
    readonly bytesReceived: number;
  }): void {
    this.#powers.spool.event(newEvent("db.session.end", this.#stamp(), {
      ...this.#context,
      success: end.success,
      message: end.message,
      ...(end.code === undefined ? {} : { error: { code: end.code, message: end.message } }),
      start_time: this.#startedAt,
      end_time: rfc3339(this.#powers.clock.now()),
      statements: this.#statements,
      bytes_sent: end.bytesSent,
      bytes_received: end.bytesReceived,
    }));
  }

  #remember(statement: Statement): Open {
    const open = this.#opened(statement);
    this.#open.set(statement.id, open);
    this.#openTextBytes += weightOf(statement);
    return open;
  }

  #opened(statement: Statement): Open {
    const { commands } = statement;
    this.#statements += commands?.length ?? 1;
    const open = { statement, stamp: this.#stamp(), startedAt: this.#powers.clock.monotonic() };
    return commands === undefined ? open : { ...open, replies: new Replies(commands.length) };
  }

  #query({ statement, stamp, replies }: Open, outcome: Outcome): StatementEvent {
    return newStatement(stamp, {
      db_query: statement.text,
      db_query_parameters: statement.parameters,
      ...(statement.commands === undefined ? {} : commandFields(statement.commands, replies)),
      ...(statement.textOf === undefined ? {} : this.#textOf(statement, statement.textOf)),
      command: statement.command,
      statement_name: statement.statementName,
      portal_name: statement.portalName,
      fingerprint: statement.fingerprint,
      ...(statement.schema ? { db_schema: statement.schema.slice(0, 255) } : {}),
      ...(statement.reexecution ? { mark: "reexecution" as const } : {}),
      ...outcome,
    });
  }

  /** A statement whose text came earlier, in pieces: how it begins, and where it is. */
  #textOf(
    { parameters }: Statement,
    of: StreamedStatement,
  ): Partial<EventFields<"db.session.query">> {
    const text = this.#texts?.get(of);
    if (text === undefined || text.fullText === null) return {};
    return {
      db_query: text.start,
      full_text: text.fullText,
      db_query_parameters: redactParameters(parameters, text.secrets),
    };
  }

  #outcomeOf({ startedAt, statement }: Open, result: StatementResult): Outcome {
    const { outcome: found, error } = result;
    const outcome = found === "truncated" ? "unknown" : found;
    const elapsed = this.#powers.clock.monotonic() - startedAt;
    return {
      outcome,
      success: outcome === "unknown" ? null : result.success,
      error,
      ...(error === null ? {} : { message: error.message }),
      ...(found === "parse_error" || found === "skipped" || found === "truncated"
        ? { mark: found }
        : statement.command === "prepare"
        ? { mark: "prepare" as const }
        : {}),
      rows: result.rows,
      results: result.results,
      bytes_sent: result.bytesSent,
      bytes_received: result.bytesReceived,
      duration_ms: Math.round(Math.max(0, elapsed) * 1000) / 1000,
      transaction_status: result.transactionStatus,
      copy: result.copy,
      cancelled: result.cancelled,
    };
  }

  #stamp(): EventStamp {
    const { clock, random } = this.#powers;
    return { time: rfc3339(clock.now()), uid: random.uuid(), ei: this.#order++ };
  }
}

const started = { outcome: "started", success: null } as const;

function whoOf(visitor: Visitor): Pick<Context, "user"> & Partial<Context> {
  const { identity, address, trace, program } = visitor;
  return {
    user: identity?.user ?? "",
    ...(identity === null ? {} : {
      user_kind: identity.kind === "human" ? 1 : 2,
      user_roles: [...identity.roles],
      login_session: identity.session,
    }),
    "addr.remote": address,
    ...(program === "" ? {} : { user_agent: program.slice(0, 512) }),
    trace,
  };
}

function whereOf(
  { sid, user, database }: Visitor,
  { resource: { metadata, spec } }: DatabaseTarget,
): Omit<Context, "user"> {
  return {
    sid,
    db_service: metadata.name,
    db_protocol: spec.protocol,
    db_uri: spec.uri,
    db_name: database.slice(0, 255),
    db_user: user.slice(0, 255),
    db_type: "self-hosted",
    db_origin: "config-file",
    db_labels: metadata.labels,
  };
}
