import type { CancelKey, Handshake } from "../protocol.ts";
import { CANCEL_REQUEST, message } from "./message.ts";
import { startTls } from "./start_tls.ts";

/**
 * Asks the database to cancel what the session of `key` runs. It never answers: close afterwards.
 */
export function* cancelRequest(key: CancelKey): Handshake<void> {
  yield* startTls();
  yield {
    do: "send",
    bytes: message(0, (out) => out.i32be(CANCEL_REQUEST).u32be(key.processId).bytes(key.secret)),
  };
}
