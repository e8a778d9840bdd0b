import { Fault } from "../core/fault.ts";
import { exit, onSignals } from "../sys/signals.ts";

/**
 * Aborted by the first SIGINT or SIGTERM; the second one ends the process. While a child has the
 * terminal, Ctrl-C is the child's.
 */
export function interruption(hasChild: () => boolean = () => false): AbortSignal {
  const stop = new AbortController();
  const fault = new Fault({ kind: "cancelled", code: "cli.interrupted", message: "interrupted" });
  onSignals(["SIGINT", "SIGTERM"], (name) => {
    if (hasChild() && name === "SIGINT") return;
    if (hasChild() || stop.signal.aborted) exit(130);
    stop.abort(fault);
  });
  return stop.signal;
}
