/** Certificates, requests and identities that strangers send. */
import { ok, strictEqual } from "node:assert/strict";
import {
  fakeAuthority,
  fakeCluster,
  fakeHostCertificate,
  fakeNow,
  fakeUser,
  fakeUserCertificate,
} from "../../lib/ca/ca_fake.ts";
import { fingerprint, parseCertificate } from "../../lib/ca/certificate.ts";
import { DerReader, inside } from "../../lib/ca/der.ts";
import { encodeIdentity, readIdentity } from "../../lib/ca/extension.ts";
import { generateKey, publicKeyAlgorithm } from "../../lib/ca/keys.ts";
import { oids } from "../../lib/ca/oids.ts";
import { readPem } from "../../lib/ca/pem.ts";
import { buildRequest, parseRequest } from "../../lib/ca/request.ts";
import { certificatePem } from "../../lib/ca/pem.ts";
import { verifyIdentity } from "../../lib/ca/verify.ts";
import { Fault } from "../../lib/core/fault.ts";
import type { Target } from "./campaign.ts";

const key = await generateKey();
const user = await fakeAuthority("user");
const host = await fakeAuthority("host", { algorithm: "rsa2048" });
const route = { service: "pg", protocol: "postgres" };
const userCertificate = (await fakeUserCertificate(user, key, fakeUser({ route }))).der;
const hostCertificate = (await fakeHostCertificate(host, key)).der;
const certificates = [user.der, host.der, userCertificate, hostCertificate];
const requests = [await buildRequest(key)];
const genuine = new Set(certificates.map((der) => parseCertificate(der).tbs.toHex()));
const identities = [userCertificate, hostCertificate].map((der) => {
  const extension = parseCertificate(der).extensions.get(oids.identity);
  if (extension === undefined) throw new Error("A certificate without identity");
  return extension.value;
});
const encoder = new TextEncoder();

/** Everything that has an inside. */
function walk(reader: DerReader): number {
  let count = 0;
  while (!reader.done) {
    const element = reader.read();
    count += 1;
    if ((element.tag & 0x20) !== 0) count += walk(inside(element));
  }
  return count;
}

function certificate(input: Uint8Array): string {
  const parsed = parseCertificate(input);
  const identity = parsed.extensions.get(oids.identity);
  if (identity !== undefined) readIdentity(identity.value);
  return `${publicKeyAlgorithm(parsed.spki)} ${[...parsed.extensions.keys()].join(" ")}`;
}

/** Whatever is verified holds what an authority of ours signed. */
function verified(input: Uint8Array): string {
  const { identity, fingerprint: print } = verifyIdentity([input, user.der], {
    expect: "user",
    cluster: fakeCluster,
    now: fakeNow,
    authorities: { user: [user.der], host: [host.der] },
    standing: { generationOf: () => 3, lockOf: () => null },
  });
  ok(genuine.has(parseCertificate(input).tbs.toHex()), "verified what nobody signed");
  strictEqual(print, fingerprint(input));
  return identity.kind;
}

export const targets: readonly Target[] = [
  {
    name: "DER",
    seeds: [...certificates, ...requests],
    answers: [Fault],
    run: (input) => `${Math.min(walk(new DerReader(input)), 50)}`,
  },
  {
    name: "certificate",
    seeds: certificates,
    answers: [Fault],
    run: certificate,
  },
  {
    name: "certificate verification",
    seeds: [userCertificate, hostCertificate, user.der],
    answers: [Fault],
    run: verified,
  },
  {
    name: "certificate request",
    seeds: requests,
    answers: [Fault],
    run: async (input) => publicKeyAlgorithm((await parseRequest(input)).spki),
  },
  {
    name: "identity extension",
    seeds: identities,
    words: ['"v":1', '"kind":"host"', '"__proto__":{}', "[]", "{}", "null", '\\u0000"', "1e400"],
    answers: [Fault],
    run: (input) => {
      const identity = readIdentity(input);
      if (identity === null) return "null";
      const text = encoder.encode(encodeIdentity(identity)).toHex();
      ok(input.toHex().endsWith(text), "another text for the same identity");
      return Object.keys(identity).join(" ");
    },
  },
  {
    name: "PEM",
    seeds: [encoder.encode(certificatePem(userCertificate, user.der))],
    words: ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "\n", "=", "=="],
    answers: [Fault],
    run: (input) => `${readPem(String.fromCharCode(...input), "CERTIFICATE").length}`,
  },
];
