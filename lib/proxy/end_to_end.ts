/**
 * Clients whose TLS ends at a Database Service: they name it in their ClientHello, and everything
 * passes unread. Who they are is known to the agent alone, and here only that it took them.
 */
import { serviceOfServerName } from "../core/server_name.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import { encodeOpenHeader } from "../tunnel/mod.ts";
import { route } from "./route.ts";
import type { Runtime, Visitor } from "./runtime.ts";
import type { Front } from "./sniff.ts";

/** The service that a server name stands for; null for the proxy's own names and all others. */
export function serviceAsked(
  serverName: string | null,
  { powers: { config, identity } }: Pick<Runtime, "powers">,
): string | null {
  const isOwn = config.publicAddresses.some((address) =>
    address.replace(/:\d+$/, "").toLowerCase() === serverName
  );
  return isOwn ? null : serviceOfServerName(serverName, identity.cluster);
}

/** Finds an agent that takes the handshake; `early` begins with the ClientHello. */
export function passToAgent(
  stream: SocketStream,
  early: Uint8Array,
  { service, protocol }: Extract<Front, { readonly kind: "service" }>,
  runtime: Runtime,
  { address, known }: Visitor,
): void {
  const { powers, agents, sessions, recorder, unproven } = runtime;
  const leave = unproven.enter(address);
  known();
  if (leave === null) {
    powers.log.warn("too many connections that no agent has accepted", { client: address });
    return stream.abort();
  }
  const trace = powers.random.uuid();
  const proxy = powers.identity.host;
  const from = { chain: [], clientAddress: address, proxy, trace };
  const candidates = agents.serving(service, protocol.name);
  const lastWord = alert(candidates.length === 0 ? unrecognizedName : internalError);
  const routed = route({
    client: stream,
    early,
    protocol: { refuse: () => lastWord },
    service,
    header: encodeOpenHeader({ v: 1, kind: "tls", service, ...from }),
    agents: candidates,
    clock: powers.clock,
    onAccepted: leave,
  });
  // Locks and the end of certificates are the agent's to see.
  sessions.add({ routed, verify: () => {} });
  powers.log.info("a session began end to end", { trace, service, client: address });
  routed.ended.then((fault) => {
    leave();
    powers.log.info("a session ended", {
      trace,
      code: fault?.code ?? "",
      accepted: routed.accepted,
    });
    if (routed.accepted || fault === null || fault.code.startsWith("tunnel.reset-")) return;
    if (fault.kind !== "cancelled") {
      recorder.turnedAway(fault, { address, protocol: protocol.name, trace });
    }
  }, () => {});
}

/** RFC 8446 §6, RFC 6066 §3. */
const unrecognizedName = 112;
const internalError = 80;

/** The only words for a client in the middle of a ClientHello: a fatal alert, in the clear. */
function alert(description: number): Uint8Array {
  return Uint8Array.of(21, 3, 3, 0, 2, 2, description);
}
