/** What the cluster says of certificates at this moment, out of the watching cache. */
import { generationOf, lockOf } from "../access/mod.ts";
import type { ResourceCache } from "../api/resource_cache.ts";
import type { CertAuthority } from "../api/resources.ts";
import { type TrustedAuthorities, type Verified, verifyIdentity } from "../ca/mod.ts";
import type { Clock } from "../core/clock.ts";
import type { HostIdentity, SystemRole, UserIdentity } from "../core/identity.ts";

/** Kinds that a proxy watches. */
export const watchedKinds = ["lock", "user", "cert_authority", "agent"] as const;

export interface ClusterPowers {
  readonly cache: Pick<ResourceCache, "get" | "list">;
  readonly clock: Clock;
  readonly cluster: string;
}

/**
 * Verifies a client's chain; locks on the service that its route names count as well. `proven` is
 * told whose certificate it is, also where a lock or the user's state then refuses it.
 */
export function verifyUser(
  chain: readonly Uint8Array[],
  powers: ClusterPowers,
  proven: (identity: UserIdentity) => void = () => {},
): Verified<UserIdentity> {
  const { cache, clock, cluster } = powers;
  const now = clock.now();
  return verifyIdentity(chain, {
    expect: "user",
    cluster,
    now,
    authorities: authoritiesOf(cache),
    standing: {
      generationOf: (user) => generationOf(cache.get("user", user)),
      lockOf: (identity) => {
        if (identity.kind === "host") return null;
        proven(identity);
        const service = identity.route?.service;
        const subject = service === undefined ? { identity } : { identity, service };
        return lockOf(cache.list("lock"), subject, now);
      },
    },
  });
}

/** Verifies the chain of another service of the cluster. */
export function verifyHost(
  chain: readonly Uint8Array[],
  systemRole: SystemRole,
  { cache, clock, cluster }: ClusterPowers,
): Verified<HostIdentity> {
  const now = clock.now();
  return verifyIdentity(chain, {
    expect: "host",
    systemRole,
    cluster,
    now,
    authorities: authoritiesOf(cache),
    standing: {
      generationOf: () => null,
      lockOf: (identity) => lockOf(cache.list("lock"), { identity }, now),
    },
  });
}

/** The same arrays of bytes for as long as a resource stays the same object. */
const decoded = new WeakMap<CertAuthority, readonly Uint8Array[]>();

/** The trusted CA certificates by type; what they verified is remembered by these objects. */
export function authoritiesOf(cache: Pick<ResourceCache, "list">): TrustedAuthorities {
  const trusted: { -readonly [K in keyof TrustedAuthorities]: TrustedAuthorities[K] } = {};
  for (const resource of cache.list("cert_authority")) {
    let ders = decoded.get(resource);
    if (ders === undefined) {
      ders = resource.spec.trusted.map((text) => Uint8Array.fromBase64(text));
      decoded.set(resource, ders);
    }
    trusted[resource.spec.type] = ders;
  }
  return trusted;
}
