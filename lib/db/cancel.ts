/** Requests to cancel a running statement, passed on with the database's own key. */
import { asFault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { CancelKey } from "../wire/protocol.ts";
import { type ConnectPowers, loginOf, speakTo } from "./connect.ts";
import { cancelMsMax } from "./limits.ts";
import type { Failure } from "./record.ts";
import type { LiveSession, Sessions } from "./sessions.ts";

export interface CancelPowers extends ConnectPowers {
  readonly sessions: Sessions;
  readonly log: Log;
}

/**
 * Finds the session of our key, asks its database at the same address to cancel, and waits until
 * that closes the connection, as PostgreSQL's clients wait for us. Never throws.
 */
export async function passCancel(
  key: CancelKey,
  clientAddress: string,
  powers: CancelPowers,
): Promise<void> {
  const session = powers.sessions.find(key);
  if (session === null) {
    powers.log.info("a cancel request for no session", { client: clientAddress });
    return;
  }
  await cancelSession(session, clientAddress, powers);
}

/** The same for a session at hand; without an address it is our own doing and no event. */
export async function cancelSession(
  session: LiveSession,
  clientAddress: string | null,
  powers: Omit<CancelPowers, "sessions">,
): Promise<void> {
  const { grant, grant: { target }, credentials, databaseKey } = session;
  const record = (failure: Failure | null): void => {
    if (clientAddress !== null) session.record.cancel(clientAddress, failure);
  };
  const script = databaseKey === null
    ? null
    : target.protocol.cancelRequest(databaseKey, loginOf(grant, credentials, powers));
  if (script === null) {
    const message = "the database gave no key to cancel with";
    record({ code: "db.no-cancel-key", message });
    return;
  }
  const tooLong = new AbortController();
  const timer = powers.clock.after(cancelMsMax, () => tooLong.abort());
  try {
    const { address } = session;
    const { line: { stream, reader } } = await speakTo(
      target,
      address,
      script,
      credentials,
      powers,
      tooLong.signal,
    );
    // The request's own connection says nothing more; it is closed once the request is done.
    await reader.pull(tooLong.signal).catch(() => null);
    stream.abort();
    record(null);
  } catch (thrown) {
    const { code, message, shown } = asFault(thrown);
    powers.log.warn("a cancel request could not be passed on", { code, message });
    record({ code, message: shown });
  } finally {
    timer.cancel();
  }
}
