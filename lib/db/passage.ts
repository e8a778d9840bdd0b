/** The session itself: from the welcome to the end, and the record of both. */
import { Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { CancelKey, LoggedIn } from "../wire/protocol.ts";
import { type Grant, reconsider } from "./authorize.ts";
import { type CancelPowers, cancelSession } from "./cancel.ts";
import type { Connected } from "./connect.ts";
import type { Credentials } from "./credentials/mod.ts";
import type { Line } from "./drive.ts";
import type { Reception } from "./reception.ts";
import type { RecordPowers } from "./record.ts";
import type { Ending } from "./endings.ts";
import { Relay, type Side } from "./relay.ts";
import type { LiveSession } from "./sessions.ts";
import { type Breach, breaches, LimitWatch } from "./session_limits.ts";
import type { ClusterPowers } from "./standing.ts";
import { LiveTerms } from "./terms.ts";
import type { UserCounts } from "./user_counts.ts";

export type PassagePowers = CancelPowers & RecordPowers & ClusterPowers & {
  readonly users: UserCounts;
};

/** A database that let the client in. */
export interface Entered {
  readonly grant: Grant;
  readonly credentials: Credentials;
  readonly loggedIn: LoggedIn;
  readonly line: Line;
  readonly address: Connected["address"];
}

/** Welcomes the client and relays until either side leaves or the session may not go on. */
export async function passThrough(
  reception: Reception,
  entered: Entered,
  powers: PassagePowers,
): Promise<void> {
  const { grant, loggedIn } = entered;
  const { protocol } = grant.target;
  // What changed while the database was being reached; from here on the agent looks after it.
  const now = reconsider(powers, reception.place, grant);
  if (now instanceof Fault) throw now;
  const database = sideOf(entered.line);
  const client = sideOf(reception.line);
  const secretBytes = protocol.cancelSecretBytes(grant.startup);
  const key = loggedIn.cancelKey === null ? null : powers.sessions.newKey(secretBytes);
  const terms = new LiveTerms(grant, loggedIn, powers);
  const relay = new Relay({
    client,
    database,
    protocol,
    terms,
    record: reception.record,
    settle: settleOf(grant, powers),
    clock: powers.clock,
    limits: grant.limits,
    mayRun: mayRunOf(grant, powers),
    onBreach: (breach) => session.stop(breach.refusal, breach.code),
    onBug: bugLog(reception.log),
  });
  const session: LiveSession = liveSession(reception, entered, { key, relay, terms, powers });
  powers.sessions.add(session);
  reception.admitted();
  reception.client.write(protocol.welcome(loggedIn, key));
  reception.record.started(loggedIn);
  relay.start();
  const watch = new LimitWatch({
    limits: grant.limits,
    clock: powers.clock,
    expires: grant.expires,
    progress: () => ({
      bytes: relay.bytes.sent + relay.bytes.received,
      oldestStatement: reception.record.oldest,
    }),
    onBreach: (breach) => session.stop(breach.refusal, breach.code),
  });
  const ending = await relay.ended;
  watch.cancel();
  powers.sessions.remove(session);
  finish(reception, relay, ending);
}

function liveSession(
  { place, record, connectionId }: Reception,
  { grant, credentials, address, loggedIn }: Entered,
  { key, relay, terms, powers }: {
    readonly key: CancelKey | null;
    readonly relay: Relay;
    readonly terms: LiveTerms;
    readonly powers: PassagePowers;
  },
): LiveSession {
  const session: LiveSession = {
    grant,
    record,
    credentials,
    address,
    key,
    databaseKey: loggedIn.cancelKey,
    connectionId,
    databaseConnection: loggedIn.backendPid,
    reconsider: () => {
      const now = reconsider(powers, place, grant);
      return now instanceof Fault ? now : terms.renew(now);
    },
    stop: (refusal, code) => {
      // What runs in the database would outlive its connection there.
      if (record.open.statements > 0) void cancelSession(session, null, powers);
      relay.stop(refusal, code);
    },
  };
  return session;
}

/** Null where the roles set no rate, so that statements cost nothing. */
function mayRunOf(
  { identity: { user }, limits: { statementsPerMinute: max } }: Grant,
  { users }: PassagePowers,
): ((count: number) => Breach | null) | null {
  if (max === Infinity) return null;
  return (count) => users.statement(user, max, count) ? null : breaches.rate(max);
}

function settleOf(
  { audit }: Grant,
  { spool }: PassagePowers,
): ((done: (fault: Fault | null) => void, isLong: boolean) => void) | null {
  if (audit === "best_effort") return null;
  return (done, isLong) =>
    spool.settle(audit, (fault) => {
      if (isLong && fault === null) spool.room(() => done(null));
      else done(fault);
    });
}

function finish({ record, log }: Reception, relay: Relay, ending: Ending): void {
  const { sent, received } = relay.bytes;
  record.ended({
    success: ending.orderly,
    message: ending.message,
    ...(ending.code === undefined ? {} : { code: ending.code }),
    bytesSent: sent,
    bytesReceived: received,
  });
  log.info("a session ended", {
    by: ending.by,
    reason: ending.message,
    bytes_sent: sent,
    bytes_received: received,
  });
}

/** Throws the fault of a stream that was lost meanwhile. */
function sideOf({ stream, reader }: Line): Side {
  return { stream, ...reader.release() };
}

/** Tells of a mistake of ours that ends a session. */
export function bugLog(log: Log): (thrown: unknown) => void {
  return (thrown) => log.error("a session failed by a mistake of ours", wordsOf(thrown));
}

function wordsOf(thrown: unknown): { readonly message: string } {
  return { message: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : "unknown" };
}
