/** The network as the user's commands use it, loaded with the first connection. */
import type { Endpoint, Listener } from "../sys/tcp.ts";
import { type HttpClient, httpClient, type HttpClientOptions } from "../sys/http_client.ts";
import type { SocketStream } from "../sys/socket_stream.ts";
import type { ClientTlsOptions, TlsStream } from "../sys/tls.ts";

export const clientNetwork = {
  connectTcp: async (
    to: Endpoint,
    options: { readonly signal?: AbortSignal },
  ): Promise<SocketStream> => await (await import("../sys/tcp.ts")).connectTcp(to, options),
  connectTls: async (to: Endpoint, options: ClientTlsOptions): Promise<TlsStream> =>
    await (await import("../sys/tls.ts")).connectTls(to, options),
  listenTcp: async (
    at: Endpoint,
    onConnection: (stream: SocketStream) => void,
  ): Promise<Listener> => await (await import("../sys/tcp.ts")).listenTcp(at, onConnection),
  http: (options: HttpClientOptions): HttpClient => httpClient(options),
} as const;
