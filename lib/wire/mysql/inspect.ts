import type { Inspector, SessionTerms } from "../protocol.ts";
import type { StreamSizes } from "../streaming.ts";
import { inspectorOf } from "../two_sides.ts";
import { ClientSide } from "./client_side.ts";
import { ServerSide } from "./server_side.ts";
import { Session } from "./session.ts";

/** Understands both directions of one session after its login. */
export function inspector(sizes?: StreamSizes, terms?: SessionTerms): Inspector {
  const session = new Session(sizes, terms);
  const client = new ClientSide(session);
  const server = new ServerSide(session, () => client.atRest);
  return inspectorOf(client, server, (refusal) => server.refuse(refusal));
}
