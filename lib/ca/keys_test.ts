import assert from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { fakeAuthority, fakeRandom } from "./ca_fake.ts";
import { inside, readInteger, readWhole, tags } from "./der.ts";
import { bits, element, none, oid, sequence, small, unsigned } from "./der_build.ts";
import {
  generateKey,
  publicKeyAlgorithm,
  signingKey,
  verifySignature,
  verifySignatureAsync,
} from "./keys.ts";
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

/** Both ways of verifying, which must agree. */
async function verifies(...asked: Parameters<typeof verifySignature>): Promise<boolean> {
  const holds = verifySignature(...asked);
  assert.equal(await verifySignatureAsync(...asked), holds);
  return holds;
}

Deno.test("keys sign, and survive being written and read", async () => {
  for (const [key, algorithm] of [[p256, oids.ecdsaSha256], [rsa, oids.rsaSha256]] as const) {
    const again = signingKey(key.privatePem());
    assert.equal(again.algorithm, key.algorithm);
    assert.deepEqual(again.spki, key.spki);
    const signature = await again.sign(message);
    assert.ok(await verifies(key.spki, algorithm, message, signature));
    assert.ok(!await verifies(key.spki, algorithm, message.subarray(1), signature));
    assert.ok(!await verifies(key.spki, algorithm, message, signature.subarray(1)));
    assert.ok(!await verifies(key.spki, algorithm, message, new Uint8Array(0)));
    assert.ok(!await verifies(key.spki, "1.2.840.113549.1.1.5", message, signature));
    assert.ok(!await verifies(key.spki, "__proto__", message, signature));
  }
  const signature = await p256.sign(message);
  assert.ok(!await verifies(rsa.spki, oids.ecdsaSha256, message, signature));
});

Deno.test("what is signed is what the bytes were, whatever becomes of them", async () => {
  const bytes = message.slice();
  const signing = p256.sign(bytes);
  bytes.fill(0);
  assert.ok(await verifies(p256.spki, oids.ecdsaSha256, message, await signing));
});

Deno.test("signatures are strict DER, also where a number is short", async () => {
  // One number in 256 has less than its 32 bytes.
  for (let i = 0, short = 0; short < 2; i++) {
    const bytes = Uint8Array.of(i >> 8, i);
    const signature = await p256.sign(bytes);
    assert.ok(await verifySignatureAsync(p256.spki, oids.ecdsaSha256, bytes, signature));
    const fields = inside(readWhole(signature, tags.sequence));
    for (let left = 2; left > 0; left--) {
      const number = readInteger(fields.read(tags.integer));
      assert.ok(number > 0n && number < 1n << 256n);
      if (number < 1n << 248n) short += 1;
    }
    fields.end();
  }
});

/** The order of P-256's group (SEC 2 §2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const bytesOf = (n: bigint) =>
  Uint8Array.fromHex(n.toString(16).padStart(2 * Math.ceil(n.toString(16).length / 2), "0"));
const whole = (n: bigint) => unsigned(bytesOf(n));

Deno.test("a signature in any other form than its own is none", async () => {
  const signature = await p256.sign(message);
  const fields = inside(readWhole(signature, tags.sequence));
  const [r, s] = [readInteger(fields.read(tags.integer)), readInteger(fields.read(tags.integer))];
  const padded = element(tags.integer, new Uint8Array(2), bytesOf(r));
  const negative = element(tags.integer, bytesOf(r | 1n << 255n));
  const raw = Uint8Array.fromHex([r, s].map((n) => n.toString(16).padStart(64, "0")).join(""));
  const forms = [
    raw,
    sequence(padded, whole(s)),
    sequence(negative, whole(s)),
    sequence(whole(r), whole(s), whole(s)),
    sequence(whole(r)),
    sequence(whole(s), whole(r)),
    sequence(whole(0n), whole(s)),
    sequence(whole(r), whole(0n)),
    sequence(whole(0n), whole(0n)),
    sequence(whole(r + order), whole(s)),
    sequence(whole(r), whole(s + order)),
    sequence(whole(order), whole(s)),
    sequence(whole(r), whole(order)),
    sequence(whole(r), whole(s + (1n << 256n))),
    Uint8Array.of(...signature, 0),
    Uint8Array.of(0x30, 0x81, ...signature.subarray(1)),
  ];
  for (const form of forms) {
    assert.ok(!await verifies(p256.spki, oids.ecdsaSha256, message, form), form.toHex());
  }
  const again = sequence(whole(r), whole(s));
  assert.ok(await verifies(p256.spki, oids.ecdsaSha256, message, again));
  const long = await rsa.sign(message);
  for (const form of [Uint8Array.of(0, ...long), Uint8Array.of(...long, 0), new Uint8Array(256)]) {
    assert.ok(!await verifies(rsa.spki, oids.rsaSha256, message, form));
  }
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

Deno.test("a key of another curve or size is refused when it is read", async () => {
  const uses: KeyUsage[] = ["sign", "verify"];
  const publicExponent = Uint8Array.of(1, 0, 1);
  const pairs = [
    await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, uses),
    await crypto.subtle.generateKey(
      { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 1024, publicExponent },
      true,
      uses,
    ),
  ];
  for (const { privateKey } of pairs) {
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
    refused("ca.bad-key", () => signingKey(pem("PRIVATE KEY", pkcs8)));
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

Deno.test("a point off the curve verifies nothing", async () => {
  const spki = p256.spki.slice();
  spki[spki.length - 1] = (spki.at(-1) ?? 0) ^ 1;
  assert.ok(!await verifies(spki, oids.ecdsaSha256, message, await p256.sign(message)));
});

Deno.test("a request proves that its sender holds the key", async () => {
  for (const key of [p256, rsa]) {
    assert.deepEqual((await parseRequest(await buildRequest(key))).spki, key.spki);
  }
  // Somebody else's public key under one's own signature.
  const stolen = { ...p256, sign: rsa.sign, algorithm: p256.algorithm };
  const crossed = { ...rsa, sign: p256.sign };
  const mixed = { ...rsa, algorithm: p256.algorithm };
  for (const key of [stolen, crossed, mixed]) {
    const request = await buildRequest(key);
    await assert.rejects(
      () => parseRequest(request),
      (error) => error instanceof Fault && error.code === "ca.bad-request",
    );
  }
});

Deno.test("every changed byte of a request is refused", async () => {
  const request = await buildRequest(p256);
  for (let at = 0; at < request.length; at++) {
    const changed = request.slice();
    changed[at] = (changed[at] ?? 0) ^ (1 + fakeRandom.below(255));
    await assert.rejects(() => parseRequest(changed), Fault, `byte ${at}`);
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
