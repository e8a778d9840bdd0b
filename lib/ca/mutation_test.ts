import assert from "node:assert/strict";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { Fault } from "../core/fault.ts";
import { fakeAuthority, fakeHostCertificate, fakeUser, fakeUserCertificate } from "./ca_fake.ts";
import { parseCertificate } from "./certificate.ts";
import { DerReader, inside } from "./der.ts";
import { readIdentity } from "./extension.ts";
import { generateKey, publicKeyAlgorithm } from "./keys.ts";
import { oids } from "./oids.ts";
import { buildRequest, parseRequest } from "./request.ts";

const mutations = 100_000;
const key = await generateKey();
const user = await fakeAuthority("user");
const host = await fakeAuthority("host", { algorithm: "rsa2048" });
const route = { service: "pg", protocol: "postgres" };

const certificates = [
  user.der,
  host.der,
  (await fakeUserCertificate(user, key, fakeUser({ route }))).der,
  (await fakeHostCertificate(host, key)).der,
];

/** Changes, cuts, doubles, inserts; often at a length, where it hurts most. */
function mutate(input: Uint8Array, random: SeededRandom): Uint8Array {
  let bytes: Uint8Array = input.slice();
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(6);
    if (kind === 0) bytes = bytes.subarray(0, at);
    else if (kind === 1) {
      bytes = joined(bytes.subarray(0, at), random.bytes(1 + random.below(4)), bytes.subarray(at));
    } else if (kind === 2) {
      bytes = joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8)));
    } else if (kind === 3) bytes = joined(bytes, bytes.subarray(at));
    else if (at < bytes.length) bytes[at] = kind === 4 ? random.below(256) : edge(random);
  }
  return bytes;
}

const edges = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0xff, 0x30, 0x31, 0x1f];
const edge = (random: SeededRandom) => edges[random.below(edges.length)] ?? 0;

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A value or a Fault, quickly; anything else fails the test. */
async function survives(
  input: Uint8Array,
  read: (bytes: Uint8Array) => unknown,
): Promise<boolean> {
  const started = performance.now();
  try {
    await read(input);
    return true;
  } catch (error) {
    if (!(error instanceof Fault)) throw new Error(`from ${input.toHex()}`, { cause: error });
    return false;
  } finally {
    const took = performance.now() - started;
    if (took > 1000) assert.fail(`${took} ms for ${input.toHex()}`);
  }
}

Deno.test(`${mutations} mutated certificates give a certificate or a Fault`, async () => {
  const random = new SeededRandom(20260102);
  let parsed = 0;
  for (let i = 0; i < mutations; i++) {
    const input = mutate(certificates[i % certificates.length] ?? user.der, random);
    const ok = await survives(input, (bytes) => {
      const certificate = parseCertificate(bytes);
      const identity = certificate.extensions.get(oids.identity);
      if (identity) readIdentity(identity.value);
      publicKeyAlgorithm(certificate.spki);
    });
    if (ok) parsed += 1;
  }
  // Mutations of signatures, keys and texts stay well-formed: neither side is empty.
  assert.ok(parsed > mutations / 100 && parsed < mutations / 2, `${parsed} parsed`);
});

Deno.test("mutated requests give a Fault, but for those unchanged", async () => {
  const random = new SeededRandom(3);
  const request = await buildRequest(key);
  for (let i = 0; i < 5000; i++) {
    const input = mutate(request, random);
    if (input.toHex() === request.toHex()) continue;
    assert.equal(await survives(input, parseRequest), false, input.toHex());
  }
});

Deno.test("random bytes and random nesting end in time", async () => {
  const random = new SeededRandom(4);
  const walk = (reader: DerReader): void => {
    while (!reader.done) {
      const element = reader.read();
      if ((element.tag & 0x20) !== 0) walk(inside(element));
    }
  };
  for (let i = 0; i < 20_000; i++) {
    const input = random.bytes(random.below(64));
    if (i % 2 === 0) { for (let at = 0; at < input.length; at += 2) input[at] = 0x30; }
    await survives(input, (bytes) => walk(new DerReader(bytes)));
  }
});

Deno.test("no truncation of a certificate is a certificate", async () => {
  for (const der of certificates) {
    for (let length = 0; length < der.length; length++) {
      assert.equal(await survives(der.subarray(0, length), parseCertificate), false);
    }
  }
});
