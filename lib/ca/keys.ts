/** Key pairs: made by WebCrypto, used through node:crypto's synchronous functions. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { Fault } from "../core/fault.ts";
import { derFault, inside, readBitBytes, readInteger, readOid, readWhole, tags } from "./der.ts";
import { none, oid, sequence } from "./der_build.ts";
import { oids } from "./oids.ts";
import { pem } from "./pem.ts";

/** `rsa2048` is for databases that take no elliptic curves. */
export type KeyAlgorithm = "p256" | "rsa2048";

/** A private key in use. It isn't a record, so that no log or message can print it by mistake. */
export interface SigningKey {
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo (DER) of the public half. */
  readonly spki: Uint8Array;
  /** ECDSA (DER form) or RSASSA-PKCS1-v1_5, with SHA-256. */
  sign(bytes: Uint8Array): Uint8Array;
  /** The private key as unencrypted PKCS#8 PEM. */
  privatePem(): string;
}

/** AlgorithmIdentifier of the signatures a key makes. */
export const signatureAlgorithms: Readonly<Record<KeyAlgorithm, Uint8Array>> = {
  p256: sequence(oid(oids.ecdsaSha256)),
  rsa2048: sequence(oid(oids.rsaSha256), none),
};

export async function generateKey(algorithm: KeyAlgorithm = "p256"): Promise<SigningKey> {
  const pair = algorithm === "p256"
    ? await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ])
    : await crypto.subtle.generateKey(
      {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: 2048,
        publicExponent: Uint8Array.of(1, 0, 1),
        hash: "SHA-256",
      },
      true,
      ["sign", "verify"],
    );
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", pair.privateKey);
  return signingKey(pem("PRIVATE KEY", new Uint8Array(pkcs8)));
}

/** A key from unencrypted PKCS#8 PEM; P-256 and RSA of 2048 bits or more are taken. */
export function signingKey(privatePem: string): SigningKey {
  const key = privateKeyOf(privatePem);
  const spki = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
  const algorithm = publicKeyAlgorithm(spki);
  return {
    algorithm,
    spki,
    sign: (bytes) => new Uint8Array(sign("sha256", bytes, key)),
    privatePem: () => privatePem,
  };
}

function privateKeyOf(privatePem: string): KeyObject {
  try {
    return createPrivateKey(privatePem);
  } catch {
    // The library's own words could quote the key file; they are left out.
    throw badKey("the private key is not PKCS#8 PEM");
  }
}

/**
 * Which family a SubjectPublicKeyInfo is of; throws a Fault for any that this project doesn't
 * take.
 */
export function publicKeyAlgorithm(spki: Uint8Array): KeyAlgorithm {
  const fields = inside(readWhole(spki, tags.sequence));
  const algorithm = fields.enter(tags.sequence);
  const family = readOid(algorithm.read(tags.oid));
  const parameters = algorithm.read();
  algorithm.end();
  const key = readBitBytes(fields.read(tags.bitString));
  fields.end();
  if (family === oids.ecPublicKey) {
    if (parameters.tag !== tags.oid || readOid(parameters) !== oids.p256) throw badKey(unsupported);
    if (key.length !== 65 || key[0] !== 4) throw derFault("curve point", parameters.offset);
    return "p256";
  }
  if (family !== oids.rsaEncryption || parameters.tag !== tags.null) throw badKey(unsupported);
  const numbers = inside(readWhole(key, tags.sequence));
  const modulus = numbers.read(tags.integer);
  const exponent = readInteger(numbers.read(tags.integer));
  numbers.end();
  const bits = readInteger(modulus).toString(2).length;
  if (bits < 2048 || bits > 4096 || exponent < 3n || exponent >= 1n << 32n) {
    throw badKey(unsupported);
  }
  return "rsa2048";
}

const unsupported = "only keys of curve P-256 or RSA with 2048 to 4096 bits are accepted";

const algorithmOf: Readonly<Record<string, KeyAlgorithm>> = {
  [oids.ecdsaSha256]: "p256",
  [oids.rsaSha256]: "rsa2048",
};

/**
 * Whether `signature` over `bytes` was made by the key of `spki`. `algorithm` is the OID that the
 * signed object names; one that isn't of the key's family is a false.
 */
export function verifySignature(
  spki: Uint8Array,
  algorithm: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKeyAlgorithm(spki) !== algorithmOf[algorithm]) return false;
  try {
    return verify("sha256", bytes, createPublicKey(pem("PUBLIC KEY", spki)), signature);
  } catch {
    return false;
  }
}

export function badKey(what: string): Fault {
  return new Fault({ kind: "invalid", code: "ca.bad-key", message: what, shown: what });
}
