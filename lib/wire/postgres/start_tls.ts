import type { Handshake } from "../protocol.ts";
import { asBytes } from "../reply.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { message, SSL_REQUEST, wireError } from "./message.ts";

const ACCEPTED = 0x53; // S
const DECLINED = 0x4e; // N

/**
 * Asks the database for TLS and starts it; there is no going on without. What it sends in plain
 * after its answer is refused by the driver (CVE-2021-23222).
 */
export function* startTls(): Handshake<void> {
  yield { do: "send", bytes: message(0, (out) => out.i32be(SSL_REQUEST)) };
  const answer = asBytes(yield { do: "frame", measure: () => 1, maxBytes: 1 });
  if (answer[0] === DECLINED) {
    throw new UpstreamRefused("postgres", "08001", "FATAL", "the database does not offer TLS");
  }
  if (answer[0] !== ACCEPTED) {
    throw wireError("unexpected", "SSLRequest", "answered with neither S nor N");
  }
  yield { do: "tls", as: "client", early: "refuse" };
}
