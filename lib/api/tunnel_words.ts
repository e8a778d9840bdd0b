/**
 * What proxies and agents tell each other over a tunnel: the body of HELLO and the header of OPEN,
 * both JSON in UTF-8. The tunnel itself doesn't read them.
 */
import { type Output, read, type Schema, v } from "../schema/mod.ts";
import { Fault } from "../core/fault.ts";
import { labels, resourceName } from "./resources.ts";

const base64 = v.pipe(v.string(), v.maxLength(1 << 15), v.base64("base64"));
const words = v.pipe(v.string(), v.maxLength(256));
const uint32 = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(0xffff_ffff));

/** An agent's HELLO: its number (the upper half of its cancel keys) and what it serves. */
export const agentHello = v.strictObject({
  v: v.literal(1),
  kind: v.literal("agent"),
  host: words,
  version: words,
  number: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(32_767)),
  services: v.pipe(
    v.array(v.strictObject({ name: resourceName, protocol: words, labels })),
    v.maxLength(4096),
  ),
});
export type AgentHello = Output<typeof agentHello>;

/** A proxy's HELLO. */
export const proxyHello = v.strictObject({
  v: v.literal(1),
  kind: v.literal("proxy"),
  host: words,
  version: words,
});
export type ProxyHello = Output<typeof proxyHello>;

/** OPEN: a client's session, or a request to cancel a statement of another one. */
export const openHeader = v.variant("kind", [
  v.strictObject({
    v: v.literal(1),
    kind: v.literal("db"),
    service: resourceName,
    /** The client's certificate chain (DER in base64, leaf first), verified again by the agent. */
    chain: v.pipe(v.array(base64), v.minLength(1), v.maxLength(4)),
    /** `host:port` the client came from. */
    client_address: words,
    /** Host id of the proxy. */
    proxy: words,
    /** Follows the session through the logs and events of all services. */
    trace: words,
  }),
  v.strictObject({
    v: v.literal(1),
    kind: v.literal("cancel"),
    process_id: uint32,
    /** The secret of the key, base64. */
    secret: base64,
    client_address: words,
    proxy: words,
    trace: words,
  }),
]);
export type OpenHeader = Output<typeof openHeader>;

/** Bytes of a HELLO or of an OPEN header. */
export function writeWords(message: AgentHello | ProxyHello | OpenHeader): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Reads what the peer said; a fault `api.bad-words` where it isn't of this shape. */
export function readWords<T>(schema: Schema<T>, bytes: Uint8Array, what: string): T {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return read(schema, JSON.parse(text), what);
  } catch (cause) {
    throw new Fault({
      kind: "protocol",
      code: "api.bad-words",
      message: `${what} is not understood`,
      cause,
    });
  }
}
