import assert from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import {
  fakeAuthority,
  fakeHost,
  fakeHostCertificate,
  fakeNow,
  fakeRandom,
  fakeUser,
  fakeUserCertificate,
  hourMs,
} from "./ca_fake.ts";
import { parseCertificate } from "./certificate.ts";
import { addressBytes } from "./extensions.ts";
import {
  backdateMs,
  issueAuthority,
  issueDatabaseClient,
  issueDatabaseServer,
  issueHost,
  issuerOf,
  issueUser,
} from "./issue.ts";
import { generateKey } from "./keys.ts";
import { commonName } from "./name.ts";
import { oids } from "./oids.ts";
import { signedBy } from "./trust.ts";

const key = await generateKey();
const rsaKey = await generateKey("rsa2048");
const authority = await fakeAuthority("db_client");
const order = { spki: key.spki, now: fakeNow, expires: fakeNow + hourMs, random: fakeRandom };

const clientFor = async (databaseUser: string) =>
  parseCertificate((await issueDatabaseClient(authority.issuer, { ...order, databaseUser })).der);

async function refused(code: string, run: () => Promise<unknown>): Promise<void> {
  await assert.rejects(run, (error) => error instanceof Fault && error.code === code);
}

const oddNames = [
  "app",
  "app, O=evil",
  "CN=root",
  'quo"te',
  "back\\slash",
  "a+b=c;d<e>#f",
  " leading and trailing ",
  "#hash",
  "Zoë Müller",
  "пользователь",
  "用户😀",
  "e\u0301",
  "x".repeat(63),
  "x".repeat(64),
  "😀".repeat(64),
  "%",
  "*",
];
Deno.test("a database user is the one common name, character for character", async () => {
  for (const name of oddNames) {
    const { subject } = await clientFor(name);
    assert.equal(commonName(subject), name);
    assert.equal(subject.attributes.length, 1);
  }
});

Deno.test("a database user that no common name can hold is refused, not altered", async () => {
  for (const name of ["", "x".repeat(65), "a\0b", "a\nb", "\x7f", "\ud800", "\u0085"]) {
    await refused("ca.bad-name", () => clientFor(name));
  }
});

Deno.test("leafs carry what software in the field demands", async () => {
  const leaf = await clientFor("app");
  assert.deepEqual(leaf.basicConstraints, { ca: false, pathLength: null });
  assert.deepEqual([...leaf.keyUsage ?? []], ["digitalSignature"]);
  assert.deepEqual(leaf.extendedKeyUsage, [oids.clientAuth]);
  assert.deepEqual(leaf.authorityKeyId, authority.issuer.certificate.subjectKeyId);
  assert.equal(leaf.subjectKeyId?.length, 20);
  assert.equal(leaf.notBefore, fakeNow - backdateMs);
  assert.equal(leaf.extensions.has(oids.identity), false);
  const critical = [...leaf.extensions].filter(([, e]) => e.critical).map(([id]) => id);
  assert.deepEqual(critical, [oids.basicConstraints, oids.keyUsage]);
  const other = { ...order, spki: rsaKey.spki, databaseUser: "a" };
  const rsa = parseCertificate((await issueDatabaseClient(authority.issuer, other)).der);
  assert.deepEqual([...rsa.keyUsage ?? []], ["digitalSignature", "keyEncipherment"]);
});

Deno.test("no OID that is issued has an arc that Go and Python can't read", () => {
  for (const dotted of Object.values(oids)) {
    assert.ok(dotted.split(".").every((arc) => Number(arc) < 2 ** 31), dotted);
  }
});

Deno.test("an authority may sign leafs and nothing else, and signs itself", async () => {
  const { certificate } = authority.issuer;
  assert.deepEqual(certificate.basicConstraints, { ca: true, pathLength: 0 });
  assert.deepEqual([...certificate.keyUsage ?? []], ["keyCertSign", "cRLSign"]);
  assert.equal(certificate.extendedKeyUsage, null);
  assert.ok(signedBy(certificate, certificate));
  assert.ok(signedBy(await clientFor("a"), certificate));
});

Deno.test("serial numbers are positive, 128 bits and never alike", async () => {
  const leafs = await Promise.all(Array.from({ length: 100 }, () => clientFor("a")));
  const serials = leafs.map(({ serial }) => serial);
  assert.equal(new Set(serials).size, 100);
  assert.ok(serials.every((s) => s > 0n && s < 1n << 128n));
  assert.ok(serials.some((s) => s >= 1n << 127n));
  const zero = { bytes: (n: number) => new Uint8Array(n), uuid: () => "" };
  const { der } = await issueDatabaseClient(authority.issuer, {
    ...order,
    random: zero,
    databaseUser: "a",
  });
  assert.equal(parseCertificate(der).serial, 1n);
});

Deno.test("a host's names are its id and what it is reached by, each once", async () => {
  const { der } = await fakeHostCertificate(authority, key);
  assert.deepEqual(parseCertificate(der).altNames, [
    { type: "dns", value: fakeHost().host },
    { type: "dns", value: "localhost" },
    { type: "ip", value: "7f000001" },
    { type: "ip", value: "00000000000000000000000000000001" },
  ]);
  const names = ["db.example.test", "*.db.example.test", "db.example.test", "[2001:db8::5]"];
  const host = await issueHost(authority.issuer, { ...order, identity: fakeHost(), names });
  assert.deepEqual(parseCertificate(host.der).altNames.map((n) => n.value), [
    fakeHost().host,
    "db.example.test",
    "*.db.example.test",
    "20010db8000000000000000000000005",
  ]);
  const server = await issueDatabaseServer(authority.issuer, { ...order, names: ["10.0.0.7"] });
  assert.deepEqual(parseCertificate(server.der).altNames, [{ type: "ip", value: "0a000007" }]);
  assert.deepEqual(parseCertificate(server.der).extendedKeyUsage, [oids.serverAuth]);
});

Deno.test("what is no host name is refused", async () => {
  const bad = [
    "",
    "*.test",
    "a b",
    "a..b",
    ".a",
    "a.",
    "-a",
    "a-",
    "ü.test",
    "a*b",
    "*",
    "**.a",
    "a/b",
  ];
  for (const name of [...bad, "a:5432", `${"x".repeat(64)}.test`, "x.".repeat(130) + "x", "a\0"]) {
    await refused(
      "ca.bad-host-name",
      () => issueHost(authority.issuer, { ...order, identity: fakeHost(), names: [name] }),
    );
  }
  await refused(
    "ca.bad-name",
    () => issueDatabaseServer(authority.issuer, { ...order, names: [] }),
  );
});

const addresses: readonly [string, string | null][] = [
  ["127.0.0.1", "7f000001"],
  ["255.255.255.255", "ffffffff"],
  ["256.0.0.1", null],
  ["1.2.3", null],
  ["::", "0".repeat(32)],
  ["::1", `${"0".repeat(31)}1`],
  ["1::", `0001${"0".repeat(28)}`],
  ["2001:DB8::5:0", "20010db8000000000000000000050000"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
  ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
  ["[::1]", `${"0".repeat(31)}1`],
  ["1:2:3:4:5:6:7", null],
  ["1:2:3:4:5:6:7:8:9", null],
  ["1:2:3:4:5:6:7::8", null],
  ["1::2::3", null],
  [":::", null],
  ["12345::", null],
  ["::1.2.3", null],
  ["1.2.3.4::", null],
  ["fe80::1%eth0", null],
  ["localhost", null],
  ["", null],
];
Deno.test("addresses are read in all their written forms", () => {
  for (const [text, hex] of addresses) assert.equal(addressBytes(text)?.toHex() ?? null, hex, text);
});

Deno.test("a long user or host name is cut in the subject and whole in the identity", async () => {
  const user = "ü".repeat(100);
  const { der } = await fakeUserCertificate(authority, key, fakeUser({ user }));
  assert.equal(commonName(parseCertificate(der).subject), "ü".repeat(64));
  const cluster = "c".repeat(200);
  const ca = await issueAuthority({ ...order, type: "host", cluster, key });
  const { attributes } = parseCertificate(ca.der).subject;
  assert.equal(attributes[0]?.value, "c".repeat(64));
});

Deno.test("a certificate never outlives its authority, nor ends before it starts", async () => {
  const short = await fakeAuthority("user", { expires: fakeNow + 5500 });
  const { issuer } = short;
  const identity = fakeUser();
  assert.equal((await issueUser(issuer, { ...order, identity })).expires, fakeNow + 5000);
  for (const expires of [fakeNow, fakeNow - hourMs]) {
    await refused("ca.bad-lifetime", () => issueUser(issuer, { ...order, identity, expires }));
  }
});

Deno.test("times after 2049 are written and read", async () => {
  const far = Date.UTC(2055, 4, 6);
  const ca = await fakeAuthority("host", { expires: far });
  assert.equal(ca.issuer.certificate.notAfter, far);
});

Deno.test("an authority with another's key is refused", () => {
  assert.throws(
    () => issuerOf(authority.der, key),
    (error) => error instanceof Fault && error.code === "ca.wrong-key",
  );
});
