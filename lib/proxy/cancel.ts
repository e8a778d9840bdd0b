/** Requests to cancel a running statement: to the agent whose number is in the key. */
import { asFault, Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import { encodeOpenHeader } from "../tunnel/mod.ts";
import type { CancelKey } from "../wire/protocol.ts";
import type { ConnectedAgent } from "./agents.ts";
import { handshakeMsMax } from "./limits.ts";
import { sayGoodbye } from "./route.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Passes the request on and closes the client's connection when the agent is done: clients wait for
 * that. Says nothing either way, as PostgreSQL does (manual, "Canceling Requests in Progress").
 */
export async function forwardCancel(
  client: ByteStream,
  key: CancelKey,
  runtime: Pick<Runtime, "powers" | "agents" | "cancels">,
): Promise<void> {
  const { log, random } = runtime.powers;
  const trace = random.uuid();
  const fields = { client: client.remoteAddress, trace };
  if (runtime.cancels.take(client.remoteAddress) > 0) {
    log.warn("too many cancel requests from one address", fields);
  } else {
    const agent = agentOf(key, runtime);
    if (agent === null) log.info("a cancel request for no agent here", fields);
    else await passOn(agent, key, client.remoteAddress, trace, runtime);
  }
  sayGoodbye(client, runtime.powers.clock);
}

/** The number in a key says whose it is; Auth says who has the number. */
function agentOf(
  key: CancelKey,
  { agents, powers }: Pick<Runtime, "powers" | "agents">,
): ConnectedAgent | null {
  const number = (key.processId >>> 16) & 0x7fff;
  const registered = powers.cache.list("agent").find(({ spec }) => spec.number === number);
  const candidates = agents.numbered(number);
  if (registered === undefined) return candidates[0] ?? null;
  return candidates.find(({ identity }) => identity.host === registered.spec.host) ?? null;
}

async function passOn(
  agent: ConnectedAgent,
  cancelKey: CancelKey,
  clientAddress: string,
  trace: string,
  { powers }: Pick<Runtime, "powers">,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  try {
    const proxy = powers.identity.host;
    const stream = agent.session.open(
      encodeOpenHeader({
        v: 1,
        kind: "cancel",
        service: "",
        chain: [],
        clientAddress,
        proxy,
        trace,
        cancelKey,
      }),
    );
    const timer = powers.clock.after(handshakeMsMax, () => stream.abort(tooSlow()));
    stream.attach({
      data() {},
      ended: () => stream.end(),
      drained() {},
      closed: () => {
        timer.cancel();
        resolve();
      },
    });
    await promise;
  } catch (thrown) {
    const { code, message } = asFault(thrown);
    powers.log.info("a cancel request could not be passed on", { code, message, trace });
  }
}

function tooSlow(): Fault {
  const message = "the agent did not finish with a cancel request in time";
  return new Fault({ kind: "network", code: "proxy.cancel-timeout", message });
}
