/**
 * Key pairs. WebCrypto signs, and verifies requests: beside the event loop and in less time than
 * node:crypto, whose synchronous functions read keys and verify where nothing can wait.
 */
import { createPrivateKey, createPublicKey, type KeyObject, verify } from "node:crypto";
import { Fault } from "../core/fault.ts";
import { derFault, inside, readBitBytes, readInteger, readOid, readWhole, tags } from "./der.ts";
import { none, octets, oid, sequence, small, unsigned } from "./der_build.ts";
import { oids } from "./oids.ts";
import { pem } from "./pem.ts";

/** `rsa2048` is for databases that take no elliptic curves. */
export type KeyAlgorithm = "p256" | "rsa2048";

/** A private key in use. It isn't a record, so that no log or message can print it by mistake. */
export interface SigningKey {
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo (DER) of the public half. */
  readonly spki: Uint8Array;
  /** ECDSA (DER form) or RSASSA-PKCS1-v1_5, with SHA-256; over the bytes as they are now. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  /** The private key as unencrypted PKCS#8 PEM. */
  privatePem(): string;
}

/** AlgorithmIdentifier of the signatures a key makes. */
export const signatureAlgorithms: Readonly<Record<KeyAlgorithm, Uint8Array>> = {
  p256: sequence(oid(oids.ecdsaSha256)),
  rsa2048: sequence(oid(oids.rsaSha256), none),
};

/** WebCrypto's names of both families, each for all that it is asked to do. */
const families = {
  p256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  rsa2048: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const satisfies Readonly<Record<KeyAlgorithm, unknown>>;

export async function generateKey(algorithm: KeyAlgorithm = "p256"): Promise<SigningKey> {
  const pair = algorithm === "p256"
    ? await crypto.subtle.generateKey(families.p256, true, ["sign", "verify"])
    : await crypto.subtle.generateKey(
      { ...families.rsa2048, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
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
  // Not every key signs: it is imported when it first does.
  let imported: Promise<CryptoKey> | undefined;
  const sign = async (bytes: Uint8Array): Promise<Uint8Array> => {
    const family = families[algorithm];
    const copy = bytes.slice();
    imported ??= crypto.subtle.importKey("pkcs8", pkcs8Of(key, algorithm), family, false, ["sign"]);
    const signature = new Uint8Array(await crypto.subtle.sign(family, await imported, copy));
    return algorithm === "p256" ? derSignature(signature) : signature;
  };
  return { algorithm, spki, sign, privatePem: () => privatePem };
}

/**
 * PKCS#8 for signing alone. On the curve it leaves out the public half (RFC 5915 §3 allows it),
 * which WebCrypto would otherwise check against the private one at each signature: a third of it.
 */
function pkcs8Of(key: KeyObject, algorithm: KeyAlgorithm): Uint8Array<ArrayBuffer> {
  if (algorithm === "rsa2048") {
    return new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
  }
  const { d = "" } = key.export({ format: "jwk" });
  const secret = sequence(small(1), octets(Uint8Array.fromBase64(d, { alphabet: "base64url" })));
  const family = sequence(oid(oids.ecPublicKey), oid(oids.p256));
  return sequence(small(0), family, octets(secret)).slice();
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3) from the two numbers side by side, as WebCrypto has them. */
function derSignature(pair: Uint8Array): Uint8Array {
  return sequence(unsigned(pair.subarray(0, 32)), unsigned(pair.subarray(32)));
}

/** The other way; throws a Fault for anything but strict DER of two numbers that fit. */
function signaturePair(der: Uint8Array): Uint8Array<ArrayBuffer> {
  const fields = inside(readWhole(der, tags.sequence));
  const numbers = [fields.read(tags.integer), fields.read(tags.integer)].map(readInteger);
  fields.end();
  if (numbers.some((one) => one <= 0n || one >= 1n << 256n)) throw derFault("signature", 0);
  return Uint8Array.fromHex(numbers.map((one) => one.toString(16).padStart(64, "0")).join(""));
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

/** The same question as {@linkcode verifySignature}, at half the cost and beside the event loop. */
export async function verifySignatureAsync(
  spki: Uint8Array,
  algorithm: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const found = publicKeyAlgorithm(spki);
  if (found !== algorithmOf[algorithm]) return false;
  const family = families[found];
  const copy = bytes.slice();
  try {
    const claimed = found === "p256" ? signaturePair(signature) : signature.slice();
    const key = await crypto.subtle.importKey("spki", spki.slice(), family, false, ["verify"]);
    return await crypto.subtle.verify(family, key, claimed, copy);
  } catch {
    return false;
  }
}

export function badKey(what: string): Fault {
  return new Fault({ kind: "invalid", code: "ca.bad-key", message: what, shown: what });
}
