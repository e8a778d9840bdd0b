/** What the cluster says of identities at this moment, out of the watching cache. */
import { generationOf, lockOf } from "../access/mod.ts";
import type { ResourceCache } from "../api/resource_cache.ts";
import type { Standing, TrustedAuthorities } from "../ca/mod.ts";
import type { Clock } from "../core/clock.ts";
import type { CertAuthority } from "../api/resources.ts";

/** Kinds that a Database Service watches. */
export const watchedKinds = ["role", "user", "lock", "cert_authority"] as const;

export interface ClusterPowers {
  readonly cache: ResourceCache;
  readonly clock: Clock;
}

/** For `verifyIdentity`: locks that name this service or one of these hosts count as well. */
export function standingOf(
  { cache, clock }: ClusterPowers,
  place: { readonly service?: string; readonly hosts: readonly string[] },
): Standing {
  return {
    generationOf: (user) => generationOf(cache.get("user", user)),
    lockOf: (identity) => lockOf(cache.list("lock"), { identity, ...place }, clock.now()),
  };
}

/** The same arrays of bytes for as long as a resource stays the same object. */
const decoded = new WeakMap<CertAuthority, readonly Uint8Array[]>();

/** The trusted CA certificates; what was verified under them is remembered by these objects. */
export function authoritiesOf(cache: ResourceCache): TrustedAuthorities {
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
