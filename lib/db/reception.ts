/**
 * The client's side of a visit until its session begins: who it is, what it asks, what it is told.
 */
import { asFault, Fault } from "../core/fault.ts";
import type { UserIdentity } from "../core/identity.ts";
import { newConnectionId } from "../core/connection_id.ts";
import type { Log } from "../core/log.ts";
import { type ByteStream, partFrom } from "../core/stream.ts";
import type { OpenHeader, TunnelStream } from "../tunnel/mod.ts";
import type { Greeting, Startup } from "../wire/protocol.ts";
import { WireError } from "../wire/wire_error.ts";
import type { Verified } from "../ca/mod.ts";
import { authorize, type Claim, type Grant, identify, type Place } from "./authorize.ts";
import { usualDatabase } from "./authorize.ts";
import { type CancelPowers, passCancel } from "./cancel.ts";
import { drive, type Line, lineOf } from "./drive.ts";
import type { DatabaseFacts } from "./facts.ts";
import { connectMsMax, partingMs, startupMsMax } from "./limits.ts";
import { type RecordPowers, SessionRecord } from "./record.ts";
import { type Failed, failedBy } from "./refusal.ts";
import { notRecorded } from "./relay.ts";
import type { ClusterPowers } from "./standing.ts";
import type { StrangerEvents } from "./stranger_events.ts";
import type { DatabaseTarget } from "./targets.ts";
import type { UserCounts } from "./user_counts.ts";
import { within } from "./within.ts";

/** A client at the door, brought by a proxy. */
export interface Arrival {
  readonly stream: TunnelStream;
  readonly header: OpenHeader;
  readonly target: DatabaseTarget;
  /**
   * Where the client's TLS ended here: what is inside, and the certificates that were shown for
   * it. Absent where a proxy ended it: the stream itself is the client's, the header has its chain.
   */
  readonly inside?: { readonly client: ByteStream; readonly chain: readonly Uint8Array[] };
}

export interface ReceptionPowers extends ClusterPowers, RecordPowers, CancelPowers {
  readonly cluster: string;
  /** Host id of this agent. */
  readonly host: string;
  readonly users: UserCounts;
  readonly facts: DatabaseFacts;
  readonly strangers: StrangerEvents;
  /** Ends with the service. */
  readonly signal: AbortSignal;
}

export class Reception {
  /** The client, inside its TLS. */
  readonly client: ByteStream;
  readonly header: OpenHeader;
  readonly place: Place;
  readonly sid: string;
  readonly log: Log;
  readonly #powers: ReceptionPowers;
  readonly #stream: TunnelStream;
  readonly #claim: Claim;
  #line: Line;
  #greeting: Greeting | null = null;
  #connectionId: number | null;
  #identity: UserIdentity | null = null;
  #startup: Startup | null = null;
  #record: SessionRecord | null = null;
  /** Whose place among the user's sessions is taken. */
  #entered: string | null = null;
  /** Whose messages are being read. */
  #side: "client" | "server" = "client";

  constructor({ stream, header, target, inside }: Arrival, powers: ReceptionPowers) {
    this.client = inside?.client ?? stream;
    this.header = header;
    this.place = { cluster: powers.cluster, hosts: [powers.host, header.proxy] };
    this.sid = powers.random.uuid();
    const service = target.resource.metadata.name;
    this.log = powers.log.child({ sid: this.sid, trace: header.trace, service });
    this.#powers = powers;
    this.#stream = stream;
    const chain = inside?.chain ?? header.chain;
    this.#claim = { chain, target, endToEnd: inside !== undefined };
    this.#line = lineOf(this.client);
    this.#connectionId = header.connectionId ?? null;
  }

  /** What the client knows its connection by; null where its protocol has no such thing. */
  get connectionId(): number | null {
    return this.#connectionId;
  }

  get line(): Line {
    return this.#line;
  }

  /** Made with what is known of the visitor when the first event is due. */
  get record(): SessionRecord {
    const { clientAddress, proxy, trace } = this.header;
    const { target, endToEnd } = this.#claim;
    const route = this.#identity?.route;
    const user = this.#startup?.user || route?.user || (target.protocol.unnamed?.user ?? "");
    const otherwise = usualDatabase(target, user);
    this.#record ??= new SessionRecord(this.#powers, {
      sid: this.sid,
      identity: this.#identity,
      address: clientAddress,
      proxy,
      endToEnd,
      trace,
      program: this.#startup?.clientProgram ?? "",
      user,
      database: this.#startup?.database ?? route?.database ?? otherwise,
    }, target);
    return this.#record;
  }

  /** What the client asks for; null where it came to cancel a statement, which is done then. */
  async accept(): Promise<Startup | null> {
    const { target: { protocol }, endToEnd } = this.#claim;
    // No proxy has looked: who it is is asked before anything of theirs is read.
    if (endToEnd) this.#identify();
    const greeting = protocol.meet === null ? undefined : await this.#greet();
    const { result: opening, line } = await within(
      this.#powers,
      startupMsMax,
      (signal) => drive(protocol.accept(greeting), this.#line, { signal }),
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
    const verified = this.#identify();
    const grant = authorize(this.#powers, verified, { ...this.#claim, startup });
    const spool = grant.audit === "best_effort" ? null : this.#powers.spool.fault;
    if (spool !== null) throw unrecorded(spool);
    if (this.#powers.sessions.isFull) throw full();
    this.#enter(grant);
    this.#side = "server";
    return grant;
  }

  /** What a client hears that waits for it, or has heard from the proxy. */
  async #greet(): Promise<Greeting> {
    const { facts, random } = this.#powers;
    const said = this.connectionId;
    const nonce = random.bytes(24);
    if (said !== null) {
      const nothing = { serverVersion: "", capabilities: "" };
      return this.#greeting = { said: true, facts: nothing, connectionId: said, nonce };
    }
    const { target } = this.#claim;
    // What goes wrong now is the database's doing.
    this.#side = "server";
    const known = await within(this.#powers, connectMsMax, (signal) => facts.of(target, signal));
    this.#side = "client";
    const connectionId = this.#connectionId = newConnectionId(random);
    return this.#greeting = { said: false, facts: known, connectionId, nonce };
  }

  /** The number of our next words, where messages are numbered from the greeting on. */
  get #sequence(): number {
    if (this.#startup?.sequence !== undefined) return this.#startup.sequence;
    if (this.header.connectionId !== undefined) return 3;
    return this.#greeting === undefined ? 0 : 2;
  }

  /** The database is connected and the welcome follows. */
  admitted(): void {
    this.#stream.accept();
  }

  #identify(): Verified<UserIdentity> {
    const verified = identify(this.#powers, this.place, this.#claim);
    this.#identity = verified.identity;
    return verified;
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
    const { target: { protocol }, endToEnd } = this.#claim;
    if (thrown instanceof WireError) this.record.malformed(thrown, this.#side);
    // A proxy lets nobody through to here who isn't known; end to end anybody can come.
    const isStranger = endToEnd && this.#identity === null;
    if (!isStranger || this.#powers.strangers.take()) this.record.denied(failed.failure);
    // Inside a TLS session with this very agent, or after its greeting, no other one can go on.
    const isBound = endToEnd || this.#greeting?.said === false;
    if (failed.mayRetry && this.#stream.state === "opening" && !isBound) {
      this.#stream.reset("retry", failed.refusal.message);
      return;
    }
    this.client.write(protocol.refuse(failed.refusal, this.#sequence));
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
    partFrom(this.client, this.#powers.clock, partingMs);
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
