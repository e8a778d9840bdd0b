/**
 * A port of one protocol's own, for programs that wait until the server has spoken: they are
 * greeted before anybody knows where they want to go. Their certificates tell it then.
 */
import { newConnectionId } from "../core/connection_id.ts";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import { ClientRefused } from "../wire/client_refused.ts";
import type { Handshake, Protocol, Reply, Step } from "../wire/protocol.ts";
import { plaintextBeforeTls, serveGreeted } from "./database_front.ts";
import type { NativePort } from "./powers.ts";
import { withoutTls } from "./refusals.ts";
import { sayGoodbye } from "./route.ts";
import type { Serve } from "./runtime.ts";

/** Messages count from the greeting on: it was 0, the question for TLS 1, the login inside 2. */
const afterQuestion = 2;
const afterLogin = 3;

/** Serves connections to that port. */
export function nativeFront({ serverVersion }: NativePort, protocol: Protocol): Serve {
  return async (stream, runtime, visitor) => {
    const { powers, certificates, recorder } = runtime;
    const connectionId = newConnectionId(powers.random);
    const facts = { serverVersion, capabilities: "" };
    const greeting = { said: true, facts, connectionId, nonce: powers.random.bytes(24) };
    const script = protocol.meet?.(greeting);
    if (script === undefined) throw new Error(`${protocol.name} has no greeting`);
    let early: Uint8Array | null;
    try {
      early = await untilTls(script, new PullReader(stream), visitor.signal);
    } catch (thrown) {
      if (!(thrown instanceof ClientRefused)) throw thrown;
      recorder.turnedAway(withoutTls(), { address: visitor.address, protocol: protocol.name });
      stream.write(protocol.refuse(thrown.refusal, afterQuestion));
      return sayGoodbye(stream, powers.clock);
    }
    if (early === null) return stream.abort();
    const client = await powers.system.startTlsServer(stream, {
      context: certificates.host,
      alpn: [],
      requestClientCertificate: true,
      early,
      signal: visitor.signal,
    });
    const greeted = { protocol, connectionId, sequence: afterLogin };
    serveGreeted({ stream: client, chain: client.peerChain }, greeted, runtime, visitor);
  };
}

/** Speaks up to TLS, and gives the bytes that came early for it; null where the client left. */
async function untilTls(
  script: Handshake<void>,
  pull: PullReader,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  for (let reply: Reply;;) {
    const { value: step } = script.next(reply);
    reply = undefined;
    if (step?.do === "send") await pull.write(step.bytes, signal);
    else if (step?.do === "frame") {
      const frame = await frameOf(pull, step, signal);
      if (frame === null) return null;
      reply = frame;
    } else if (step?.do === "tls") {
      const { early, ended } = pull.release();
      if (early.length > 0 && step.early === "refuse") throw plaintextBeforeTls();
      return ended ? null : early;
    } else throw new Error("A greeting needs bytes and TLS only");
  }
}

async function frameOf(
  pull: PullReader,
  { measure, maxBytes }: Extract<Step, { readonly do: "frame" }>,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  return await pull.unit((held) => {
    const size = measure(held);
    if (size !== null && (size < 1 || size > maxBytes)) throw badSize(size);
    return size;
  }, signal);
}

function badSize(size: number): Fault {
  return new Fault({
    kind: "protocol",
    code: "proxy.bad-greeting",
    message: `a client answered its greeting with a message of ${size} bytes`,
  });
}
