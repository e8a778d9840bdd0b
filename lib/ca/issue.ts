/** Makes certificates, one template for each purpose; nothing else decides what they hold. */
import { createHash } from "node:crypto";
import type { EpochMs } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import type { Random } from "../core/random.ts";
import { buildCertificate, type Certificate, parseCertificate } from "./certificate.ts";
import { inside, readBitBytes, readWhole, tags } from "./der.ts";
import { identityExtension } from "./extension.ts";
import {
  authorityKeyId,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectAltNames,
  subjectKeyId,
} from "./extensions.ts";
import { publicKeyAlgorithm, type SigningKey } from "./keys.ts";
import { buildName, cutName } from "./name.ts";
import { oids } from "./oids.ts";
import type { CaType } from "./trust.ts";

/** A CA that signs: its certificate and the key of that very certificate. */
export interface Issuer {
  readonly certificate: Certificate;
  readonly key: SigningKey;
}

/** What all leafs have in common. */
export interface Order {
  /** SubjectPublicKeyInfo from a verified request. */
  readonly spki: Uint8Array;
  readonly now: EpochMs;
  /** Cut to whole seconds, and to the end of the CA. */
  readonly expires: EpochMs;
  readonly random: Random;
}

/** A certificate that was made. */
export interface Issued {
  readonly der: Uint8Array;
  readonly expires: EpochMs;
}

/** Clocks differ: a certificate counts from a minute before it was made. */
export const backdateMs = 60_000;

/** A person's or bot's: client authentication with the identity inside. */
export async function issueUser(
  issuer: Issuer,
  order: Order & { readonly identity: UserIdentity },
): Promise<Issued> {
  return await issueLeaf(issuer, order, {
    subject: buildName({ common: cutName(order.identity.user) }),
    usages: [oids.clientAuth],
    extensions: [identityExtension(order.identity)],
  });
}

/**
 * A service's: server and client. SANs are its host id and `names`, for clients that check names.
 */
export async function issueHost(
  issuer: Issuer,
  order: Order & { readonly identity: HostIdentity; readonly names: readonly string[] },
): Promise<Issued> {
  const { identity, names } = order;
  return await issueLeaf(issuer, order, {
    subject: buildName({ organization: identity.cluster, common: cutName(identity.host) }),
    usages: [oids.serverAuth, oids.clientAuth],
    extensions: [subjectAltNames([identity.host, ...names]), identityExtension(identity)],
  });
}

/** What a Database Service shows to a database: CN is the database user, exactly. */
export async function issueDatabaseClient(
  issuer: Issuer,
  order: Order & { readonly databaseUser: string },
): Promise<Issued> {
  return await issueLeaf(issuer, order, {
    subject: buildName({ common: order.databaseUser }),
    usages: [oids.clientAuth],
    extensions: [],
  });
}

/**
 * A self-hosted database's server certificate; `names` are DNS names and IP addresses, at least
 * one.
 */
export async function issueDatabaseServer(
  issuer: Issuer,
  order: Order & { readonly names: readonly string[] },
): Promise<Issued> {
  const [first = ""] = order.names;
  return await issueLeaf(issuer, order, {
    subject: buildName({ common: cutName(first) }),
    usages: [oids.serverAuth],
    extensions: [subjectAltNames(order.names)],
  });
}

export interface AuthorityOrder {
  readonly type: CaType;
  readonly cluster: string;
  readonly key: SigningKey;
  readonly now: EpochMs;
  readonly expires: EpochMs;
  readonly random: Random;
}

/** A self-signed CA that may sign leafs only (path length 0). Its name is unlike any other CA's. */
export async function issueAuthority(order: AuthorityOrder): Promise<Issued> {
  const { type, cluster, key, now, random } = order;
  const serial = randomSerial(random);
  const name = buildName({
    organization: cluster,
    common: cutName(`Remoteler ${type} CA`),
    serial: serial.toHex(),
  });
  const expires = wholeSecond(order.expires);
  const der = await buildCertificate({
    serial,
    issuer: name,
    subject: name,
    notBefore: now - backdateMs,
    notAfter: expires,
    spki: key.spki,
    extensions: [
      basicConstraints({ ca: true, pathLength: 0 }),
      keyUsage("keyCertSign", "cRLSign"),
      subjectKeyId(keyIdOf(key.spki)),
    ],
  }, key);
  return { der, expires };
}

/**
 * A CA from its stored parts; throws a Fault `ca.wrong-key` where the key isn't the certificate's.
 */
export function issuerOf(der: Uint8Array, key: SigningKey): Issuer {
  const certificate = parseCertificate(der);
  if (certificate.spki.toHex() !== key.spki.toHex()) {
    throw new Fault({
      kind: "internal",
      code: "ca.wrong-key",
      message: "the stored private key is not the CA certificate's",
    });
  }
  return { certificate, key };
}

interface Template {
  readonly subject: Uint8Array;
  readonly usages: readonly string[];
  readonly extensions: readonly Uint8Array[];
}

async function issueLeaf(
  { certificate, key }: Issuer,
  order: Order,
  template: Template,
): Promise<Issued> {
  const isRsa = publicKeyAlgorithm(order.spki) === "rsa2048";
  const expires = wholeSecond(Math.min(order.expires, certificate.notAfter));
  if (expires <= order.now) {
    throw new Fault({
      kind: "invalid",
      code: "ca.bad-lifetime",
      message: "a certificate would be over before it starts",
    });
  }
  const der = await buildCertificate({
    serial: randomSerial(order.random),
    issuer: certificate.subject.raw,
    subject: template.subject,
    notBefore: order.now - backdateMs,
    notAfter: expires,
    spki: order.spki,
    extensions: [
      basicConstraints({ ca: false, pathLength: null }),
      isRsa ? keyUsage("digitalSignature", "keyEncipherment") : keyUsage("digitalSignature"),
      extendedKeyUsage(...template.usages),
      subjectKeyId(keyIdOf(order.spki)),
      authorityKeyId(certificate.subjectKeyId ?? keyIdOf(certificate.spki)),
      ...template.extensions,
    ],
  }, key);
  return { der, expires };
}

/** 128 random bits; RFC 5280 §4.1.2.2 wants it positive, so not zero. */
function randomSerial(random: Random): Uint8Array {
  const serial = random.bytes(16);
  if (serial.every((byte) => byte === 0)) serial[15] = 1;
  return serial;
}

/** RFC 7093 §2 method 1: the first 160 bits of the key bits' SHA-256. */
function keyIdOf(spki: Uint8Array): Uint8Array {
  const fields = inside(readWhole(spki, tags.sequence));
  fields.read(tags.sequence);
  const key = readBitBytes(fields.read(tags.bitString));
  return new Uint8Array(createHash("sha256").update(key).digest()).subarray(0, 20);
}

function wholeSecond(at: EpochMs): EpochMs {
  return Math.floor(at / 1000) * 1000;
}
