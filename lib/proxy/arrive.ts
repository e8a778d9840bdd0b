/** From an accepted connection to its front: reads until it is clear what the client speaks. */
import { asFault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import type { Protocol } from "../wire/protocol.ts";
import { forwardCancel } from "./cancel.ts";
import { serveClients } from "./client_front.ts";
import { plaintextBeforeTls, serveDatabase } from "./database_front.ts";
import { passToAgent, serviceAsked } from "./end_to_end.ts";
import { handshakeMsMax } from "./limits.ts";
import { refusalOf } from "../core/refusal.ts";
import { tooSlow, withoutTls } from "./refusals.ts";
import { sayGoodbye } from "./route.ts";
import type { Runtime, Serve, Visitor } from "./runtime.ts";
import { type Arrival, frontOf, sniff } from "./sniff.ts";
import { serveAgent } from "./tunnel_front.ts";
import { passToAuth, startWeb } from "./web_front.ts";

/** Questions in the clear that one client may ask: GSSENCRequest and SSLRequest, in any order. */
const questionsMax = 2;

/**
 * Serves one connection to its end; `known` is called once it is no stranger. `serve` is for a port
 * whose clients wait to be spoken to. Never throws.
 */
export async function arrive(
  stream: SocketStream,
  runtime: Runtime,
  known: () => void,
  stopped: AbortSignal,
  serve: Serve = greet,
): Promise<void> {
  const { clock, log } = runtime.powers;
  const address = stream.remoteAddress;
  const limit = new AbortController();
  const timer = clock.after(handshakeMsMax, () => limit.abort(tooSlow()));
  const stop = () => limit.abort(stopped.reason);
  stopped.addEventListener("abort", stop, { once: true });
  const settled = () => {
    timer.cancel();
    stopped.removeEventListener("abort", stop);
    known();
  };
  try {
    await serve(stream, runtime, { address, signal: limit.signal, known: settled });
  } catch (thrown) {
    const fault = asFault(thrown);
    stream.abort(fault);
    const fields = { client: address, code: fault.code, message: fault.message };
    if (fault.kind === "internal") log.error("a connection failed by a mistake of ours", fields);
    else log.debug("a connection ended before it was known", fields);
  } finally {
    settled();
  }
}

async function greet(stream: SocketStream, runtime: Runtime, visitor: Visitor): Promise<void> {
  const { powers, recorder } = runtime;
  const pull = new PullReader(stream);
  let held: Uint8Array = new Uint8Array(0);
  let asked: Protocol | null = null;
  for (let questions = 0;;) {
    const arrival = sniff(held, powers.protocols);
    if (arrival === "more") {
      const chunk = await pull.pull(visitor.signal);
      if (chunk === null) return stream.abort();
      held = joined(held, chunk);
    } else if (arrival.kind === "tls") {
      return await serveTls(stream, pull, held, arrival, asked, runtime, visitor);
    } else if (arrival.kind === "foreign") {
      powers.log.debug("a foreign protocol", { client: visitor.address, name: arrival.name });
      return asked === null ? lastWords(stream, arrival.answer, runtime) : stream.abort();
    } else if (asked !== null) {
      return stream.abort(plaintextBeforeTls());
    } else if (arrival.sniffed.kind === "cancel") {
      pull.release();
      return await forwardCancel(stream, arrival.sniffed.key, runtime);
    } else if (arrival.sniffed.kind === "refuse") {
      recorder.turnedAway(withoutTls(), {
        address: visitor.address,
        protocol: arrival.protocol.name,
      });
      return lastWords(stream, arrival.sniffed.answer, runtime);
    } else {
      const { consumed, answer, tls } = arrival.sniffed;
      if (++questions > questionsMax) return stream.abort();
      held = held.subarray(consumed);
      if (tls && held.length > 0) return refuseEarly(stream, arrival.protocol, runtime);
      await pull.write(answer, visitor.signal);
      if (tls) asked = arrival.protocol;
    }
  }
}

async function serveTls(
  stream: SocketStream,
  pull: PullReader,
  held: Uint8Array,
  { hello }: Extract<Arrival, { readonly kind: "tls" }>,
  asked: Protocol | null,
  runtime: Runtime,
  visitor: Visitor,
): Promise<void> {
  const { protocols } = runtime.powers;
  const front = frontOf(hello, protocols, (name) => serviceAsked(name, runtime));
  if (asked === null && front.kind === "auth") {
    return await passToAuth(stream, pull, held, runtime, visitor);
  }
  pull.unread(held);
  const { early } = pull.release();
  if (asked !== null) {
    // The question said what it is; a name in ALPN must not say otherwise (ALPACA).
    const alpn = front.kind === "database" && front.protocol === asked ? front.alpn : null;
    if (hello.alpn.length > 0 && alpn === null) return stream.abort();
    const database = { kind: "database", protocol: asked, alpn } as const;
    return await serveDatabase(stream, early, database, runtime, visitor);
  }
  switch (front.kind) {
    case "service":
      return passToAgent(stream, early, front, runtime, visitor);
    case "tunnel":
      return await serveAgent(stream, early, runtime, visitor);
    case "clients":
      return await serveClients(stream, early, runtime, visitor);
    case "database":
      return await serveDatabase(stream, early, front, runtime, visitor);
    default:
      return await startWeb(stream, early, hello.sni, runtime, visitor);
  }
}

/** Says so in the client's protocol, in the clear, and closes. */
function refuseEarly(stream: SocketStream, protocol: Protocol, runtime: Runtime): void {
  const fault = plaintextBeforeTls();
  const address = stream.remoteAddress;
  runtime.powers.log.warn("plaintext where TLS has to begin", { client: address });
  lastWords(stream, protocol.refuse(refusalOf(fault)), runtime);
}

function lastWords(stream: SocketStream, answer: Uint8Array, { powers }: Runtime): void {
  if (answer.length > 0) stream.write(answer);
  sayGoodbye(stream, powers.clock);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
