import type { CancelKey, Sniffed } from "../protocol.ts";
import { ByteReader } from "../../bytes/reader.ts";
import { limits } from "./limits.ts";
import { CANCEL_REQUEST, GSSENC_REQUEST, SSL_REQUEST } from "./message.ts";
import { refuse } from "./refuse.ts";

const YES = Uint8Array.of(0x53); // S
const NO = Uint8Array.of(0x4e); // N

/** Cancel keys are 4 bytes in protocol 3.0, up to 256 in 3.2. */
const CANCEL_HEADER = 12;
const MAX_SECRET = 256;

/**
 * Plain bytes before TLS. A session without TLS is refused; a request to cancel is taken, since
 * clients send it in the clear. ("SSL Session Encryption", "Canceling Requests in Progress")
 */
export function sniff(held: Uint8Array): Sniffed | "more" | null {
  if (!looksLikeStartup(held)) return null;
  if (held.length < 8) return "more";
  const from = new ByteReader(held);
  const length = from.i32be();
  const code = from.i32be();
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
    if (length !== 8) return null;
    const tls = code === SSL_REQUEST;
    return { kind: "answer", consumed: 8, answer: tls ? YES : NO, tls };
  }
  if (code === CANCEL_REQUEST) {
    if (!isCancelLength(length)) return null;
    if (held.length < length) return "more";
    return { kind: "cancel", consumed: length, key: readCancelKey(held.subarray(0, length)) };
  }
  const major = code >>> 16;
  return major >= 1 && major <= 3 ? { kind: "refuse", answer: withoutTls() } : null;
}

export function isCancelLength(length: number): boolean {
  return length > CANCEL_HEADER && length <= CANCEL_HEADER + MAX_SECRET;
}

/** The key of a whole CancelRequest. */
export function readCancelKey(request: Uint8Array): CancelKey {
  return {
    processId: new ByteReader(request.subarray(8, CANCEL_HEADER)).u32be(),
    secret: request.slice(CANCEL_HEADER),
  };
}

/** A length of 8 to 10,000: TLS begins with 0x16, HTTP and SSH with letters. */
function looksLikeStartup(held: Uint8Array): boolean {
  const [first = 0, second = 0, third, fourth] = held;
  if (first !== 0 || second !== 0) return false;
  if (third === undefined) return true;
  const low = third << 8;
  if (fourth === undefined) return low <= limits.startupBytes;
  return low + fourth >= 8 && low + fourth <= limits.startupBytes;
}

function withoutTls(): Uint8Array {
  return refuse({
    kind: "unauthenticated",
    message: "this server accepts TLS connections with a client certificate only",
    hint: "log in with tsh and connect with sslmode=require or stricter",
  });
}
