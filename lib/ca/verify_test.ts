import assert from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import type { HostIdentity, Identity, UserIdentity } from "../core/identity.ts";
import {
  type FakeAuthority,
  fakeAuthority,
  fakeCluster,
  fakeHost,
  fakeHostCertificate,
  fakeNow,
  fakeRandom,
  fakeUser,
  fakeUserCertificate,
  hourMs,
} from "./ca_fake.ts";
import { buildCertificate, type CertificateParts, fingerprint } from "./certificate.ts";
import * as build from "./der_build.ts";
import { identityExtension } from "./extension.ts";
import * as ext from "./extensions.ts";
import { issueAuthority, issueDatabaseClient, issueHost, issuerOf, issueUser } from "./issue.ts";
import { generateKey } from "./keys.ts";
import { buildName } from "./name.ts";
import { oids } from "./oids.ts";
import { caPin } from "./pin.ts";
import type { TrustedAuthorities } from "./trust.ts";
import { type Expectation, verifyIdentity, verifyPinned } from "./verify.ts";

const key = await generateKey();
const host = await fakeAuthority("host");
const user = await fakeAuthority("user");
const dbClient = await fakeAuthority("db_client");
const stranger = await fakeAuthority("user");
const authorities: TrustedAuthorities = {
  host: [host.der],
  user: [user.der],
  db_client: [dbClient.der],
};

type UserExpectation = Expectation & { readonly expect: "user" };
type HostExpectation = Expectation & { readonly expect: "host" };

const standing = { generationOf: () => 3, lockOf: () => null };
const common = { cluster: fakeCluster, now: fakeNow, authorities, standing };
const asUser = (change: Partial<Expectation> = {}): UserExpectation => ({
  ...common,
  ...change,
  expect: "user",
});
const asHost = (change: Partial<Expectation> = {}): HostExpectation => ({
  ...common,
  ...change,
  expect: "host",
});

function refused(code: string, run: () => unknown): Fault {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    assert.equal(error.code, code);
    assert.equal(error.kind, code === "ca.locked" ? "denied" : "unauthenticated");
    assert.notEqual(error.shown, "");
    assert.notEqual(error.hint, undefined);
    return error;
  }
  return assert.fail(`not refused with ${code}`);
}

/** A leaf of the user CA with whatever is changed in it. */
async function handmade(
  change: Partial<CertificateParts> & { readonly identity?: Identity | null } = {},
  authority: FakeAuthority = user,
): Promise<Uint8Array> {
  const { identity = fakeUser(), ...parts } = change;
  return await buildCertificate({
    serial: fakeRandom.bytes(16),
    issuer: authority.issuer.certificate.subject.raw,
    subject: buildName({ common: "someone" }),
    notBefore: fakeNow - 60_000,
    notAfter: fakeNow + hourMs,
    spki: key.spki,
    extensions: leafExtensions(identity),
    ...parts,
  }, authority.issuer.key);
}

function leafExtensions(identity: Identity | null, usages: string[] = [oids.clientAuth]) {
  return [
    ext.basicConstraints({ ca: false, pathLength: null }),
    ext.keyUsage("digitalSignature"),
    ext.extendedKeyUsage(...usages),
    ...(identity ? [identityExtension(identity)] : []),
  ];
}

Deno.test("a user's certificate gives its identity, end and fingerprint", async () => {
  const route = { service: "pg", protocol: "postgres", user: "app" };
  const { der } = await fakeUserCertificate(user, key, fakeUser({ route }));
  const verified = verifyIdentity([der, user.der], asUser());
  const identity: UserIdentity = verified.identity;
  assert.deepEqual(identity, fakeUser({ route }));
  assert.equal(verified.expires, fakeNow + hourMs - (fakeNow + hourMs) % 1000);
  assert.equal(verified.fingerprint, fingerprint(der));
});

Deno.test("a host's certificate gives its identity, in the role that is asked for", async () => {
  const { der } = await fakeHostCertificate(host, key);
  const identity: HostIdentity = verifyIdentity([der], asHost({ systemRole: "db" })).identity;
  assert.deepEqual(identity, fakeHost());
  assert.deepEqual(verifyIdentity([der], asHost()).identity, fakeHost());
  refused("ca.wrong-role", () => verifyIdentity([der], asHost({ systemRole: "proxy" })));
});

Deno.test("no certificate is refused", () => {
  const fault = refused("ca.no-certificate", () => verifyIdentity([], asUser()));
  assert.match(fault.hint ?? "", /tsh login/);
  refused("ca.no-certificate", () => verifyIdentity([new Uint8Array(0)], asUser()));
});

Deno.test("validity counts to the millisecond, seen before or not", async () => {
  const { der, expires } = await fakeUserCertificate(user, key);
  verifyIdentity([der], asUser({ now: expires - 1 }));
  refused("ca.expired", () => verifyIdentity([der], asUser({ now: expires })));
  const start = fakeNow - 60_000 - (fakeNow % 1000);
  verifyIdentity([der], asUser({ now: start }));
  const later = await issueUser(user.issuer, {
    identity: fakeUser(),
    spki: key.spki,
    now: fakeNow + hourMs,
    expires: fakeNow + 2 * hourMs,
    random: fakeRandom,
  });
  refused("ca.not-yet-valid", () => verifyIdentity([later.der], asUser()));
});

Deno.test("a stranger's certificate is refused, whatever it sends along", async () => {
  const { der } = await fakeUserCertificate(stranger, key);
  refused("ca.unknown-issuer", () => verifyIdentity([der], asUser()));
  refused("ca.unknown-issuer", () => verifyIdentity([der, stranger.der], asUser()));
  refused("ca.unknown-issuer", () => verifyIdentity([der, user.der], asUser()));
});

Deno.test("the names of our CA over a stranger's signature are refused", async () => {
  const forger = await generateKey();
  const forged = { der: user.der, issuer: { ...user.issuer, key: forger } };
  const der = await handmade({}, forged);
  refused("ca.unknown-issuer", () => verifyIdentity([der], asUser()));
});

Deno.test("a certificate signed by one of our leafs is refused", async () => {
  const { der } = await fakeUserCertificate(user, key);
  const leafAsIssuer = issuerOf(der, key);
  const below = await handmade({}, { der, issuer: leafAsIssuer });
  refused("ca.unknown-issuer", () => verifyIdentity([below, der, user.der], asUser()));
});

Deno.test("each CA is good for its own purpose alone", async () => {
  const hostLeaf = (await fakeHostCertificate(host, key)).der;
  refused("ca.wrong-type", () => verifyIdentity([hostLeaf], asUser()));
  const userLeaf = (await fakeUserCertificate(user, key)).der;
  refused("ca.wrong-type", () => verifyIdentity([userLeaf], asHost()));
  const order = { spki: key.spki, now: fakeNow, expires: fakeNow + hourMs, random: fakeRandom };
  const client =
    (await issueDatabaseClient(dbClient.issuer, { ...order, databaseUser: "alice" })).der;
  refused("ca.wrong-type", () => verifyIdentity([client], asUser()));
  const smuggled = (await issueUser(host.issuer, { ...order, identity: fakeUser() })).der;
  refused("ca.wrong-type", () => verifyIdentity([smuggled], asUser()));
  const reversed =
    (await issueHost(user.issuer, { ...order, identity: fakeHost(), names: [] })).der;
  refused("ca.wrong-type", () => verifyIdentity([reversed], asHost()));
});

Deno.test("an identity of the other kind under the right CA is refused", async () => {
  const asUserLeaf = await handmade({ identity: fakeHost() });
  refused("ca.wrong-type", () => verifyIdentity([asUserLeaf], asUser()));
  const both = [oids.serverAuth, oids.clientAuth];
  const asHostLeaf = await handmade({ extensions: leafExtensions(fakeUser(), both) }, host);
  refused("ca.wrong-type", () => verifyIdentity([asHostLeaf], asHost()));
});

Deno.test("another cluster's identity is refused, even from our CA", async () => {
  const { der } = await fakeUserCertificate(user, key, fakeUser({ cluster: "other.test" }));
  refused("ca.wrong-cluster", () => verifyIdentity([der], asUser()));
});

Deno.test("locks and generation are asked anew each time", async () => {
  const { der } = await fakeUserCertificate(user, key);
  verifyIdentity([der], asUser());
  const locked = { ...standing, lockOf: () => "on leave" };
  const fault = refused("ca.locked", () => verifyIdentity([der], asUser({ standing: locked })));
  assert.equal(fault.shown, "access is locked: on leave");
  refused(
    "ca.locked",
    () => verifyIdentity([der], asUser({ standing: { ...locked, lockOf: () => "" } })),
  );
  for (const generation of [null, 2, 4]) {
    const changed = { ...standing, generationOf: () => generation };
    refused("ca.generation", () => verifyIdentity([der], asUser({ standing: changed })));
  }
  const agent = (await fakeHostCertificate(host, key)).der;
  const lockOf = (i: Identity) => i.kind === "host" ? `host ${i.host}` : null;
  refused(
    "ca.locked",
    () => verifyIdentity([agent], asHost({ standing: { ...standing, lockOf } })),
  );
  assert.ok(verifyIdentity([der], asUser()));
});

const usages: readonly [string, Uint8Array[]][] = [
  ["a CA", [ext.basicConstraints({ ca: true, pathLength: 0 }), ext.keyUsage("digitalSignature")]],
  ["allowed to sign certificates", [ext.keyUsage("digitalSignature", "keyCertSign")]],
  ["not allowed to sign at all", [ext.keyUsage("keyAgreement")]],
  ["without key usage", []],
  ["with an unknown critical extension", [
    ext.keyUsage("digitalSignature"),
    ext.extension("1.2.3.4", true, build.none),
  ]],
];
for (const [what, extensions] of usages) {
  Deno.test(`a leaf that is ${what} is refused`, async () => {
    const rest = [ext.extendedKeyUsage(oids.clientAuth), identityExtension(fakeUser())];
    const der = await handmade({ extensions: [...extensions, ...rest] });
    refused("ca.wrong-usage", () => verifyIdentity([der], asUser()));
  });
}

Deno.test("extended key usage has to be exactly what the purpose needs", async () => {
  const both = [oids.serverAuth, oids.clientAuth];
  const wrongForUser = [both, [oids.serverAuth], ["2.5.29.37.0"]];
  for (const wrong of wrongForUser) {
    const der = await handmade({ extensions: leafExtensions(fakeUser(), wrong) });
    refused("ca.wrong-usage", () => verifyIdentity([der], asUser()));
  }
  const der = await handmade({ extensions: leafExtensions(fakeHost(), [oids.clientAuth]) }, host);
  refused("ca.wrong-usage", () => verifyIdentity([der], asHost()));
});

Deno.test("a CA certificate is nobody's identity", () => {
  refused("ca.wrong-usage", () => verifyIdentity([user.der], asUser()));
});

Deno.test("a certificate without identity, or with a strange one, is refused", async () => {
  const bare = await handmade({ extensions: leafExtensions(null) });
  refused("ca.malformed", () => verifyIdentity([bare], asUser()));
  const strange = ext.extension(oids.identity, false, build.utf8('{"v":2}'));
  const der = await handmade({ extensions: [...leafExtensions(null), strange] });
  refused("ca.malformed", () => verifyIdentity([der], asUser()));
});

Deno.test("every changed byte and every truncation of a certificate is refused", async () => {
  const { der } = await fakeUserCertificate(user, key);
  verifyIdentity([der], asUser());
  for (let at = 0; at < der.length; at++) {
    const changed = der.slice();
    changed[at] = (changed[at] ?? 0) ^ (1 + fakeRandom.below(255));
    assert.throws(() => verifyIdentity([changed], asUser()), Fault, `byte ${at}`);
    refused(
      at === 0 ? "ca.no-certificate" : "ca.malformed",
      () => verifyIdentity([der.subarray(0, at)], asUser()),
    );
  }
});

Deno.test("a chain of more than four certificates is refused", async () => {
  const { der } = await fakeUserCertificate(user, key);
  refused("ca.malformed", () => verifyIdentity([der, der, der, der, der], asUser()));
});

Deno.test("two CAs are trusted while they rotate, and one no longer after", async () => {
  const next = await fakeAuthority("user");
  const old = (await fakeUserCertificate(user, key)).der;
  const young = (await fakeUserCertificate(next, key)).der;
  const during = { ...authorities, user: [next.der, user.der] };
  for (const der of [old, young]) verifyIdentity([der], asUser({ authorities: during }));
  const after = { ...authorities, user: [next.der] };
  verifyIdentity([young], asUser({ authorities: after }));
  refused("ca.unknown-issuer", () => verifyIdentity([old], asUser({ authorities: after })));
});

Deno.test("a CA counts only within its own validity and with the right to sign", async () => {
  const short = await fakeAuthority("user", { expires: fakeNow + 1000 });
  const { der, expires } = await fakeUserCertificate(short, key);
  const only = { authorities: { user: [short.der] } };
  assert.equal(expires, fakeNow + 1000, "a leaf ends with its CA at the latest");
  verifyIdentity([der], asUser(only));
  refused("ca.unknown-issuer", () => verifyIdentity([der], asUser({ ...only, now: expires })));
  const leafAsCa = { user: [(await fakeUserCertificate(user, key)).der] };
  refused("ca.unknown-issuer", () => verifyIdentity([der], asUser({ authorities: leafAsCa })));
});

Deno.test("RSA authorities and keys work as well", async () => {
  const rsaKey = await generateKey("rsa2048");
  const rsa = await fakeAuthority("user", { algorithm: "rsa2048" });
  const { der } = await fakeUserCertificate(rsa, rsaKey);
  assert.ok(verifyIdentity([der], asUser({ authorities: { user: [rsa.der] } })));
});

Deno.test("the pinned CA is found only where it signed the server's certificate", async () => {
  const pin = caPin(host.issuer.certificate);
  const server = (await fakeHostCertificate(host, key)).der;
  assert.deepEqual(verifyPinned([server, host.der], { pin, now: fakeNow }), host.der);
  const upper = pin.toUpperCase();
  assert.deepEqual(verifyPinned([server, host.der], { pin: upper, now: fakeNow }), host.der);
  const forged = (await fakeHostCertificate(stranger, key)).der;
  const client = (await fakeUserCertificate(host, key)).der;
  const late = fakeNow + 2 * hourMs;
  for (
    const [chain, now] of [
      [[], fakeNow],
      [[server], fakeNow],
      [[forged, host.der], fakeNow],
      [[forged, stranger.der], fakeNow],
      [[host.der], fakeNow],
      [[client, host.der], fakeNow],
      [[server, host.der], late],
    ] as const
  ) refused("ca.wrong-pin", () => verifyPinned(chain, { pin, now }));
  assert.throws(
    () => verifyPinned([server, host.der], { pin: "sha256:abc", now: fakeNow }),
    (error) => error instanceof Fault && error.code === "ca.bad-pin",
  );
});

Deno.test("an authority made twice has another name each time", async () => {
  const order = {
    type: "user",
    cluster: fakeCluster,
    key,
    now: fakeNow,
    expires: fakeNow + hourMs,
    random: fakeRandom,
  } as const;
  const made = [await issueAuthority(order), await issueAuthority(order)];
  const [a, b] = made.map(({ der }) => issuerOf(der, key));
  assert.notDeepEqual(a?.certificate.subject.raw, b?.certificate.subject.raw);
});
