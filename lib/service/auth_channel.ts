/** Calls to Auth over TLS that ends at Auth, whether its own port or a proxy is dialled. */
import { authClient } from "../api/client.ts";
import type { AuthClient } from "../api/contract.ts";
import { oids, parseCertificate, verifyIdentity, verifyPinned } from "../ca/mod.ts";
import type { Clock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import { httpClient } from "../sys/http.ts";
import { connectTls, type KeyPair } from "../sys/tls.ts";

/** The name of this protocol in TLS; a proxy passes such connections on unread. */
export const authAlpn = "remoteler-auth";

export interface AuthChannel {
  readonly client: AuthClient;
  close(): void;
}

export interface AuthChannelOptions {
  readonly address: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  /** Asked at each new connection; null for none yet. */
  readonly keyPair: () => KeyPair | null;
  /** What is wrong with Auth's certificates; null if nothing. */
  readonly check: (chain: readonly Uint8Array[]) => Fault | null;
}

/** Connects when first used, again whenever needed. */
export function openAuthChannel(options: AuthChannelOptions): AuthChannel {
  const { address, clock, check } = options;
  const http = httpClient({
    host: "auth",
    connect: (signal) => {
      const keyPair = options.keyPair();
      return connectTls(address, {
        serverName: null,
        alpn: [authAlpn],
        verify: check,
        signal,
        ...(keyPair === null ? {} : { keyPair }),
      });
    },
  });
  return { client: authClient(http, clock), close: () => http.close() };
}

/** The peer is Auth by its identity, under these host CAs. Its name is no matter. */
export function checkAuth(
  trust: { readonly cluster: string; readonly hostCas: readonly Uint8Array[] },
  clock: Clock,
): (chain: readonly Uint8Array[]) => Fault | null {
  return (chain) =>
    faultOf(() =>
      verifyIdentity(chain.slice(0, 1), {
        expect: "host",
        systemRole: "auth",
        cluster: trust.cluster,
        now: clock.now(),
        authorities: { host: trust.hostCas },
        standing,
      })
    );
}

/** The same before anything is known but pins of the host CA: for joining. */
export function checkPinnedAuth(
  pins: readonly string[],
  clock: Clock,
): (chain: readonly Uint8Array[]) => Fault | null {
  return (chain) =>
    faultOf(() => {
      const authority = pinned(chain, pins, clock.now());
      // The pinned CA is trusted to name its cluster.
      const { attributes } = parseCertificate(authority).subject;
      const cluster = attributes.find(({ type }) => type === oids.organization)?.value ?? "";
      const fault = checkAuth({ cluster, hostCas: [authority] }, clock)(chain);
      if (fault !== null) throw fault;
    });
}

function pinned(chain: readonly Uint8Array[], pins: readonly string[], now: number): Uint8Array {
  let last: unknown = new Fault({
    kind: "invalid",
    code: "service.no-pin",
    message: "no ca_pin is configured to know Auth by",
    hint: "`remoteler status` on Auth's host shows it",
  });
  for (const pin of pins) {
    try {
      return verifyPinned(chain, { pin, now });
    } catch (thrown) {
      last = thrown;
    }
  }
  throw last;
}

/** Locks and generations are asked where identities are used, not on the way to Auth. */
const standing = { generationOf: () => null, lockOf: () => null };

function faultOf(run: () => void): Fault | null {
  try {
    run();
    return null;
  } catch (thrown) {
    return asFault(thrown);
  }
}
