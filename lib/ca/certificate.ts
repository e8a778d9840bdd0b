/** X.509 v3 certificates (RFC 5280 §4): parsing to raw views, and building from parts. */
import { createHash } from "node:crypto";
import type { EpochMs } from "../core/clock.ts";
import {
  derFault,
  DerReader,
  inside,
  readBitBytes,
  readInteger,
  readOid,
  readSmall,
  readTime,
  readWhole,
  tags,
} from "./der.ts";
import { bits, explicit, sequence, small, time, unsigned } from "./der_build.ts";
import {
  type AltName,
  type BasicConstraints,
  type Extension,
  type KeyUsage,
  readAltNames,
  readAuthorityKeyId,
  readBasicConstraints,
  readExtendedKeyUsage,
  readExtensions,
  readKeyUsage,
  readSubjectKeyId,
} from "./extensions.ts";
import { signatureAlgorithms, type SigningKey } from "./keys.ts";
import { type DistinguishedName, readName } from "./name.ts";
import { oids } from "./oids.ts";

/** A certificate as it is written; nothing here is verified. All byte fields are views of `der`. */
export interface Certificate {
  readonly der: Uint8Array;
  /** What the signature covers. */
  readonly tbs: Uint8Array;
  readonly serial: bigint;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: EpochMs;
  readonly notAfter: EpochMs;
  /** SubjectPublicKeyInfo, whole. */
  readonly spki: Uint8Array;
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Null where the extension is absent. */
  readonly keyUsage: ReadonlySet<KeyUsage> | null;
  readonly extendedKeyUsage: readonly string[] | null;
  readonly basicConstraints: BasicConstraints | null;
  readonly altNames: readonly AltName[];
  readonly authorityKeyId: Uint8Array | null;
  readonly subjectKeyId: Uint8Array | null;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
}

/** Parses strict DER; throws a Fault `ca.bad-der` for anything else. Only version 3 is taken. */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = inside(readWhole(der, tags.sequence));
  const tbs = outer.read(tags.sequence);
  const algorithm = outer.read(tags.sequence);
  const signature = readBitBytes(outer.read(tags.bitString));
  outer.end();

  const fields = inside(tbs);
  const version = fields.enter(0xa0);
  if (readSmall(version.read(tags.integer), 2) !== 2) throw derFault("not version 3", tbs.offset);
  version.end();
  const serial = fields.read(tags.integer);
  if (serial.body.length > 21) throw derFault("serial too long", serial.offset);
  const innerAlgorithm = fields.read(tags.sequence);
  if (innerAlgorithm.raw.toHex() !== algorithm.raw.toHex()) {
    throw derFault("two different signature algorithms", innerAlgorithm.offset);
  }
  const issuer = readName(fields.read(tags.sequence));
  const validity = fields.enter(tags.sequence);
  const notBefore = readTime(validity.read());
  const notAfter = readTime(validity.read());
  validity.end();
  const subject = readName(fields.read(tags.sequence));
  const spki = fields.read(tags.sequence).raw;
  const wrapped = fields.enter(0xa3);
  const list = wrapped.enter(tags.sequence);
  wrapped.end();
  fields.end();
  return {
    der,
    tbs: tbs.raw,
    serial: readInteger(serial),
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    ...readKnown(readExtensions(list)),
    signatureAlgorithm: readOid(new DerReader(algorithm.body).read(tags.oid)),
    signature,
  };
}

type Known = Pick<
  Certificate,
  | "extensions"
  | "keyUsage"
  | "extendedKeyUsage"
  | "basicConstraints"
  | "altNames"
  | "authorityKeyId"
  | "subjectKeyId"
>;

function readKnown(extensions: ReadonlyMap<string, Extension>): Known {
  const read = <T>(id: string, reader: (value: Uint8Array) => T): T | null => {
    const found = extensions.get(id);
    return found === undefined ? null : reader(found.value);
  };
  return {
    extensions,
    keyUsage: read(oids.keyUsage, readKeyUsage),
    extendedKeyUsage: read(oids.extendedKeyUsage, readExtendedKeyUsage),
    basicConstraints: read(oids.basicConstraints, readBasicConstraints),
    altNames: read(oids.subjectAltName, readAltNames) ?? [],
    authorityKeyId: read(oids.authorityKeyId, readAuthorityKeyId),
    subjectKeyId: read(oids.subjectKeyId, readSubjectKeyId),
  };
}

/** What a certificate is built from; names and extensions are whole DER elements. */
export interface CertificateParts {
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: EpochMs;
  readonly notAfter: EpochMs;
  readonly spki: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

/** Builds and signs; the DER of the whole certificate. */
export async function buildCertificate(
  parts: CertificateParts,
  key: SigningKey,
): Promise<Uint8Array> {
  const algorithm = signatureAlgorithms[key.algorithm];
  const tbs = sequence(
    explicit(0, small(2)),
    unsigned(parts.serial),
    algorithm,
    parts.issuer,
    sequence(time(parts.notBefore), time(parts.notAfter)),
    parts.subject,
    parts.spki,
    explicit(3, sequence(...parts.extensions)),
  );
  return sequence(tbs, algorithm, bits(await key.sign(tbs)));
}

/** SHA-256 of the whole certificate, lower-case hex: how caches, events and people name it. */
export function fingerprint(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}
