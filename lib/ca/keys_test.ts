import assert from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { fakeAuthority, fakeRandom } from "./ca_fake.ts";
import { bits, element, none, oid, sequence, small } from "./der_build.ts";
import { generateKey, publicKeyAlgorithm, signingKey, verifySignature } from "./keys.ts";
import { oids } from "./oids.ts";
import { certificatePem, pem, readPem } from "./pem.ts";
import { caPin, readPin } from "./pin.ts";
import { buildRequest, parseRequest } from "./request.ts";
import { isSealed, seal, unseal } from "./seal.ts";

const p256 = await generateKey();
const rsa = await generateKey("rsa2048");
const message = new TextEncoder().encode("message");

function refused(code: string, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof Fault && error.code === code);
}

Deno.test("keys sign, and survive being written and read", () => {
  for (const [key, algorithm] of [[p256, oids.ecdsaSha256], [rsa, oids.rsaSha256]] as const) {
    const again = signingKey(key.privatePem());
    assert.equal(again.algorithm, key.algorithm);
    assert.deepEqual(again.spki, key.spki);
    const signature = again.sign(message);
    assert.ok(verifySignature(key.spki, algorithm, message, signature));
    assert.ok(!verifySignature(key.spki, algorithm, message.subarray(1), signature));
    assert.ok(!verifySignature(key.spki, algorithm, message, signature.subarray(1)));
    assert.ok(!verifySignature(key.spki, algorithm, message, new Uint8Array(0)));
    assert.ok(!verifySignature(key.spki, "1.2.840.113549.1.1.5", message, signature));
    assert.ok(!verifySignature(key.spki, "__proto__", message, signature));
  }
  const signature = p256.sign(message);
  assert.ok(!verifySignature(rsa.spki, oids.ecdsaSha256, message, signature));
});

Deno.test("a private key is in no printed form of its object", () => {
  const secret = p256.privatePem().split("\n")[1] ?? "";
  assert.ok(secret.length > 40);
  assert.ok(!JSON.stringify(p256).includes(secret));
  assert.ok(!Deno.inspect(p256, { depth: 9, strAbbreviateSize: 9999 }).includes(secret));
});

Deno.test("what is no PKCS#8 key is refused without being quoted", () => {
  for (const text of ["", "hunter2", pem("PRIVATE KEY", message), pem("EC PRIVATE KEY", message)]) {
    assert.throws(
      () => signingKey(text),
      (error) =>
        error instanceof Fault && error.code === "ca.bad-key" &&
        !error.message.includes("hunter2") && error.cause === undefined,
    );
  }
});

Deno.test("only P-256 and RSA of 2048 to 4096 bits are keys", () => {
  const rsaKey = (modulus: string, exponent = 65537) => {
    const numbers = sequence(element(2, Uint8Array.fromHex(modulus)), small(exponent));
    return sequence(sequence(oid(oids.rsaEncryption), none), bits(numbers));
  };
  assert.equal(publicKeyAlgorithm(rsaKey(`00${"c3".repeat(256)}`)), "rsa2048");
  refused("ca.bad-key", () => publicKeyAlgorithm(rsaKey(`00${"c3".repeat(128)}`)));
  refused("ca.bad-key", () => publicKeyAlgorithm(rsaKey(`00${"c3".repeat(513)}`)));
  refused("ca.bad-key", () => publicKeyAlgorithm(rsaKey(`00${"c3".repeat(256)}`, 1)));
  const curve = (id: string, point: Uint8Array) =>
    sequence(sequence(oid(oids.ecPublicKey), oid(id)), bits(point));
  refused("ca.bad-key", () => publicKeyAlgorithm(curve("1.3.132.0.34", new Uint8Array(97))));
  refused("ca.bad-der", () => publicKeyAlgorithm(curve(oids.p256, new Uint8Array(33).fill(2))));
  const ed25519 = sequence(sequence(oid("1.3.101.112"), none), bits(new Uint8Array(32)));
  refused("ca.bad-key", () => publicKeyAlgorithm(ed25519));
});

Deno.test("a point off the curve verifies nothing", () => {
  const spki = p256.spki.slice();
  spki[spki.length - 1] = (spki.at(-1) ?? 0) ^ 1;
  assert.ok(!verifySignature(spki, oids.ecdsaSha256, message, p256.sign(message)));
});

Deno.test("a request proves that its sender holds the key", () => {
  for (const key of [p256, rsa]) {
    assert.deepEqual(parseRequest(buildRequest(key)).spki, key.spki);
  }
  // Somebody else's public key under one's own signature.
  const stolen = { ...p256, sign: rsa.sign, algorithm: p256.algorithm };
  refused("ca.bad-request", () => parseRequest(buildRequest(stolen)));
  const crossed = { ...rsa, sign: p256.sign };
  refused("ca.bad-request", () => parseRequest(buildRequest(crossed)));
  const mixed = { ...rsa, algorithm: p256.algorithm };
  refused("ca.bad-request", () => parseRequest(buildRequest(mixed)));
});

Deno.test("every changed byte of a request is refused", () => {
  const request = buildRequest(p256);
  for (let at = 0; at < request.length; at++) {
    const changed = request.slice();
    changed[at] = (changed[at] ?? 0) ^ (1 + fakeRandom.below(255));
    assert.throws(() => parseRequest(changed), Fault, `byte ${at}`);
  }
});

Deno.test("a sealed key opens with its passphrase alone", () => {
  const sealed = seal("secret text", "pässword", fakeRandom);
  assert.ok(isSealed(sealed) && !isSealed("-----BEGIN PRIVATE KEY-----"));
  assert.ok(!sealed.includes("secret"));
  assert.equal(unseal(sealed, "pässword"), "secret text");
  assert.equal(unseal(sealed, "pa\u0308ssword"), "secret text", "one word typed in two ways");
  refused("ca.wrong-passphrase", () => unseal(sealed, "password"));
  refused("ca.wrong-passphrase", () => unseal(sealed, ""));
  const flip = (text: string) => (text.startsWith("A") ? "B" : "A") + text.slice(1);
  const parts = sealed.split(".");
  for (const at of [2, 3, 4]) {
    const changed = parts.map((part, i) => i === at ? flip(part) : part).join(".");
    refused("ca.wrong-passphrase", () => unseal(changed, "pässword"));
  }
});

Deno.test("damaged seals are refused before any work is done", () => {
  for (
    const text of [
      "",
      "rsk1",
      "rsk1.15.AAAA.AAAA.AAAA",
      "rsk1.30.AAAA.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "rsk1.15.!!!!.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "rsk1.15.AAAA.AAAAAAAAAAAAAAAA.AAAA",
    ]
  ) refused("ca.bad-seal", () => unseal(text, "x"));
});

Deno.test("PEM blocks are written in lines of 64 and read back from among other text", () => {
  const ders = [new Uint8Array(48), new Uint8Array(49).fill(1), new Uint8Array(300).fill(2)];
  const text = certificatePem(...ders);
  assert.ok(text.split("\n").every((line) => line.length <= 64));
  const noisy = `subject=x\n${text.replaceAll("\n", "\r\n")}\n${pem("PRIVATE KEY", message)}`;
  assert.deepEqual(readPem(noisy, "CERTIFICATE"), ders);
  assert.deepEqual(readPem("", "CERTIFICATE"), []);
  refused("ca.bad-pem", () => readPem("-----BEGIN CERTIFICATE-----\nAAAA", "CERTIFICATE"));
  const broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----";
  refused("ca.bad-pem", () => readPem(broken, "CERTIFICATE"));
  refused("ca.bad-pem", () => readPem("x".repeat(300_000), "CERTIFICATE"));
});

Deno.test("a pin names a key, not a certificate", async () => {
  const [a, b] = [await fakeAuthority("host"), await fakeAuthority("host")];
  const pin = caPin(a.issuer.certificate);
  assert.match(pin, /^sha256:[0-9a-f]{64}$/);
  assert.notEqual(pin, caPin(b.issuer.certificate));
  assert.equal(readPin(` ${pin.toUpperCase()}\n`), pin);
  for (const bad of ["", "sha256:", pin.slice(0, -1), `${pin}0`, pin.slice(7), `sha1:${pin}`]) {
    refused("ca.bad-pin", () => readPin(bad));
  }
});
