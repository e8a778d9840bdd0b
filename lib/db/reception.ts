/**
 * The client's side of a visit until its session begins: who it is, what it asks, what it is told.
 */
import { asFault, Fault } from "../core/fault.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { Log } from "../core/log.ts";
import type { StreamReader } from "../core/stream.ts";
import type { OpenHeader, TunnelStream } from "../tunnel/mod.ts";
import type { Startup } from "../wire/protocol.ts";
import { WireError } from "../wire/wire_error.ts";
import { authorize, type Grant, identify, type Place } from "./authorize.ts";
import { type CancelPowers, passCancel } from "./cancel.ts";
import { drive, type Line, lineOf } from "./drive.ts";
import { partingMs, startupMsMax } from "./limits.ts";
import { type RecordPowers, SessionRecord } from "./record.ts";
import { type Failed, failedBy } from "./refusal.ts";
import { notRecorded } from "./relay.ts";
import type { ClusterPowers } from "./standing.ts";
import type { DatabaseTarget } from "./targets.ts";
import type { UserCounts } from "./user_counts.ts";
import { within } from "./within.ts";

/** A client at the door, brought by a proxy. */
export interface Arrival {
  readonly stream: TunnelStream;
  readonly header: OpenHeader;
  readonly target: DatabaseTarget;
}

export interface ReceptionPowers extends ClusterPowers, RecordPowers, CancelPowers {
  readonly cluster: string;
  /** Host id of this agent. */
  readonly host: string;
  readonly users: UserCounts;
  /** Ends with the service. */
  readonly signal: AbortSignal;
}

export class Reception {
  readonly stream: TunnelStream;
  readonly header: OpenHeader;
  readonly place: Place;
  readonly sid: string;
  readonly log: Log;
  readonly #powers: ReceptionPowers;
  readonly #target: DatabaseTarget;
  #line: Line;
  #identity: UserIdentity | null = null;
  #startup: Startup | null = null;
  #record: SessionRecord | null = null;
  /** Whose place among the user's sessions is taken. */
  #entered: string | null = null;
  /** Whose messages are being read. */
  #side: "client" | "server" = "client";

  constructor({ stream, header, target }: Arrival, powers: ReceptionPowers) {
    this.stream = stream;
    this.header = header;
    this.place = { cluster: powers.cluster, hosts: [powers.host, header.proxy] };
    this.sid = powers.random.uuid();
    const service = target.resource.metadata.name;
    this.log = powers.log.child({ sid: this.sid, trace: header.trace, service });
    this.#powers = powers;
    this.#target = target;
    this.#line = lineOf(stream);
  }

  get line(): Line {
    return this.#line;
  }

  /** Made with what is known of the visitor when the first event is due. */
  get record(): SessionRecord {
    const { clientAddress, proxy, trace } = this.header;
    const route = this.#identity?.route;
    const user = this.#startup?.user ?? route?.user ?? "";
    this.#record ??= new SessionRecord(this.#powers, {
      sid: this.sid,
      identity: this.#identity,
      address: clientAddress,
      proxy,
      trace,
      program: this.#startup?.clientProgram ?? "",
      user,
      database: this.#startup?.database ?? route?.database ?? user,
    }, this.#target);
    return this.#record;
  }

  /** What the client asks for; null where it came to cancel a statement, which is done then. */
  async accept(): Promise<Startup | null> {
    const { protocol } = this.#target;
    const { result: opening, line } = await within(
      this.#powers,
      startupMsMax,
      (signal) => drive(protocol.accept(), this.#line, { signal }),
    );
    this.#line = line;
    if (opening.kind === "startup") {
      this.#startup = opening.startup;
      return opening.startup;
    }
    await passCancel(opening.key, this.header.clientAddress, this.#powers);
    this.#farewell();
    return null;
  }

  authorize(startup: Startup): Grant {
    const claim = { chain: this.header.chain, target: this.#target };
    const verified = identify(this.#powers, this.place, claim);
    this.#identity = verified.identity;
    const grant = authorize(this.#powers, verified, { ...claim, startup });
    const spool = grant.audit === "best_effort" ? null : this.#powers.spool.fault;
    if (spool !== null) throw unrecorded(spool);
    if (this.#powers.sessions.isFull) throw full();
    this.#enter(grant);
    this.#side = "server";
    return grant;
  }

  #enter({ identity: { user }, limits: { sessions } }: Grant): void {
    if (!this.#powers.users.enter(user, sessions)) throw tooMany(sessions);
    this.#entered = user;
  }

  /** The visit is over. */
  leave(): void {
    if (this.#entered !== null) this.#powers.users.leave(this.#entered);
    this.#entered = null;
  }

  /** The client is refused in its own words, or the proxy is asked to try another agent. */
  turnAway(thrown: unknown): void {
    const failed = failedBy(thrown, this.#side);
    this.#tell(thrown, failed);
    if (thrown instanceof WireError) this.record.malformed(thrown, this.#side);
    this.record.denied(failed.failure);
    if (failed.mayRetry && this.stream.state === "opening") {
      this.stream.reset("retry", failed.refusal.message);
      return;
    }
    this.stream.write(this.#target.protocol.refuse(failed.refusal));
    this.#farewell();
  }

  #tell(thrown: unknown, { failure }: Failed): void {
    const { code, message } = failure;
    const fields = { code, user: this.#identity?.user, client: this.header.clientAddress };
    const isBug = asFault(thrown).code === "core.unexpected" && code === "core.unexpected";
    if (isBug) this.log.error("a visit failed by a mistake of ours", { ...fields, message });
    else this.log.info("a session was refused", { ...fields, message });
  }

  /** Ends our half, drops what still comes, and waits a moment for the client to go. */
  #farewell(): void {
    const { stream } = this;
    const timer = this.#powers.clock.after(partingMs, () => stream.abort());
    const reader: StreamReader = {
      data: () => {},
      ended: () => {},
      drained: () => {},
      closed: () => timer.cancel(),
    };
    stream.end();
    stream.attach(reader);
  }
}

function unrecorded(spool: Fault): Fault {
  const { message, hint } = notRecorded(spool);
  return new Fault({
    kind: "unavailable",
    code: "db.not-recorded",
    message,
    shown: message,
    ...(hint === undefined ? {} : { hint }),
    cause: spool,
  });
}

function tooMany(sessions: number): Fault {
  return new Fault({
    kind: "limit",
    code: "db.user-sessions-max",
    message: `the user has ${sessions} sessions on this agent already`,
    shown: `you have ${sessions} sessions already, as many as your roles allow`,
    hint: "close one of them; an administrator can change the limit in your roles",
  });
}

function full(): Fault {
  return new Fault({
    kind: "limit",
    code: "db.sessions-max",
    message: "this agent has as many sessions as it takes",
    shown: "too many sessions at the moment",
    hint: "try again in a moment",
  });
}
