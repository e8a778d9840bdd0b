/**
 * Certification requests, PKCS#10 (RFC 2986): made where the key is, checked where it is signed.
 */
import { Fault } from "../core/fault.ts";
import {
  derFault,
  DerReader,
  inside,
  readBitBytes,
  readOid,
  readSmall,
  readWhole,
  tags,
} from "./der.ts";
import { bits, element, sequence, small } from "./der_build.ts";
import {
  publicKeyAlgorithm,
  signatureAlgorithms,
  type SigningKey,
  verifySignatureAsync,
} from "./keys.ts";
import { buildName, type DistinguishedName, readName } from "./name.ts";

/** A request whose signature was checked: who sent it holds the key. Only the key is ever used. */
export interface CertificateRequest {
  readonly der: Uint8Array;
  /** What the sender calls itself; no identity is read from it. */
  readonly subject: DistinguishedName;
  readonly spki: Uint8Array;
}

/** Builds a request without attributes, signed by `key`. */
export async function buildRequest(key: SigningKey, common = "remoteler"): Promise<Uint8Array> {
  const info = sequence(small(0), buildName({ common }), key.spki, element(0xa0));
  return sequence(info, signatureAlgorithms[key.algorithm], bits(await key.sign(info)));
}

/**
 * Parses strict DER and verifies the signature by the request's own key. Fails with a Fault:
 * `ca.bad-der`, `ca.bad-key` (a kind of key that isn't taken), `ca.bad-request` (signature not by
 * that key).
 */
export async function parseRequest(der: Uint8Array): Promise<CertificateRequest> {
  const outer = inside(readWhole(der, tags.sequence));
  const info = outer.read(tags.sequence);
  const algorithm = outer.enter(tags.sequence);
  const signature = readBitBytes(outer.read(tags.bitString));
  outer.end();
  const fields = inside(info);
  readSmall(fields.read(tags.integer), 0);
  const subject = readName(fields.read(tags.sequence));
  const spki = fields.read(tags.sequence).raw;
  passAttributes(fields);
  publicKeyAlgorithm(spki);
  const algorithmId = readOid(algorithm.read(tags.oid));
  if (!await verifySignatureAsync(spki, algorithmId, info.raw, signature)) {
    throw new Fault({
      kind: "invalid",
      code: "ca.bad-request",
      message: "the certificate request is not signed by the key it holds",
      shown: "the certificate request is not signed by the key it holds",
    });
  }
  return { der, subject, spki };
}

/**
 * Attributes ask for extensions; ours are decided by who signs, so they are only checked for form.
 */
function passAttributes(fields: DerReader): void {
  const attributes = fields.enter(0xa0);
  for (let count = 0; !attributes.done; count++) {
    if (count === 32) throw derFault("too many attributes", attributes.offset);
    attributes.enter(tags.sequence).read(tags.oid);
  }
  fields.end();
}
