/** Agents: mTLS with host certificates, then the tunnel. */
import { asFault, Fault } from "../core/fault.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import { serveTunnel } from "../tunnel/mod.ts";
import { agentOf, type ConnectedAgent } from "./agents.ts";
import type { Runtime, Visitor } from "./runtime.ts";
import { sayGoodbye } from "./route.ts";
import { tunnelAlpn } from "./sniff.ts";
import { verifyHost } from "./standing.ts";

export async function serveAgent(
  stream: SocketStream,
  early: Uint8Array,
  runtime: Runtime,
  visitor: Visitor,
): Promise<void> {
  const { powers, certificates, cluster, recorder } = runtime;
  const peer = await powers.system.startTlsServer(stream, {
    context: certificates.host,
    alpn: [tunnelAlpn],
    requestClientCertificate: true,
    early,
    signal: visitor.signal,
  });
  let verified: ReturnType<typeof verifyHost>;
  try {
    verified = verifyHost(peer.peerChain, "db", cluster);
  } catch (thrown) {
    const fault = asFault(thrown);
    recorder.turnedAway(fault, { address: visitor.address });
    peer.write(refused);
    sayGoodbye(peer, powers.clock);
    return;
  }
  visitor.known();
  const { identity, clock, system, config } = powers;
  const { host, cluster: name } = identity;
  const tunnel = await serveTunnel(peer, {
    clock,
    sha1: system.sha1,
    signal: visitor.signal,
    hello: { v: 1, host, cluster: name, version: config.version },
    // Agents open nothing towards a proxy.
    onOpen: (opened) => opened.reset("protocol", "a proxy takes no streams"),
  });
  if (tunnel.hello.host !== verified.identity.host) {
    return tunnel.session.close(wrongHost());
  }
  try {
    // Once more: a lock may have come while the tunnel was set up, and nobody looked here for it.
    verified = verifyHost(peer.peerChain, "db", cluster);
  } catch (thrown) {
    return tunnel.session.close(asFault(thrown));
  }
  const agent = agentOf(verified.identity, peer.peerChain, tunnel.session, tunnel.hello);
  await keep(agent, verified.expires, runtime, visitor);
}

/** Until the tunnel is gone. It ends with the certificate it was opened with: a new one follows. */
async function keep(
  agent: ConnectedAgent,
  expires: number,
  { agents, powers, recorder, draining }: Runtime,
  { address }: Visitor,
): Promise<void> {
  const { clock, log } = powers;
  const { identity, session, services, refused } = agent;
  agents.add(agent);
  recorder.agentConnected(identity.host, address, [...services.keys()]);
  for (const service of refused.slice(0, 16)) {
    log.warn("an agent offers a service its certificate does not allow", {
      host: identity.host,
      service,
    });
  }
  const timer = clock.after(expires - clock.now(), () => session.goaway("certificate expired"));
  if (draining.aborted) session.goaway("the proxy is shutting down");
  try {
    const fault = await session.closed;
    recorder.agentLeft(identity.host, address, fault?.message ?? "closed in order");
  } finally {
    timer.cancel();
    agents.remove(agent);
  }
}

const refused = new TextEncoder().encode(
  "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
);

function wrongHost(): Fault {
  const message = "the agent's HELLO names another host than its certificate";
  return new Fault({ kind: "protocol", code: "proxy.wrong-host", message });
}
