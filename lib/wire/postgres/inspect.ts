import type { Inspector } from "../protocol.ts";
import type { StreamSizes } from "../streaming.ts";
import { inspectorOf } from "../two_sides.ts";
import { ClientSide } from "./client_side.ts";
import { refuse } from "./refuse.ts";
import { ServerSide } from "./server_side.ts";
import { Session } from "./session.ts";

/** Understands both directions of one session after its login. */
export function inspector(sizes?: StreamSizes): Inspector {
  const session = new Session(sizes);
  const client = new ClientSide(session);
  const server = new ServerSide(session, () => client.atRest);
  return inspectorOf(client, server, (refusal) => refuse(refusal));
}
