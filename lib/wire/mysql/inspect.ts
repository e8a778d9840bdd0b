import type { Gate, Inspector, SessionTerms, Tap } from "../protocol.ts";
import type { StreamSizes } from "../streaming.ts";
import { ClientSide } from "./client_side.ts";
import { ServerSide } from "./server_side.ts";
import { Session } from "./session.ts";

/** Understands both directions of one session after its login. */
export function inspector(sizes?: StreamSizes, terms?: SessionTerms): Inspector {
  const session = new Session(sizes, terms);
  const client = new ClientSide(session);
  const server = new ServerSide(session, () => client.atRest);
  return {
    client: (chunk: Uint8Array, gate: Gate) => client.push(chunk, gate),
    server: (chunk: Uint8Array, tap: Tap) => server.push(chunk, tap),
    close: (tap: Tap) => {
      server.close(tap);
      client.close(tap);
    },
    get betweenFrames() {
      return server.atRest;
    },
    get rows() {
      return server.rows;
    },
    refuse: (refusal) => server.refuse(refusal),
  };
}
