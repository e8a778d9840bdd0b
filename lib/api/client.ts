/** The callers' side of the contract over HTTP that is handed in. */
import type { Clock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { encodeBody } from "./body.ts";
import {
  type AuthClient,
  type CallInput,
  type CallName,
  type CallOutput,
  contract,
  type StreamCall,
} from "./contract.ts";
import { faultIn, parseJson, readAnswer } from "./failure.ts";
import { whileAlive } from "./lines.ts";

/** HTTP to Auth, over whatever connection; every request is `POST` with a JSON body. */
export interface ApiTransport {
  /** The whole answer. Rejects with anything where there was none. */
  post(path: string, body: string, signal?: AbortSignal): Promise<ApiAnswer>;
  /** The answer line by line, empty ones too, without line ends, whatever its status. */
  postLines(path: string, body: string, signal: AbortSignal): AsyncIterable<string>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Calls Auth. Failures that Auth tells are faults with its kind, code and words; where Auth could
 * not be asked they are `unavailable` (`api.unreachable`), after an abort `cancelled`.
 */
export function authClient(transport: ApiTransport, clock: Clock): AuthClient {
  return {
    async call<N extends Exclude<CallName, StreamCall>>(
      name: N,
      input: CallInput<N>,
      signal?: AbortSignal,
    ): Promise<CallOutput<N>> {
      const { status, body } = await asking(
        () => transport.post(`/v1/${name}`, encodeBody(name, input), signal),
        signal,
      );
      const answer = parseAnswer(body, status);
      const fault = faultIn(answer);
      if (fault !== null) throw fault;
      if (status !== 200) throw notOurs(status);
      return readAnswer(contract[name].output, answer, name);
    },
    async *stream<N extends StreamCall>(
      name: N,
      input: CallInput<N>,
      signal: AbortSignal,
    ): AsyncGenerator<CallOutput<N>> {
      const lost = new AbortController();
      const both = AbortSignal.any([signal, lost.signal]);
      const lines = transport.postLines(`/v1/${name}`, encodeBody(name, input), both);
      const alive = whileAlive(lines, clock, () => unreachable("nothing was heard for too long"));
      try {
        for (;;) {
          const { done, value } = await asking(() => alive.next(), signal);
          if (done === true) throw unreachable("the stream ended");
          const answer = parseAnswer(value, 200);
          const fault = faultIn(answer);
          if (fault !== null) throw fault;
          yield readAnswer(contract[name].output, answer, name);
        }
      } finally {
        lost.abort(unreachable("no longer read"));
        await alive.return(undefined).catch(() => {});
      }
    },
  };
}

/** Runs one exchange; what isn't a fault already is a connection that failed. */
async function asking<T>(run: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    if (signal?.aborted === true) {
      if (signal.reason instanceof Fault) throw signal.reason;
      const message = "the call was given up";
      throw new Fault({ kind: "cancelled", code: "api.cancelled", message, cause: thrown });
    }
    if (thrown instanceof Fault && thrown.kind !== "network") throw thrown;
    throw unreachable(thrown instanceof Error ? thrown.message : "failed", thrown);
  }
}

function unreachable(why: string, cause?: unknown): Fault {
  return new Fault({
    kind: "unavailable",
    code: "api.unreachable",
    message: `the Auth Service can't be reached: ${why}`,
    shown: "the Auth Service can't be reached",
    hint: "try again in a moment; if it lasts, ask whoever runs the cluster",
    ...(cause === undefined ? {} : { cause }),
  });
}

function parseAnswer(text: string, status: number): unknown {
  try {
    return parseJson(text);
  } catch {
    throw notOurs(status);
  }
}

function notOurs(status: number): Fault {
  return new Fault({
    kind: "protocol",
    code: "api.bad-answer",
    message: `HTTP status ${status} with a body that is no answer of an Auth Service`,
    shown: "this address does not answer like an Auth Service",
    hint: "check the address of the proxy",
  });
}
