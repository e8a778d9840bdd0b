/** HTTP/1.1 over any byte stream: server and client. */
export { type HttpAnswer, type HttpClient, httpClient } from "./http_client.ts";
export type { HttpClientOptions } from "./http_client.ts";
export {
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  serveHttp1,
} from "./http_server.ts";
export type { HttpServerOptions } from "./http_server.ts";
export type { Headers } from "./http_head.ts";
