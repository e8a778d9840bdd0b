/** The session itself: from the welcome to the end, and the record of both. */
import type { Fault } from "../core/fault.ts";
import type { CancelKey, LoggedIn, Refusal } from "../wire/protocol.ts";
import { type Grant, reconsider } from "./authorize.ts";
import { type CancelPowers, cancelSession } from "./cancel.ts";
import type { Connected } from "./connect.ts";
import type { Credentials } from "./credentials/mod.ts";
import type { Line } from "./drive.ts";
import type { Reception } from "./reception.ts";
import type { RecordPowers } from "./record.ts";
import { type Ending, Relay, type Side } from "./relay.ts";
import type { LiveSession } from "./sessions.ts";
import type { ClusterPowers } from "./standing.ts";

export type PassagePowers = CancelPowers & RecordPowers & ClusterPowers;

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
  const fault = reconsider(powers, reception.place, grant);
  if (fault !== null) throw fault;
  const database = sideOf(entered.line);
  const client = sideOf(reception.line);
  const secretBytes = protocol.cancelSecretBytes(grant.startup);
  const key = loggedIn.cancelKey === null ? null : powers.sessions.newKey(secretBytes);
  const relay = new Relay({
    client,
    database,
    protocol,
    record: reception.record,
    settle: settleOf(grant, powers),
    clock: powers.clock,
    onBug: (thrown) =>
      reception.log.error("a session failed by a mistake of ours", wordsOf(thrown)),
  });
  const session = liveSession(reception, entered, { key, relay, powers });
  powers.sessions.add(session);
  reception.stream.accept();
  reception.stream.write(protocol.welcome(loggedIn, key));
  reception.record.started(loggedIn);
  relay.start();
  const ending = await relay.ended;
  powers.sessions.remove(session);
  finish(reception, relay, ending);
}

function liveSession(
  { place, record }: Reception,
  { grant, credentials, address, loggedIn }: Entered,
  { key, relay, powers }: {
    readonly key: CancelKey | null;
    readonly relay: Relay;
    readonly powers: PassagePowers;
  },
): LiveSession {
  const session: LiveSession = {
    grant,
    place,
    record,
    credentials,
    address,
    key,
    databaseKey: loggedIn.cancelKey,
    stop: (refusal: Refusal) => {
      // What runs in the database would outlive its connection there.
      if (record.open.statements > 0) void cancelSession(session, null, powers);
      relay.stop(refusal);
    },
  };
  return session;
}

function settleOf(
  { audit }: Grant,
  { spool }: PassagePowers,
): ((done: (fault: Fault | null) => void) => void) | null {
  return audit === "best_effort" ? null : (done) => spool.settle(audit, done);
}

function finish({ record, log }: Reception, relay: Relay, ending: Ending): void {
  const { sent, received } = relay.bytes;
  record.ended({
    success: ending.orderly,
    message: ending.message,
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

function wordsOf(thrown: unknown): { readonly message: string } {
  return { message: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : "unknown" };
}
