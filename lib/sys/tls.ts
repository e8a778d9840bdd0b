import * as tls from "node:tls";
import type { Socket } from "node:net";
import { Buffer } from "node:buffer";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import { errnoOf } from "./errno.ts";
import { connectionFault, SocketStream } from "./socket_stream.ts";
import { StreamDuplex } from "./stream_duplex.ts";
import { type ConnectOptions, connectTcp, type Endpoint } from "./tcp.ts";

/** A certificate chain, leaf first, and the private key of the leaf. */
export interface KeyPair {
  /** PEM text, or DER certificates. */
  readonly chain: string | readonly Uint8Array[];
  /** PKCS#8 in PEM. */
  readonly key: string;
}

export interface ServerTlsOptions {
  readonly context: TlsContext;
  /** Names spoken, best first; a client that offers only others gets an alert. Empty: none. */
  readonly alpn?: readonly string[];
  /** Asks for a client certificate, takes any or none: the caller checks `peerChain`. */
  readonly requestClientCertificate: boolean;
  /** Bytes already read from the stream, beginning with the ClientHello. */
  readonly early?: Uint8Array;
  /** Default 10000. */
  readonly handshakeTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ClientTlsOptions {
  readonly keyPair?: KeyPair | undefined;
  /** Host name for SNI (and for the check under "web"); null sends none. */
  readonly serverName: string | null;
  readonly alpn?: readonly string[];
  /**
   * "web": the runtime checks chain and host name, against `authorities` or the system's.
   * A function: is given the peer's chain (DER, leaf first) and says what is wrong with it.
   */
  readonly verify: "web" | ((peerChain: readonly Uint8Array[]) => Fault | null);
  /** PEM text, or DER certificates; only used with "web". */
  readonly authorities?: string | readonly Uint8Array[];
  /** The system's authorities count beside `authorities`. */
  readonly systemToo?: boolean;
  /** Default "TLSv1.2". */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly early?: Uint8Array;
  readonly handshakeTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A server's certificate and key, prepared once; `replace` is the hot reload. */
export class TlsContext {
  #prepared: tls.SecureContext;

  /** Throws a Fault `sys.bad-certificate` where chain and key can't be used together. */
  constructor(keyPair: KeyPair) {
    this.#prepared = prepare(keyPair);
  }

  /** Handshakes from now on use these; on a fault the old ones stay. */
  replace(keyPair: KeyPair): void {
    this.#prepared = prepare(keyPair);
  }

  /** For this room only. */
  get prepared(): tls.SecureContext {
    return this.#prepared;
  }
}

/** An established TLS session on a socket. */
export class TlsStream extends SocketStream {
  /** The protocol both sides agreed on; null where none. */
  readonly alpn: string | null;
  /** On a server: the host name the client asked for; null where none. */
  readonly sni: string | null;
  readonly #tls: tls.TLSSocket;
  #peerChain: readonly Uint8Array[] | null = null;
  /** The session was resumed: no certificate was shown in this handshake. */
  readonly resumed: boolean;
  /** "TLSv1.3" and the like. */
  readonly version: string;

  constructor(socket: tls.TLSSocket, raw: Socket | StreamDuplex) {
    super(socket, raw);
    this.#tls = socket;
    this.alpn = typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : null;
    const name: unknown = Reflect.get(socket, "servername");
    this.sni = typeof name === "string" && name !== "" ? name : null;
    this.resumed = socket.isSessionReused();
    this.version = socket.getProtocol() ?? "";
  }

  /**
   * The peer's certificates as sent (DER, leaf first), unchecked; empty where it showed none. Taken
   * from the runtime when they are first asked for, which has to be before the stream is closed.
   */
  get peerChain(): readonly Uint8Array[] {
    return this.#peerChain ??= peerChainOf(this.#tls);
  }
}

/**
 * Server side of a handshake on a stream, a socket's or any other, which is used up. Faults:
 * `sys.tls-handshake`, `sys.tls-timeout`. The runtime can't turn session tickets off: a resumed
 * session may have an empty `peerChain` where one was asked for, so the caller checks the chain
 * every time.
 */
export async function startTlsServer(
  stream: ByteStream,
  options: ServerTlsOptions,
): Promise<TlsStream> {
  const raw = stream instanceof SocketStream ? stream.release() : new StreamDuplex(stream);
  if (options.early !== undefined && options.early.length > 0) {
    raw.unshift(Buffer.from(options.early));
  }
  const socket = new tls.TLSSocket(raw, {
    isServer: true,
    secureContext: options.context.prepared,
    requestCert: options.requestClientCertificate,
    rejectUnauthorized: false,
    ...(options.alpn === undefined || options.alpn.length === 0
      ? {}
      : { ALPNProtocols: [...options.alpn] }),
  });
  return await handshake(socket, raw, "secure", options);
}

/** Client side of a handshake on a connected stream, which is used up. */
export async function startTlsClient(
  stream: SocketStream,
  options: ClientTlsOptions,
): Promise<TlsStream> {
  const raw = stream.release();
  if (options.early !== undefined && options.early.length > 0) {
    raw.unshift(Buffer.from(options.early));
  }
  const verify = options.verify;
  const web = verify === "web";
  let socket: tls.TLSSocket;
  try {
    socket = tls.connect({
      socket: raw,
      rejectUnauthorized: web,
      secureContext: clientContext(options),
      ...(web ? {} : { checkServerIdentity: () => undefined }),
      ...(web && options.serverName !== null ? { host: options.serverName } : {}),
      ...(options.serverName === null || isAddress(options.serverName)
        ? {}
        : { servername: options.serverName }),
      ...(options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] }),
    });
  } catch (error) {
    raw.destroy();
    throw handshakeFault(error);
  }
  const secured = await handshake(socket, raw, "secureConnect", options);
  const fault = verify === "web" ? null : verify(secured.peerChain);
  if (fault === null) return secured;
  secured.abort(fault);
  throw fault;
}

/** {@linkcode connectTcp} and {@linkcode startTlsClient} in one. */
export async function connectTls(
  to: Endpoint,
  options: ClientTlsOptions & ConnectOptions,
): Promise<TlsStream> {
  return await startTlsClient(await connectTcp(to, options), options);
}

/** Waits for the handshake, its failure, the timer or the signal; the loser is torn down. */
async function handshake(
  socket: tls.TLSSocket,
  raw: Socket | StreamDuplex,
  done: "secure" | "secureConnect",
  options: { readonly handshakeTimeoutMs?: number; readonly signal?: AbortSignal },
): Promise<TlsStream> {
  const timeoutMs = options.handshakeTimeoutMs ?? 10_000;
  return await new Promise<TlsStream>((resolve, reject) => {
    const timer = setTimeout(() => fail(timeoutFault(timeoutMs)), timeoutMs);
    const aborted = () => fail(options.signal?.reason);
    const failed = (error: unknown) => fail(handshakeFault(error));
    const closed = () => fail(handshakeFault(new Error("closed by the peer")));
    const settle = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", aborted);
      socket.off("close", closed);
      socket.off("end", closed);
      // What listened so far holds on to all that a handshake needs, for as long as the session.
      endOnError(socket, raw);
      socket.off("error", failed);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.destroy();
      raw.destroy();
      reject(reason);
    };
    socket.on("error", failed);
    socket.once("close", closed);
    // With half-open sockets the peer's leaving is an end, not a close.
    socket.once("end", closed);
    socket.once(done, () => {
      settle();
      resolve(new TlsStream(socket, raw));
    });
    if (options.signal?.aborted) aborted();
    else options.signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** A late error must not end the process; it ends the connection, before its end is told. */
function endOnError(socket: tls.TLSSocket, raw: Socket | StreamDuplex): void {
  socket.on("error", () => {
    socket.destroy();
    raw.destroy();
  });
}

function prepare(keyPair: KeyPair): tls.SecureContext {
  try {
    const cert = pemOf(keyPair.chain);
    // The runtime notices a key that isn't the certificate's only in the first handshake.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(keyPair.key))) {
      throw new Error("the key is another certificate's");
    }
    return tls.createSecureContext({ cert, key: keyPair.key, minVersion: "TLSv1.2" });
  } catch (error) {
    throw new Fault({
      kind: "invalid",
      code: "sys.bad-certificate",
      message: "certificate and key can't be used together",
      cause: error,
    });
  }
}

/** What was prepared for a key pair; making it costs half a handshake. */
const prepared = new WeakMap<KeyPair, Map<string, tls.SecureContext>>();

/** Certificate, key and authorities of a client, prepared once for as long as the pair is kept. */
function clientContext(options: ClientTlsOptions): tls.SecureContext {
  const { keyPair, verify, authorities, systemToo } = options;
  const minVersion = options.minVersion ?? "TLSv1.2";
  const asked = verify === "web" && authorities !== undefined;
  const ca = asked ? authoritiesOf(authorities, systemToo) : undefined;
  const make = () =>
    tls.createSecureContext({
      minVersion,
      ...(ca === undefined ? {} : { ca }),
      ...(keyPair === undefined ? {} : { cert: pemOf(keyPair.chain), key: keyPair.key }),
    });
  if (keyPair === undefined) return make();
  const known = prepared.get(keyPair) ?? new Map<string, tls.SecureContext>();
  prepared.set(keyPair, known);
  const name = `${minVersion} ${ca === undefined ? "" : [ca].flat().join("\n")}`;
  const context = known.get(name) ?? make();
  known.set(name, context);
  return context;
}

function authoritiesOf(
  own: string | readonly Uint8Array[],
  systemToo: boolean = false,
): string | string[] {
  return systemToo ? [...tls.rootCertificates, pemOf(own)] : pemOf(own);
}

function pemOf(certificates: string | readonly Uint8Array[]): string {
  if (typeof certificates === "string") return certificates;
  return certificates.map((der) => {
    const lines = Buffer.from(der).toString("base64").replace(/(.{64})(?=.)/g, "$1\n");
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  }).join("");
}

function peerChainOf(socket: tls.TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<unknown>();
  let at: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (at !== undefined && at.raw !== undefined && !seen.has(at) && chain.length < 8) {
    seen.add(at);
    chain.push(new Uint8Array(at.raw));
    at = at.issuerCertificate;
  }
  return chain;
}

function isAddress(name: string): boolean {
  return /^[0-9.]+$/.test(name) || name.includes(":");
}

function timeoutFault(timeoutMs: number): Fault {
  return new Fault({
    kind: "network",
    code: "sys.tls-timeout",
    message: `no TLS handshake within ${timeoutMs} ms`,
  });
}

function handshakeFault(error: unknown): Fault {
  const errno = errnoOf(error);
  if (/^E[A-Z]+$/.test(errno)) return connectionFault(error);
  const alert = alertOf(error);
  return new Fault({
    kind: "network",
    code: "sys.tls-handshake",
    message: `TLS handshake failed: ${errno}`,
    fields: { errno, ...(alert === null ? {} : { alert }) },
    cause: error,
  });
}

/** Alerts that a proxy's last word may be, by their names in RFC 8446 §6. */
const alerts: Readonly<Record<string, string>> = {
  UnrecognisedName: "unrecognized_name",
  InternalError: "internal_error",
};

/** The runtime tells the peer's alert in its message only. */
function alertOf(error: unknown): string | null {
  const told = /received fatal alert: (\w+)/.exec(error instanceof Error ? error.message : "");
  return alerts[told?.[1] ?? ""] ?? null;
}
