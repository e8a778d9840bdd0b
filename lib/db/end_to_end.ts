/**
 * TLS that ends here and not at the proxy, which passed it on unread (OPEN `kind: tls`). What is
 * inside goes the way of every visit.
 */
import type { Clock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import { serviceOfServerName } from "../core/server_name.ts";
import type { KeyPair, startTlsServer, TlsContext, TlsStream } from "../sys/tls.ts";
import type { OpenHeader, TunnelStream } from "../tunnel/mod.ts";
import { handshakesMax, partingMs, tlsMsMax } from "./limits.ts";
import type { HostMaterial } from "./proxy_tunnels.ts";
import type { Arrival } from "./reception.ts";
import type { DatabaseTarget } from "./targets.ts";

export interface TlsPowers {
  readonly identity: () => HostMaterial;
  /** `new TlsContext(keyPair)`. */
  readonly tlsContext: (keyPair: KeyPair) => TlsContext;
  readonly startTlsServer: typeof startTlsServer;
  readonly clock: Clock;
  readonly log: Log;
}

export class TlsFront {
  readonly #powers: TlsPowers;
  readonly #signal: AbortSignal;
  /** Made of the host certificate in force, and anew when that is renewed. */
  #context: { readonly key: string; readonly tls: TlsContext } | null = null;
  #handshakes = 0;

  /** `signal` ends handshakes with the service. */
  constructor(powers: TlsPowers, signal: AbortSignal) {
    this.#powers = powers;
    this.#signal = signal;
  }

  /** As many handshakes as are done at the same time: another agent may do better. */
  get isFull(): boolean {
    return this.#handshakes >= handshakesMax;
  }

  /**
   * The client inside its TLS, of whom nothing has been verified; null where there was no handshake
   * that fits the stream, which is over then.
   */
  async receive(
    stream: TunnelStream,
    header: OpenHeader,
    target: DatabaseTarget,
  ): Promise<Arrival | null> {
    this.#handshakes += 1;
    try {
      const client = await this.#handshake(stream, target);
      this.#check(client, header.service, target);
      return { stream, header, target, inside: { client, chain: client.peerChain } };
    } catch (thrown) {
      this.#tell(asFault(thrown), header);
      // An alert may be on its way; what was aborted already is not touched by this.
      this.#powers.clock.after(partingMs, () => stream.abort());
      return null;
    } finally {
      this.#handshakes -= 1;
    }
  }

  #tell({ kind, code, message }: Fault, { clientAddress, service, trace }: OpenHeader): void {
    const { log } = this.#powers;
    const fields = { code, message, client: clientAddress, service, trace };
    if (kind === "internal") log.error("a TLS handshake failed by a mistake of ours", fields);
    else log.info("a TLS handshake came to nothing", fields);
  }

  async #handshake(stream: TunnelStream, { protocol }: DatabaseTarget): Promise<TlsStream> {
    return await this.#powers.startTlsServer(stream, {
      context: this.#contextInForce(),
      alpn: [alpnOf(protocol.name)],
      requestClientCertificate: true,
      handshakeTimeoutMs: tlsMsMax,
      signal: this.#signal,
    });
  }

  /** The proxy says for which service the stream is; what the client said itself counts. */
  #check(client: TlsStream, service: string, { protocol }: DatabaseTarget): void {
    const { cluster } = this.#powers.identity();
    const asked = serviceOfServerName(client.sni, cluster);
    if (asked === service && client.alpn === alpnOf(protocol.name)) return;
    const fault = new Fault({
      kind: "protocol",
      code: "db.wrong-server-name",
      message: "the client's server name or protocol is not that of the stream",
    });
    client.abort(fault);
    throw fault;
  }

  #contextInForce(): TlsContext {
    const { keyPair } = this.#powers.identity();
    if (this.#context?.key !== keyPair.key) {
      this.#context = { key: keyPair.key, tls: this.#powers.tlsContext(keyPair) };
    }
    return this.#context.tls;
  }
}

function alpnOf(protocol: string): string {
  return `remoteler-${protocol}`;
}
