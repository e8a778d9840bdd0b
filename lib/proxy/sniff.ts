/** What a connection to the one public port is, told from its first bytes. */
import { clientTunnelAlpn } from "../tunnel/mod.ts";
import type { Protocol, Sniffed } from "../wire/protocol.ts";
import { type ClientHello, readClientHello } from "./client_hello.ts";
import { clientHelloBytesMax } from "./limits.ts";

export type Arrival =
  | { readonly kind: "tls"; readonly hello: ClientHello }
  | { readonly kind: "native"; readonly protocol: Protocol; readonly sniffed: Sniffed }
  /** `answer` is said before closing; empty where nothing is. */
  | { readonly kind: "foreign"; readonly name: string; readonly answer: Uint8Array };

const tlsHandshake = 22;
/** Records add five bytes each; a ClientHello in tiny records is somebody's joke. */
const sniffBytesMax = clientHelloBytesMax + 1024;

/** "more" while too few bytes are held to tell. Bounded: enough bytes always give an answer. */
export function sniff(held: Uint8Array, protocols: readonly Protocol[]): Arrival | "more" {
  if (held.length === 0) return "more";
  if (held[0] === tlsHandshake) {
    const hello = readClientHello(held);
    if (hello === null) return foreign("broken TLS");
    if (hello !== "more") return { kind: "tls", hello };
    return held.length > sniffBytesMax ? foreign("broken TLS") : "more";
  }
  let undecided = false;
  for (const protocol of protocols) {
    const sniffed = protocol.sniff(held);
    if (sniffed === "more") undecided = true;
    else if (sniffed !== null) return { kind: "native", protocol, sniffed };
  }
  if (undecided && held.length < sniffBytesMax) return "more";
  return foreignProtocol(held);
}

/** HTTP's first words; nothing else on this port begins with capital letters and a space. */
export function looksLikeHttp(held: Uint8Array): boolean {
  return /^[A-Z]{3,8} /.test(beginning(held));
}

function foreignProtocol(held: Uint8Array): Arrival | "more" {
  const text = beginning(held);
  if (looksLikeHttp(held)) return foreign("HTTP without TLS", plainHttp);
  if (held.length < 9 && /^[A-Z]+$/.test(text)) return "more";
  if (text.startsWith("SSH-")) return foreign("SSH", "remoteler: SSH is not served here\r\n");
  return foreign("an unknown protocol");
}

const plainHttp = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n" +
  "Content-Length: 36\r\n\r\nThis port speaks TLS: use https://.\n";

function foreign(name: string, answer: string = ""): Arrival {
  return { kind: "foreign", name, answer: new TextEncoder().encode(answer) };
}

function beginning(held: Uint8Array): string {
  return String.fromCharCode(...held.subarray(0, 16));
}

/** Where a TLS connection goes, by what its ClientHello offers. */
export type Front =
  | { readonly kind: "auth" }
  | { readonly kind: "tunnel" }
  /** Many connections of one client in one. */
  | { readonly kind: "clients" }
  | { readonly kind: "web" }
  /** `protocol` is null where the client names none. */
  | { readonly kind: "database"; readonly protocol: Protocol | null; readonly alpn: string | null }
  /** TLS that ends at a Database Service. */
  | { readonly kind: "service"; readonly protocol: Protocol; readonly service: string };

export const authAlpn = "remoteler-auth";
export const tunnelAlpn = "remoteler-tunnel";
export const webAlpn = "http/1.1";

/**
 * One front by the names offered, strictly: unknown names alone get nothing of ours. `serviceOf`
 * tells which service a server name stands for; only our own protocol names go with it.
 */
export function frontOf(
  { alpn, sni }: ClientHello,
  protocols: readonly Protocol[],
  serviceOf: (serverName: string | null) => string | null,
): Front {
  if (alpn.includes(authAlpn)) return { kind: "auth" };
  if (alpn.includes(tunnelAlpn)) return { kind: "tunnel" };
  // Beside it stands what an older proxy understands.
  if (alpn.includes(clientTunnelAlpn)) return { kind: "clients" };
  for (const protocol of protocols) {
    const own = `remoteler-${protocol.name}`;
    const service = alpn.includes(own) ? serviceOf(sni) : null;
    if (service !== null) return { kind: "service", protocol, service };
    const name = [own, ...protocol.alpn].find((one) => alpn.includes(one));
    if (name !== undefined) return { kind: "database", protocol, alpn: name };
  }
  if (alpn.length === 0) return { kind: "database", protocol: null, alpn: null };
  return { kind: "web" };
}
