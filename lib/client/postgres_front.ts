/**
 * The first bytes of PostgreSQL's programs on a local port without TLS: questions for encryption
 * are answered with no, a request to cancel is told from a session.
 */
import { Fault } from "../core/fault.ts";
import type { PullReader } from "../core/pull.ts";

/** "Message Formats": CancelRequest, SSLRequest, GSSENCRequest. */
const cancelRequest = 80877102;
const sslRequest = 80877103;
const gssRequest = 80877104;
const startupBytesMax = 10_000;
const questionsMax = 4;

/** The client's first message that matters, whole; it is put back, and the next pull gives it. */
export async function readPostgresFront(
  reader: PullReader,
  signal: AbortSignal,
): Promise<"startup" | "cancel"> {
  for (let count = 0; count < questionsMax; count++) {
    const held = await atLeast(reader, 8, signal);
    const view = new DataView(held.buffer, held.byteOffset, held.byteLength);
    const length = view.getInt32(0);
    const code = view.getInt32(4);
    const asks = code === sslRequest || code === gssRequest;
    if (length < 8 || length > startupBytesMax || (asks && length !== 8)) throw foreign();
    if (!asks) {
      const all = await whole(reader, held, length, signal);
      reader.unread(all.subarray(length));
      reader.unread(all.subarray(0, length));
      return code === cancelRequest ? "cancel" : "startup";
    }
    reader.unread(held.subarray(8));
    await reader.write(no, signal);
  }
  throw foreign();
}

const no = new TextEncoder().encode("N");

async function whole(
  reader: PullReader,
  held: Uint8Array,
  length: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  reader.unread(held);
  return await atLeast(reader, length, signal);
}

async function atLeast(
  reader: PullReader,
  count: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let held = new Uint8Array(0);
  while (held.length < count) {
    const more = await reader.pull(signal);
    if (more === null) throw foreign();
    const joined = new Uint8Array(held.length + more.length);
    joined.set(held);
    joined.set(more, held.length);
    held = joined;
  }
  return held;
}

function foreign(): Fault {
  return new Fault({
    kind: "protocol",
    code: "client.not-postgres",
    message: "a program that does not speak PostgreSQL's protocol",
  });
}
