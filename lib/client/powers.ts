import type { BasePowers } from "../cli/mod.ts";
import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { ByteStream } from "../core/stream.ts";
import type { HttpClient, HttpClientOptions } from "../sys/http.ts";
import type { Listener } from "../sys/tcp.ts";
import type { ClientTlsOptions } from "../sys/tls.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A connection somebody made to one of our local ports. */
export interface LocalConnection extends ByteStream {
  readonly localAddress: string;
}

/** What the user's commands are handed; each capability is made when first used. */
export interface ClientPowers extends BasePowers {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: ClientFiles;
  readonly network: ClientNetwork;
  /** An environment variable; undefined where it is unset or empty. */
  env(name: string): string | undefined;
  /** User id of this process; null where the system has none. */
  userId(): number | null;
  /** The path of a program on PATH; null where there is none. */
  findProgram(name: string): Promise<string | null>;
  /** Runs a program on this terminal; gives its exit code. */
  runProgram(
    program: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<number>;
  /** What a program prints on stdout; empty where it fails. */
  outputOf(program: string, args: readonly string[]): Promise<string>;
  /** Ctrl-C is the listener's until what is given back is called. */
  onInterrupt(listener: () => void): () => void;
  /** Who owns the other end of a local connection; null where it can't be told. */
  peerUser(remote: string, local: string): Promise<number | null>;
}

export interface ClientFiles {
  /** Null where it doesn't exist. */
  readText(path: string): Promise<string | null>;
  /** Writes whole or not at all, 0600. */
  writePrivate(path: string, text: string): Promise<void>;
  /** With those above it, 0700. */
  makeDirectory(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  /** A file or a tree; no fault where it doesn't exist. */
  remove(path: string): Promise<void>;
}

/** A TLS connection that we made. */
export interface SecuredStream extends ByteStream {
  readonly peerChain: readonly Uint8Array[];
  /** The protocol that both sides agreed on; null where none. */
  readonly alpn: string | null;
}

export interface ClientNetwork {
  connectTcp(to: HostPort, options: { readonly signal?: AbortSignal }): Promise<ByteStream>;
  connectTls(
    to: HostPort,
    options: ClientTlsOptions,
  ): Promise<SecuredStream>;
  listenTcp(at: HostPort, onConnection: (stream: LocalConnection) => void): Promise<Listener>;
  http(options: HttpClientOptions): HttpClient;
}
