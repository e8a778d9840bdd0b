/**
 * The one function that turns a certificate chain into an identity (DESIGN: trust). Issuers are
 * looked up in the stored CA set only: certificates that a peer sends besides its own are never
 * trusted, whatever they say (CVE-2025-49825 is what happens otherwise).
 */
import type { EpochMs } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity, Identity, SystemRole, UserIdentity } from "../core/identity.ts";
import { type Certificate, fingerprint, parseCertificate } from "./certificate.ts";
import { readIdentity } from "./extension.ts";
import { oids } from "./oids.ts";
import { refuse } from "./refusal.ts";
import { caPin, readPin } from "./pin.ts";
import { findIssuer, isAuthorityInForce, signedBy } from "./trust.ts";
import type { CaType, TrustedAuthorities } from "./trust.ts";

/** What is asked anew at each verification, however often a certificate was seen before. */
export interface Standing {
  /** The user's generation in force; null for a user that doesn't exist or is disabled. */
  generationOf(user: string): number | null;
  /** The message of a lock that holds for this identity (may be empty), null if there is none. */
  lockOf(identity: Identity): string | null;
}

export interface Expectation {
  /** Whose certificate is asked for; it fixes the CA that must have signed it. */
  readonly expect: "user" | "host";
  /** With `host`: the role in the cluster that the host must have. */
  readonly systemRole?: SystemRole;
  readonly cluster: string;
  readonly now: EpochMs;
  readonly authorities: TrustedAuthorities;
  readonly standing: Standing;
}

export interface Verified<I extends Identity = Identity> {
  readonly identity: I;
  /** The certificate's notAfter: sessions and caches end with it. */
  readonly expires: EpochMs;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
}

const maxChain = 4;

/**
 * Verifies the first certificate of `chain` (DER) in full: issuer among the stored CAs of the type
 * that `expect` names, signature, validity of both, usages, cluster, kind, locks, generation.
 * Possession of the key is what the TLS handshake proved; for a forwarded chain it is a claim.
 *
 * Throws a Fault, `unauthenticated` with `ca.no-certificate`, `ca.malformed`, `ca.unknown-issuer`,
 * `ca.wrong-type`, `ca.wrong-usage`, `ca.wrong-role`, `ca.wrong-cluster`, `ca.not-yet-valid`,
 * `ca.expired`, `ca.generation`; or `denied` with `ca.locked`.
 */
export function verifyIdentity(
  chain: readonly Uint8Array[],
  expected: Expectation & { readonly expect: "user" },
): Verified<UserIdentity>;
export function verifyIdentity(
  chain: readonly Uint8Array[],
  expected: Expectation & { readonly expect: "host" },
): Verified<HostIdentity>;
export function verifyIdentity(chain: readonly Uint8Array[], expected: Expectation): Verified {
  const { expect, now } = expected;
  const [der] = chain;
  if (der === undefined || der.length === 0) throw refuse("no-certificate", expect);
  if (chain.length > maxChain) throw refuse("malformed", expect);
  const print = fingerprint(der);
  const leaf = readLeaf(der, print, expected);
  checkUsage(leaf.certificate, expect);
  const identity = checkIdentity(leaf.identity, expected);
  if (now < leaf.certificate.notBefore) throw refuse("not-yet-valid", expect);
  if (now >= leaf.certificate.notAfter) throw refuse("expired", expect);
  checkStanding(identity, expected);
  return { identity, expires: leaf.certificate.notAfter, fingerprint: print };
}

interface Leaf {
  readonly certificate: Certificate;
  readonly identity: Identity | null;
}

/**
 * Leaves whose signature was verified, under the very CA bytes that verified them: a CA that is
 * no longer trusted takes its entries along. Bounded; the oldest goes first.
 */
const seen = new WeakMap<Uint8Array, Map<string, Leaf>>();
const maxSeen = 1024;

function readLeaf(der: Uint8Array, print: string, expected: Expectation): Leaf {
  const { expect, now, authorities } = expected;
  const trusted = authorities[expect] ?? [];
  for (const authority of trusted) {
    const known = seen.get(authority)?.get(print);
    if (known && isAuthorityInForce(authority, now)) return known;
  }
  const leaf = parseLeaf(der, expect);
  const issuer = findIssuer(leaf.certificate, trusted, now);
  if (issuer === null) throw foreignIssuer(leaf.certificate, expected);
  const entries = seen.get(issuer) ?? new Map<string, Leaf>();
  seen.set(issuer, entries);
  entries.set(print, leaf);
  const [oldest] = entries.keys();
  if (entries.size > maxSeen && oldest !== undefined) entries.delete(oldest);
  return leaf;
}

function parseLeaf(der: Uint8Array, expect: "user" | "host"): Leaf {
  try {
    // A copy, so that what is kept doesn't hold on to (or change with) a larger buffer.
    const certificate = parseCertificate(der.slice());
    const extension = certificate.extensions.get(oids.identity);
    const identity = extension === undefined ? null : readIdentity(extension.value);
    return { certificate, identity };
  } catch (error) {
    if (error instanceof Fault) throw refuse("malformed", expect, error);
    throw error;
  }
}

/** Tells a certificate of another of our CAs from one of a stranger. */
function foreignIssuer(leaf: Certificate, { expect, authorities, now }: Expectation): Fault {
  const others: readonly CaType[] = ["host", "user", "db_client", "db", "jwt", "audit"];
  const ours = others.some((type) =>
    type !== expect && findIssuer(leaf, authorities[type] ?? [], now) !== null
  );
  return refuse(ours ? "wrong-type" : "unknown-issuer", expect);
}

const understood: ReadonlySet<string> = new Set([
  oids.identity,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.basicConstraints,
  oids.subjectAltName,
]);

/** RFC 5280 §4.2: not a CA, a key that signs, client authentication, nothing critical unknown. */
function checkUsage(leaf: Certificate, expect: "user" | "host"): void {
  const { basicConstraints, keyUsage, extendedKeyUsage, extensions } = leaf;
  const isCa = basicConstraints?.ca === true || keyUsage?.has("keyCertSign") === true;
  const signs = keyUsage?.has("digitalSignature") === true;
  const client = extendedKeyUsage?.includes(oids.clientAuth) === true;
  const server = extendedKeyUsage?.includes(oids.serverAuth) === true;
  const critical = [...extensions].some(([id, e]) => e.critical && !understood.has(id));
  if (isCa || !signs || !client || critical || server !== (expect === "host")) {
    throw refuse("wrong-usage", expect);
  }
}

function checkIdentity(identity: Identity | null, expected: Expectation): Identity {
  const { expect, systemRole, cluster } = expected;
  if (identity === null) throw refuse("malformed", expect);
  if ((identity.kind === "host") !== (expect === "host")) throw refuse("wrong-type", expect);
  if (identity.cluster !== cluster) throw refuse("wrong-cluster", expect);
  if (identity.kind === "host" && systemRole && !identity.systemRoles.includes(systemRole)) {
    throw refuse("wrong-role", expect);
  }
  return identity;
}

function checkStanding(identity: Identity, { expect, standing }: Expectation): void {
  const lock = standing.lockOf(identity);
  if (lock !== null) {
    throw new Fault({
      kind: "denied",
      code: "ca.locked",
      message: identity.kind === "host"
        ? `host ${identity.host} is locked`
        : `user ${identity.user} is locked`,
      shown: lock === "" ? "access is locked" : `access is locked: ${lock}`,
      hint: "ask an administrator",
    });
  }
  // Equal, not just as new: the certificates of a removed user don't fit one made again.
  if (identity.kind !== "host" && standing.generationOf(identity.user) !== identity.generation) {
    throw refuse("generation", expect);
  }
}

/**
 * Trust on a pin (`tsh --ca-pin`, join): finds the pinned CA among the certificates that a TLS
 * server sent and verifies that it signed the first of them as a server's. Gives the CA (DER), to
 * be
 * the only trusted one from then on; the server's name is for the caller to check. Throws a Fault
 * `ca.wrong-pin`, `ca.bad-pin`, `ca.bad-der`.
 */
export function verifyPinned(
  chain: readonly Uint8Array[],
  { pin, now }: { readonly pin: string; readonly now: EpochMs },
): Uint8Array {
  const wanted = readPin(pin);
  const [leaf, ...rest] = chain.slice(0, maxChain).map(parseCertificate);
  const authority = rest.find((one) => caPin(one) === wanted);
  const holds = leaf !== undefined && authority !== undefined && signedBy(leaf, authority) &&
    isAuthorityInForce(authority.der, now) && now >= leaf.notBefore && now < leaf.notAfter &&
    leaf.extendedKeyUsage?.includes(oids.serverAuth) === true;
  if (holds) return authority.der;
  throw new Fault({
    kind: "unauthenticated",
    code: "ca.wrong-pin",
    message: "the server's certificate is not of the pinned CA",
    shown: "the server's certificate is not of the pinned CA: another cluster, or somebody between",
    hint: "check the address, and the pin with `remoteler status` on the Auth Service's host",
  });
}
