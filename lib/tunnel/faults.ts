import type { CodeOf } from "../core/codes.ts";
import { Fault } from "../core/fault.ts";
import { goawayCodes, TunnelError } from "./tunnel_error.ts";

/** A rule of spec.md was broken by the peer. */
export function broken(code: CodeOf<"tunnel">, message: string): TunnelError {
  return new TunnelError(code, goawayCodes.protocol, message);
}

/** The tunnel is gone, not by anybody's mistake in the protocol. */
export function lost(code: CodeOf<"tunnel">, message: string): Fault {
  return new Fault({ kind: "network", code, message });
}

/** No stream can be opened here; another tunnel may do. */
export function turnedAway(code: CodeOf<"tunnel">, message: string): Fault {
  return new Fault({ kind: "unavailable", code, message, fields: { reset: "retry" } });
}

/** Whoever still waits for ACCEPT may try elsewhere; a session that runs is over. */
export function lostStream(fault: Fault | null): Fault {
  return new Fault({
    kind: "network",
    code: "tunnel.lost",
    message: fault === null ? "The tunnel was closed" : `The tunnel was lost: ${fault.message}`,
    shown: "the connection was lost",
    fields: { reset: "retry" },
    ...(fault === null ? {} : { cause: fault }),
  });
}
