import assert from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import type { Identity } from "../core/identity.ts";
import { fakeHost, fakeUser } from "./ca_fake.ts";
import { utf8 } from "./der_build.ts";
import { encodeIdentity, identityExtension, maxIdentityBytes, readIdentity } from "./extension.ts";

const identities: readonly Identity[] = [
  fakeUser(),
  fakeUser({ kind: "bot", roles: [], traits: {}, generation: 0, loginIp: "" }),
  fakeUser({ route: { service: "pg", protocol: "postgres" } }),
  fakeUser({ route: { service: "pg", protocol: "postgres", user: "app", database: "shop" } }),
  fakeUser({ mfa: { device: "key", at: "2026-01-02T03:04:05.000Z" } }),
  fakeUser({ user: 'O\'Brien, "Zoë" \\ 😀', traits: { "10": ["a"], "2": [""], ü: ["<>&"] } }),
  fakeUser({ traits: JSON.parse('{"__proto__":["x"],"constructor":["y"]}') }),
  fakeHost(),
  fakeHost({ systemRoles: ["auth", "proxy", "db"], services: [] }),
];

Deno.test("identities round-trip, and only in one form", () => {
  for (const identity of identities) {
    const text = encodeIdentity(identity);
    assert.deepEqual(readIdentity(utf8(text)), identity, text);
    for (const other of [` ${text}`, `${text}\n`, text.replace(":", ": "), `\ufeff${text}`]) {
      assert.equal(readIdentity(utf8(other)), null, other);
    }
  }
});

Deno.test("a trait called __proto__ is a trait", () => {
  const read = readIdentity(utf8(encodeIdentity(identities[6] ?? fakeUser())));
  assert.ok(read?.kind === "human");
  assert.deepEqual(Object.keys(read.traits), ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(read.traits), Object.prototype);
});

const user = encodeIdentity(fakeUser());
const host = encodeIdentity(fakeHost());
const route = encodeIdentity(fakeUser({ route: { service: "pg", protocol: "postgres" } }));
const bad: readonly string[] = [
  "",
  "null",
  "[]",
  '"text"',
  "{}",
  "{",
  "[".repeat(10_000),
  user.replace('"v":1', '"v":2'),
  user.replace('"v":1', '"v":"1"'),
  user.replace('"v":1,', ""),
  user.replace('"v":1,', '"v":1,"v":1,'),
  user.replace('"v":1,', '"v":1,"admin":true,'),
  user.replace('"human"', '"host"'),
  user.replace('"human"', '"admin"'),
  user.replace('"user":"alice"', '"user":""'),
  user.replace('"user":"alice"', '"user":null'),
  user.replace('"user":"alice"', '"user":["alice"]'),
  user.replace('"user":"alice"', '"user":"alice\\u0000"'),
  user.replace('"user":"alice"', '"user":"mallory","user":"alice"'),
  user.replace('"user":"alice"', '"user":"\\u0061lice"'),
  user.replace('["access"]', '"access"'),
  user.replace('["access"]', "[1]"),
  user.replace('["access"]', '{"0":"access","length":1}'),
  user.replace('"generation":3', '"generation":3.5'),
  user.replace('"generation":3', '"generation":-1'),
  user.replace('"generation":3', '"generation":3.0'),
  user.replace('"generation":3', '"generation":1e400'),
  user.replace('"generation":3', '"generation":9007199254740993'),
  user.replace('"groups":["dba","dev"]', '"groups":"dba"'),
  user.replace('"groups":["dba","dev"]', '"groups":["dba"],"groups":["dev"]'),
  user.replace('"loginIp":"192.0.2.7",', ""),
  user.replace('"loginIp"', '"route":null,"loginIp"'),
  user.replace('"loginIp"', '"mfa":{"device":"x"},"loginIp"'),
  route.replace('"service":"pg"', '"service":""'),
  route.replace('"protocol":"postgres"', '"protocol":"postgres","user":""'),
  route.replace('"protocol":"postgres"', '"protocol":"postgres","port":1'),
  host.replace('["db"]', '["admin"]'),
  host.replace('["db"]', '["db",1]'),
  host.replace('"services":', '"Services":'),
  host.replace("}", ',"user":"alice"}'),
];
Deno.test("anything else is no identity", () => {
  for (const text of bad) assert.equal(readIdentity(utf8(text)), null, text.slice(0, 300));
  assert.equal(new Set(bad).size, bad.length, "each case differs from the good one and the others");
  assert.ok(!bad.includes(user) && !bad.includes(host) && !bad.includes(route));
});

Deno.test("16 KiB are issued and read, a byte more is not", () => {
  const empty = encodeIdentity(fakeUser({ traits: { x: [""] } })).length;
  const sized = (bytes: number) => fakeUser({ traits: { x: ["a".repeat(bytes - empty)] } });
  const fits = sized(maxIdentityBytes);
  assert.ok(identityExtension(fits).length > maxIdentityBytes);
  assert.deepEqual(readIdentity(utf8(encodeIdentity(fits))), fits);
  const over = sized(maxIdentityBytes + 1);
  assert.equal(readIdentity(utf8(encodeIdentity(over))), null);
  assert.throws(
    () => identityExtension(over),
    (error) => error instanceof Fault && error.code === "ca.identity-too-large",
  );
});

Deno.test("an identity that could not be read back is never issued", () => {
  assert.throws(() => identityExtension(fakeUser({ user: "" })), TypeError);
  assert.throws(() => identityExtension(fakeUser({ generation: 0.5 })), TypeError);
});
