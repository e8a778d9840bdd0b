import { Fault, type FaultCode } from "../core/fault.ts";

/** A signal that aborts after a time or with another signal; `cancel` when the work is done. */
export interface Deadline {
  readonly signal: AbortSignal;
  cancel(): void;
}

/** Aborts with a `network` fault of this code after `ms`, or with the outer signal's reason. */
export function deadline(
  ms: number,
  code: FaultCode,
  message: string,
  outer?: AbortSignal,
): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new Fault({ kind: "network", code, message: `${message} in ${ms} ms` })),
    ms,
  );
  const forward = () => controller.abort(outer?.reason);
  if (outer?.aborted === true) forward();
  else outer?.addEventListener("abort", forward, { once: true });
  return {
    signal: controller.signal,
    cancel: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", forward);
    },
  };
}
