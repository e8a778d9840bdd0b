/** Native clients: TLS with the host certificate; theirs says who they are and where to. */
import { asFault, Fault } from "../core/fault.ts";
import type { UserIdentity } from "../core/identity.ts";
import { PullReader } from "../core/pull.ts";
import type { ByteStream } from "../core/stream.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import { encodeOpenHeader } from "../tunnel/mod.ts";
import type { Protocol, Sniffed } from "../wire/protocol.ts";
import { forwardCancel } from "./cancel.ts";
import { keptBytesMax } from "./limits.ts";
import { refusalOf } from "../core/refusal.ts";
import { noRoute, wrongProtocol } from "./refusals.ts";
import { route, sayGoodbye } from "./route.ts";
import type { Runtime, Visitor } from "./runtime.ts";
import { type Front, looksLikeHttp } from "./sniff.ts";
import { verifyUser } from "./standing.ts";
import { serveWeb } from "./web_front.ts";

/** A client inside TLS, on a connection of its own or as one of many in one. */
export interface DatabaseClient {
  readonly stream: ByteStream;
  /** What it showed in the handshake. */
  readonly chain: readonly Uint8Array[];
}

/** What the client says first inside TLS. */
interface Opening {
  readonly held: Uint8Array;
  /** As far as ALPN, a question before TLS, or these bytes tell; null where they don't. */
  readonly protocol: Protocol | null;
  readonly sniffed: Sniffed | null;
  /** Where the client was greeted here already. */
  readonly greeted?: Greeted;
}

/** What a client was told in the clear, and how a refusal is numbered after it. */
export interface Greeted {
  readonly protocol: Protocol;
  /** What the client knows its connection by. */
  readonly connectionId: number;
  readonly sequence: number;
}

/** A client that waits to be spoken to; the route of its certificate is all that is known. */
const silent = { held: new Uint8Array(0), sniffed: null } as const;

export async function serveDatabase(
  stream: SocketStream,
  early: Uint8Array,
  front: Extract<Front, { readonly kind: "database" }>,
  runtime: Runtime,
  visitor: Visitor,
): Promise<void> {
  const { powers, certificates } = runtime;
  const client = await powers.system.startTlsServer(stream, {
    context: certificates.host,
    alpn: front.alpn === null ? [] : [front.alpn],
    requestClientCertificate: true,
    early,
    signal: visitor.signal,
  });
  const chain = client.peerChain;
  const protocol = front.protocol ?? routedProtocol(chain, runtime);
  if (needsNoWords(protocol)) {
    const opening = { ...silent, protocol };
    return await begin({ stream: client, chain }, opening, runtime, visitor);
  }
  const opening = await openingOf(client, front.protocol, runtime, visitor)
    .catch((thrown) => {
      // The caller has only the stream below, which TLS has used up.
      client.abort(asFault(thrown));
      throw thrown;
    });
  if (opening?.protocol === null && chain.length === 0 && looksLikeHttp(opening.held)) {
    return await serveWeb(client, opening.held, runtime, visitor);
  }
  await begin({ stream: client, chain }, opening, runtime, visitor);
}

/** Serves one of many in one, which speaks the protocol of its certificate. Throws a Fault. */
export async function serveOne(
  client: DatabaseClient,
  protocol: Protocol | null,
  runtime: Runtime,
  visitor: Visitor,
): Promise<void> {
  const opening = needsNoWords(protocol)
    ? { ...silent, protocol }
    : await openingOf(client.stream, protocol, runtime, visitor);
  await begin(client, opening, runtime, visitor);
}

/** Serves a client that was greeted in the clear, and whose TLS is done. */
export function serveGreeted(
  client: DatabaseClient,
  greeted: Greeted,
  runtime: Runtime,
  visitor: Visitor,
): void {
  admit(client, { ...silent, protocol: greeted.protocol, greeted }, runtime, visitor);
}

/** Its session begins before the client says anything. */
function needsNoWords(protocol: Protocol | null): boolean {
  return protocol !== null && (protocol.meet !== null || protocol.silentStart === true);
}

/** What the certificate of a client without ALPN is for; null where it is no good. */
function routedProtocol(
  chain: readonly Uint8Array[],
  { powers, cluster }: Runtime,
): Protocol | null {
  if (chain.length === 0) return null;
  try {
    const { identity: { route: to } } = verifyUser(chain, cluster);
    const found = powers.protocols.find(({ name }) => name === to?.protocol) ?? null;
    // The others are told apart by what they say first.
    return needsNoWords(found) ? found : null;
  } catch {
    return null;
  }
}

/** Null where the client leaves, or says nothing. */
async function openingOf(
  client: ByteStream,
  named: Protocol | null,
  { powers }: Runtime,
  { signal }: Visitor,
): Promise<Opening | null> {
  const pull = new PullReader(client);
  const opening = await firstWords(pull, named, powers.protocols, signal);
  const { early, ended } = pull.release();
  const held = joined(opening.held, early);
  return ended || held.length === 0 ? null : { ...opening, held };
}

async function begin(
  client: DatabaseClient,
  opening: Opening | null,
  runtime: Runtime,
  visitor: Visitor,
): Promise<void> {
  if (opening === null) return client.stream.abort();
  if (opening.sniffed?.kind === "cancel") {
    visitor.known();
    return await forwardCancel(client.stream, opening.sniffed.key, runtime);
  }
  admit(client, opening, runtime, visitor);
}

/** Enough to tell a request to cancel from a session, and HTTP from a database client. */
async function firstWords(
  pull: PullReader,
  named: Protocol | null,
  protocols: readonly Protocol[],
  signal: AbortSignal,
): Promise<Opening> {
  let held: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await pull.pull(signal);
    if (chunk === null) return { held: new Uint8Array(0), protocol: named, sniffed: null };
    held = joined(held, chunk);
    let undecided = false;
    for (const protocol of named === null ? protocols : [named]) {
      const sniffed = protocol.sniff(held);
      if (sniffed === "more") undecided = true;
      else if (sniffed !== null) return { held, protocol, sniffed };
    }
    if (!undecided || held.length >= keptBytesMax) return { held, protocol: named, sniffed: null };
  }
}

/** Verifies, finds agents and starts the session, or says in the client's protocol why not. */
function admit(
  client: DatabaseClient,
  { held, protocol: spoken, greeted }: Opening,
  runtime: Runtime,
  visitor: Visitor,
): void {
  const { powers, cluster, recorder } = runtime;
  const trace = powers.random.uuid();
  let proven: UserIdentity | undefined;
  let protocol = spoken;
  try {
    const { identity } = verifyUser(client.chain, cluster, (whose) => (proven = whose));
    visitor.known();
    const { route: to } = identity;
    if (to === undefined) throw noRoute();
    protocol ??= powers.protocols.find(({ name }) => name === to.protocol) ?? null;
    if (protocol === null || protocol.name !== to.protocol) {
      throw wrongProtocol(to.service, to.protocol, protocol?.name ?? "what this proxy knows");
    }
    start(client, held, { identity, protocol, trace, greeted }, runtime, visitor);
  } catch (thrown) {
    const fault = asFault(thrown);
    recorder.turnedAway(fault, {
      address: visitor.address,
      protocol: protocol?.name,
      identity: proven,
      trace,
    });
    if (protocol === null) return client.stream.abort(fault);
    client.stream.write(protocol.refuse(refusalOf(fault), greeted?.sequence));
    sayGoodbye(client.stream, powers.clock);
  }
}

interface Admitted {
  readonly identity: UserIdentity;
  readonly protocol: Protocol;
  readonly trace: string;
  readonly greeted: Greeted | undefined;
}

function start(
  { stream: client, chain }: DatabaseClient,
  early: Uint8Array,
  { identity, protocol, trace, greeted }: Admitted,
  runtime: Runtime,
  { address }: Visitor,
): void {
  const { powers, agents, sessions, recorder, cluster } = runtime;
  const service = identity.route?.service ?? "";
  const header = encodeOpenHeader({
    v: 1,
    kind: "db",
    service,
    chain,
    clientAddress: address,
    proxy: powers.identity.host,
    trace,
    ...(greeted === undefined ? {} : { connectionId: greeted.connectionId }),
  });
  const candidates = agents.serving(service, protocol.name);
  const { clock } = powers;
  const refuse: Protocol["refuse"] = (refusal) => protocol.refuse(refusal, greeted?.sequence);
  const spoken = { client, early, protocol: { refuse } };
  const routed = route({ ...spoken, service, header, agents: candidates, clock });
  sessions.add({ routed, verify: () => verifyUser(chain, cluster) });
  powers.log.info("a session began", { trace, user: identity.user, service, client: address });
  routed.ended.then((fault) => {
    powers.log.info("a session ended", {
      trace,
      code: fault?.code ?? "",
      accepted: routed.accepted,
    });
    // What an agent decided is in the agent's audit; what none ever saw is in ours.
    if (routed.accepted || fault === null || fault.code.startsWith("tunnel.reset-")) return;
    if (fault.kind !== "cancelled") recorder.turnedAway(fault, { address, identity, trace });
  }, () => {});
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

/** Bytes in the clear where only TLS may follow (CVE-2021-23214 is what they are good for). */
export function plaintextBeforeTls(): Fault {
  const words = "bytes in the clear were sent where TLS has to begin";
  return new Fault({
    kind: "protocol",
    code: "proxy.plaintext-before-tls",
    message: words,
    shown: words,
  });
}
