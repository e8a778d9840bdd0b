/** Which CA signed a certificate: the stored CA sets, and the conditions a CA itself must meet. */
import type { EpochMs } from "../core/clock.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { verifySignature } from "./keys.ts";

/** Each has its own key; no certificate of one is good for another's purpose. */
export const caTypes = ["host", "user", "db_client", "db", "jwt", "audit"] as const;
export type CaType = (typeof caTypes)[number];

/**
 * The stored CA certificates (DER) by type; several of one type while it rotates. Hold on to the
 * same `Uint8Array` objects while the set doesn't change: what was verified is remembered by them.
 */
export type TrustedAuthorities = Readonly<Partial<Record<CaType, readonly Uint8Array[]>>>;

const parsed = new WeakMap<Uint8Array, Certificate>();

function authorityOf(der: Uint8Array): Certificate {
  const known = parsed.get(der);
  if (known) return known;
  const certificate = parseCertificate(der);
  parsed.set(der, certificate);
  return certificate;
}

/** RFC 5280 §4.2.1.3, §4.2.1.9: may sign certificates, and is within its own validity. */
export function isAuthorityInForce(der: Uint8Array, now: EpochMs): boolean {
  const { basicConstraints, keyUsage, notBefore, notAfter } = authorityOf(der);
  return basicConstraints?.ca === true && keyUsage?.has("keyCertSign") === true &&
    now >= notBefore && now < notAfter;
}

/**
 * The stored CA (the very object) whose key verifies the certificate's signature; null if none's
 * does.
 */
export function findIssuer(
  leaf: Certificate,
  trusted: readonly Uint8Array[],
  now: EpochMs,
): Uint8Array | null {
  for (const der of trusted) {
    if (isAuthorityInForce(der, now) && signedBy(leaf, authorityOf(der))) return der;
  }
  return null;
}

/** Names and key identifiers fit, and the signature is by the authority's key. */
export function signedBy(leaf: Certificate, authority: Certificate): boolean {
  if (!equal(leaf.issuer.raw, authority.subject.raw)) return false;
  const { authorityKeyId } = leaf;
  const { subjectKeyId } = authority;
  if (authorityKeyId && subjectKeyId && !equal(authorityKeyId, subjectKeyId)) return false;
  return verifySignature(authority.spki, leaf.signatureAlgorithm, leaf.tbs, leaf.signature);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * Whether one of these CAs' own keys signed the bytes (SHA-256); how audit checkpoints are
 * checked.
 */
export function verifiedBy(
  trusted: readonly Uint8Array[],
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  return trusted.some((der) => {
    const { spki, signatureAlgorithm } = authorityOf(der);
    return verifySignature(spki, signatureAlgorithm, bytes, signature);
  });
}
