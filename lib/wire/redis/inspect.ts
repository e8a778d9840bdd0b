import type { Inspector, SessionTerms } from "../protocol.ts";
import type { StreamSizes } from "../streaming.ts";
import { inspectorOf } from "../two_sides.ts";
import { ClientSide } from "./client_side.ts";
import { firstDatabase } from "./login.ts";
import { refuse } from "./refuse.ts";
import { ServerSide } from "./server_side.ts";
import { Session } from "./session.ts";

/** Understands both directions of one session after its login. */
export function inspector(sizes?: StreamSizes, terms?: SessionTerms): Inspector {
  const session = new Session(terms?.commands ?? null, terms?.database ?? firstDatabase);
  const client = new ClientSide(session, sizes);
  const server = new ServerSide(session);
  return inspectorOf(client, server, refuse);
}
