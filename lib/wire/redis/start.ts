import type { Handshake, Opening, Sniffed } from "../protocol.ts";
import { refuse } from "./refuse.ts";
import { types } from "./resp.ts";

/**
 * Server side of the start, inside TLS: clients ask at once, with AUTH or HELLO among the rest, so
 * there is nothing to wait for.
 */
// deno-lint-ignore require-yield
export function* accept(): Handshake<Opening> {
  const parameters = new Map<string, string>();
  const rest = { parameters, clientProgram: "", replication: false, version: "2" };
  return { kind: "startup", startup: { user: "", database: null, ...rest } };
}

const countDigits = 7;

/** Plain bytes before TLS: a command as an array, told by its first two lines. */
export function sniff(held: Uint8Array): Sniffed | "more" | null {
  if (held[0] !== types.array) return null;
  const text = String.fromCharCode(...held.subarray(1, countDigits + 4));
  if (/^\d{1,7}\r\n\$/.test(text)) return { kind: "refuse", answer: withoutTls() };
  return held.length < 8 && /^\d{0,7}(?:\r\n?)?$/.test(text) ? "more" : null;
}

function withoutTls(): Uint8Array {
  return refuse({
    kind: "unauthenticated",
    message: "this server accepts TLS connections with a client certificate only",
    hint: "log in with tsh and connect with redis-cli --tls --cert --key --cacert",
  });
}
