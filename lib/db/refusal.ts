/** From what went wrong to the words a client gets in its own protocol. */
import { asFault, type Fault } from "../core/fault.ts";
import { refusalOf } from "../core/refusal.ts";
import { ClientRefused } from "../wire/client_refused.ts";
import type { Refusal } from "../wire/protocol.ts";
import { UpstreamRefused } from "../wire/upstream_refused.ts";
import { WireError } from "../wire/wire_error.ts";
import type { Failure } from "./record.ts";

/**
 * A visit that failed: words for the client, for the audit log, and whether another agent may do
 * better.
 */
export interface Failed {
  readonly refusal: Refusal;
  readonly failure: Failure;
  readonly mayRetry: boolean;
}

/** Reads whatever a step of a visit threw; `side` says whose messages were being read. */
export function failedBy(thrown: unknown, side: "client" | "server"): Failed {
  if (thrown instanceof ClientRefused) {
    const { refusal } = thrown;
    return failed(refusal, `wire.refused-${refusal.kind}`, refusal.message);
  }
  if (thrown instanceof UpstreamRefused) {
    const message = `the database refused the session: ${thrown.message}`;
    return failed({ kind: "target", message }, thrown.code, thrown.message);
  }
  if (thrown instanceof WireError) {
    const who = side === "client" ? "client" : "database";
    const message = `the ${who} broke the protocol: ${thrown.messageName} (${thrown.code})`;
    const kind = side === "client" ? "protocol" : "target";
    return failed({ kind, message }, `wire.${thrown.code}`, message);
  }
  const fault = asFault(thrown);
  const mayRetry = side === "server" &&
    (fault.kind === "target" || fault.kind === "network" || fault.kind === "unavailable");
  const refusal = side === "server" ? byDatabase(fault) : refusalOf(fault);
  return { ...failed(refusal, fault.code, refusal.message), mayRetry };
}

/** A handshake's faults don't know who the peer was; the words that go out have to. */
function byDatabase(fault: Fault): Refusal {
  if (fault.kind === "protocol") {
    return { kind: "target", message: `the database broke the protocol: ${fault.message}` };
  }
  if (fault.code === "db.ended-early") {
    return { kind: "target", message: "the database closed the connection during the login" };
  }
  return refusalOf(fault);
}

function failed(refusal: Refusal, code: string, message: string): Failed {
  return { refusal, failure: { code, message }, mayRetry: false };
}
