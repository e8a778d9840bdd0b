import type { CancelKey, Handshake, LoginRequest } from "../protocol.ts";
import { command } from "./commands.ts";
import { login, run } from "./login.ts";
import { packet } from "./packet.ts";

/** Logs in as the session's account and kills what its connection runs ("KILL Statement"). */
export function cancelRequest(
  { processId }: CancelKey,
  as?: LoginRequest,
): Handshake<void> | null {
  return as === undefined ? null : kill(processId, as);
}

function* kill(connection: number, { limits: _, ...as }: LoginRequest): Handshake<void> {
  // The login of nobody's client: no OK is kept for it.
  const { abilities: _abilities, sequence: _sequence, ...startup } = as.startup;
  yield* login({ ...as, startup });
  yield* run(`KILL QUERY ${connection >>> 0}`);
  yield { do: "send", bytes: packet(0, (out) => out.u8(command.quit)) };
}
