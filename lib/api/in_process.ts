/** The contract without a network: a client that calls a server of the same process. */
import type { ApiTransport } from "./client.ts";
import type { ApiRequest, ApiResponse } from "./server.ts";

const decoder = new TextDecoder();

/** A transport straight into `serve`; every request carries `peerChain` as its proof. */
export function inProcess(
  serve: (request: ApiRequest) => Promise<ApiResponse>,
  peerChain: readonly Uint8Array[] = [],
): ApiTransport {
  const request = (path: string, body: string, signal: AbortSignal): ApiRequest => ({
    method: "POST",
    path,
    remoteAddress: "local",
    peerChain,
    signal,
    readBody: () => Promise.resolve(new TextEncoder().encode(body)),
  });
  return {
    async post(path, body, signal = new AbortController().signal) {
      const response = await serve(request(path, body, signal));
      let text = "";
      for await (const line of linesOf(response)) text += line;
      return { status: response.status, body: text };
    },
    async *postLines(path, body, signal) {
      yield* linesOf(await serve(request(path, body, signal)));
    },
  };
}

/** Lines without their ends; the server gives whole lines in each piece. */
async function* linesOf({ body }: ApiResponse): AsyncGenerator<string> {
  const pieces = body instanceof Uint8Array ? [body] : body;
  for await (const piece of pieces) {
    yield* decoder.decode(piece).replace(/\n$/, "").split("\n");
  }
}
