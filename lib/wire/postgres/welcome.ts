import type { CancelKey, LoggedIn, Startup } from "../protocol.ts";
import { concat } from "../../bytes/writer.ts";
import { message, server } from "./message.ts";

/** A cancel key's secret: 4 bytes as ever, 32 where the client speaks 3.2 ("BackendKeyData"). */
export function cancelSecretBytes({ version }: Startup): number {
  return version === "3.2" ? 32 : 4;
}

/** AuthenticationOk, the database's settings, our key (or none), ReadyForQuery. */
export function welcome(loggedIn: LoggedIn, key: CancelKey | null): Uint8Array {
  const keyData = key === null
    ? []
    : [message(server.backendKeyData, (out) => out.u32be(key.processId).bytes(key.secret))];
  return concat([
    message(server.authentication, (out) => out.i32be(0)),
    ...loggedIn.greeting,
    ...keyData,
    message(server.readyForQuery, (out) => out.u8(0x49)),
  ]);
}
