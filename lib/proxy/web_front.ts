import type { SocketStream } from "../sys/socket_stream.ts";
import type { TlsStream } from "../sys/tls.ts";
import { splice } from "./splice.ts";
import type { Runtime, Visitor } from "./runtime.ts";
import { webAlpn } from "./sniff.ts";
import type { PullReader } from "../core/pull.ts";

/** Browsers and tools: the public certificate, no client certificate asked for. */
export async function startWeb(
  stream: SocketStream,
  early: Uint8Array,
  sni: string | null,
  runtime: Runtime,
  visitor: Visitor,
): Promise<void> {
  const client = await runtime.powers.system.startTlsServer(stream, {
    context: runtime.certificates.public(sni),
    alpn: [webAlpn],
    requestClientCertificate: false,
    early,
    signal: visitor.signal,
  });
  await serveWeb(client, new Uint8Array(0), runtime, visitor);
}

/** Serves the web API on an established connection; `early` are bytes already read from it. */
export async function serveWeb(
  client: TlsStream,
  early: Uint8Array,
  { powers, guests, web, draining }: Runtime,
  visitor: Visitor,
): Promise<void> {
  const leave = guests.enter(visitor.address);
  if (leave === null) return client.abort();
  visitor.known();
  try {
    await powers.system.serveHttp1(client, web, { early, drain: draining });
  } finally {
    leave();
  }
}

/** A connection to Auth, byte for byte: TLS ends there, nothing is read here. */
export async function passToAuth(
  stream: SocketStream,
  pull: PullReader,
  held: Uint8Array,
  { powers, guests }: Runtime,
  visitor: Visitor,
): Promise<void> {
  const leave = guests.enter(visitor.address);
  if (leave === null) return stream.abort();
  try {
    const { connectTcp } = powers.system;
    const auth = await connectTcp(powers.config.auth, { timeoutMs: 5000, signal: visitor.signal });
    visitor.known();
    pull.unread(held);
    const { early, ended } = pull.release();
    const over = splice(stream, auth, early);
    if (ended) auth.end();
    await over;
  } finally {
    leave();
  }
}
