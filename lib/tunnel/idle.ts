import type { Clock } from "../core/clock.ts";
import type { TunnelSession } from "./contract.ts";

export interface IdleWatch {
  /** A stream was opened. */
  touch(): void;
}

/** Drains a session that had no stream for a whole period; found within two. */
export function endWhenIdle(
  session: Pick<TunnelSession, "openStreams" | "goaway" | "closed">,
  { clock, periodMs }: { readonly clock: Clock; readonly periodMs: number },
): IdleWatch {
  let used = true;
  const timer = clock.every(periodMs, () => {
    if (!used && session.openStreams === 0) session.goaway("no streams");
    used = session.openStreams > 0;
  });
  session.closed.then(() => timer.cancel(), () => timer.cancel());
  return { touch: () => void (used = true) };
}
