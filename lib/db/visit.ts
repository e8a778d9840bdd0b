/**
 * One session from its first byte to its last, for every protocol alike. The types keep the order:
 * only `authorize` makes a Grant, and only a Grant opens a database.
 */
import { Fault } from "../core/fault.ts";
import { connect, type Connected, login } from "./connect.ts";
import { connectMsMax, loginMsMax } from "./limits.ts";
import { type Arrival, Reception, type ReceptionPowers } from "./reception.ts";
import { bugLog, type Entered, type PassagePowers, passThrough } from "./passage.ts";
import { credentialsOf } from "./credentials/mod.ts";
import { type SpreadVisitPowers, wholeLine } from "./spread.ts";
import { within } from "./within.ts";

export interface VisitPowers extends ReceptionPowers, PassagePowers, SpreadVisitPowers {
  /** Told whether the database of a session could be reached. */
  readonly noticed: (database: string, reached: boolean) => void;
}

/**
 * Receives one client and stays until it leaves. Never throws; what goes wrong is told and
 * recorded.
 */
export async function visit(arrival: Arrival, powers: VisitPowers): Promise<void> {
  const reception = new Reception(arrival, powers);
  let connected: Connected | null = null;
  let entered: Entered | null = null;
  let isAsked = false;
  const notice = (reached: boolean): void => {
    if (isAsked) powers.noticed(arrival.target.resource.metadata.name, reached);
  };
  try {
    const startup = await reception.accept();
    if (startup === null) return;
    const grant = reception.authorize(startup);
    const credentials = await credentialsOf(grant, powers.certificates);
    isAsked = true;
    const database = await within(
      powers,
      connectMsMax,
      (signal) => connect(grant, powers, signal),
    );
    connected = database;
    const { result: loggedIn, line: first } = await within(
      powers,
      loginMsMax,
      (signal) => login(grant, database, credentials, powers, signal),
    );
    notice(true);
    powers.facts.remember(arrival.target.resource.metadata.name, loggedIn.facts);
    const { proxy } = arrival.header;
    const onBug = bugLog(reception.log);
    const line = wholeLine({ grant, loggedIn, line: first, proxy, onBug }, powers);
    entered = { grant, credentials, loggedIn, line, address: database.address };
    await passThrough(reception, entered, powers);
  } catch (thrown) {
    (entered ?? connected)?.line.stream.abort();
    if (isUnreachable(thrown)) notice(false);
    reception.turnAway(thrown);
  } finally {
    reception.leave();
  }
}

/** Not that the database refused, but that there was no talking to it. */
function isUnreachable(thrown: unknown): boolean {
  if (!(thrown instanceof Fault)) return false;
  return thrown.kind === "network" || thrown.code === "db.unreachable" || thrown.code === "db.tls";
}
