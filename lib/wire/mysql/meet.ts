import { ByteReader } from "../../bytes/reader.ts";
import { ClientRefused } from "../client_refused.ts";
import type { Greeting, Handshake } from "../protocol.ts";
import { asBytes } from "../reply.ts";
import { can, has } from "./capabilities.ts";
import { greetingOf } from "./greeting.ts";
import { HEADER, measurePacket, wireError } from "./packet.ts";
import { readHead, SSL_REQUEST_BYTES } from "./response.ts";

/** Greets in the clear, and starts TLS as the client asks: clients send both in one segment. */
export function* meet(greeting: Greeting): Handshake<void> {
  yield { do: "send", bytes: greetingOf(greeting, true) };
  const whole = asBytes(yield { do: "frame", measure: measureRequest, maxBytes: REQUEST_MAX });
  if (whole[3] !== 1) throw wireError("unexpected", "SSLRequest", `packet number ${whole[3]}`);
  const from = new ByteReader(whole.subarray(HEADER));
  const { flags } = readHead(from);
  if (!has(flags, can.tls) || from.left > 0) {
    throw new ClientRefused("mysql", {
      kind: "unauthenticated",
      message: "this server accepts TLS connections with a client certificate only",
      hint: "log in with tsh and connect with --ssl-mode=required or stricter",
    });
  }
  yield { do: "tls", as: "server", early: "tls" };
}

const REQUEST_MAX = HEADER + SSL_REQUEST_BYTES;

/** What follows an SSLRequest is TLS; of a login in the clear no more than its front is read. */
function measureRequest(held: Uint8Array): number | null {
  const size = measurePacket(held);
  return size === null ? null : Math.min(size, REQUEST_MAX);
}
