/**
 * OpenSSL's second opinion on everything that is made here. Needs read, write and run permission.
 */
import assert from "node:assert/strict";
import {
  type FakeAuthority,
  fakeAuthority,
  fakeHost,
  fakeHostCertificate,
  fakeRandom,
  fakeUser,
  hourMs,
} from "./ca_fake.ts";
import { parseCertificate } from "./certificate.ts";
import { encodeIdentity, maxIdentityBytes } from "./extension.ts";
import { issueDatabaseClient, issueDatabaseServer, issueHost, issueUser } from "./issue.ts";
import { generateKey, type KeyAlgorithm, type SigningKey, signingKey } from "./keys.ts";
import { oids } from "./oids.ts";
import { certificatePem, pem, readPem } from "./pem.ts";
import { caPin } from "./pin.ts";
import { buildRequest, parseRequest } from "./request.ts";
import { caTypes } from "./trust.ts";

const algorithms: readonly KeyAlgorithm[] = ["p256", "rsa2048"];
const now = Math.floor(Date.now() / 1000) * 1000;

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

async function openssl(input: string, ...args: string[]): Promise<Answer> {
  const command = new Deno.Command("openssl", {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  return { ok: success, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Prints the certificate, and compares what OpenSSL writes from it with what we wrote. */
async function show(der: Uint8Array): Promise<string> {
  const options = ["-noout", "-text", "-nameopt", "utf8,sep_comma_plus,-esc_msb"];
  const shown = await openssl(certificatePem(der), "x509", ...options);
  assert.ok(shown.ok, shown.text);
  const again = await openssl(certificatePem(der), "x509");
  assert.equal(again.text, certificatePem(der));
  return shown.text;
}

async function verify(
  { der: root }: FakeAuthority,
  leaf: Uint8Array,
  ...purposes: string[]
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/ca.pem`, certificatePem(root));
    for (const purpose of ["sslclient", "sslserver"]) {
      const args = ["verify", "-x509_strict", "-CAfile", `${folder}/ca.pem`, "-purpose", purpose];
      const { ok, text } = await openssl(certificatePem(leaf), ...args);
      assert.equal(ok, purposes.includes(purpose), `${purpose}: ${text}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const order = (key: SigningKey) => ({
  spki: key.spki,
  now,
  expires: now + hourMs,
  random: fakeRandom,
});

const keys = new Map<KeyAlgorithm, SigningKey>();
const authorities = new Map<KeyAlgorithm, FakeAuthority>();
for (const algorithm of algorithms) {
  keys.set(algorithm, await generateKey(algorithm));
  authorities.set(algorithm, await fakeAuthority("host", { algorithm, now }));
}

function each(
  run: (authority: FakeAuthority, key: SigningKey) => Promise<void>,
): () => Promise<void> {
  return async () => {
    for (const authority of authorities.values()) {
      for (const key of keys.values()) await run(authority, key);
    }
  };
}

Deno.test("openssl takes every authority as a CA and nothing else", async () => {
  for (const type of caTypes) {
    for (const algorithm of algorithms) {
      const authority = await fakeAuthority(type, { algorithm, now, cluster: "c".repeat(80) });
      const text = await show(authority.der);
      assert.match(text, /CA:TRUE, pathlen:0/);
      assert.match(text, /X509v3 Key Usage: critical\n\s*Certificate Sign, CRL Sign\n/);
      const purposes = await openssl(certificatePem(authority.der), "x509", "-noout", "-purpose");
      assert.match(
        purposes.text,
        /SSL client : No\nSSL client CA : Yes\nSSL server : No\nSSL server CA : Yes/,
      );
      await verify(authority, authority.der);
    }
  }
});

Deno.test(
  "openssl takes user certificates as clients, with the identity in them",
  each(async (authority, key) => {
    const identity = fakeUser({ user: "ü".repeat(90) });
    const { der } = await issueUser(authority.issuer, { ...order(key), identity });
    const text = await show(der);
    assert.match(text, /TLS Web Client Authentication\s/);
    assert.ok(text.includes(`${oids.identity}:`));
    await verify(authority, der, "sslclient");
  }),
);

Deno.test("openssl takes an identity of the largest size", async () => {
  const [authority] = authorities.values();
  const [key] = keys.values();
  assert.ok(authority && key);
  const empty = encodeIdentity(fakeUser({ traits: { x: [""] } })).length;
  const traits = { x: ["a".repeat(maxIdentityBytes - empty)] };
  const { der } = await issueUser(authority.issuer, {
    ...order(key),
    identity: fakeUser({ traits }),
  });
  await show(der);
  await verify(authority, der, "sslclient");
});

Deno.test(
  "openssl takes host certificates as both, and finds their names",
  each(async (authority, key) => {
    const names = ["proxy.example.test", "*.db.example.test", "127.0.0.1", "::1"];
    const { der } = await issueHost(authority.issuer, {
      ...order(key),
      identity: fakeHost(),
      names,
    });
    const text = await show(der);
    assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
    assert.ok(
      text.includes(
        `DNS:${fakeHost().host}, DNS:proxy.example.test, DNS:*.db.example.test, ` +
          "IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
      ),
    );
    await verify(authority, der, "sslclient", "sslserver");
    const checks: [string, string, boolean][] = [
      ["-checkhost", "proxy.example.test", true],
      ["-checkhost", "pg.db.example.test", true],
      ["-checkhost", "other.test", false],
      ["-checkip", "127.0.0.1", true],
      ["-checkip", "127.0.0.2", false],
    ];
    for (const [option, name, matches] of checks) {
      const { text } = await openssl(certificatePem(der), "x509", "-noout", option, name);
      assert.equal(!text.includes("does NOT match"), matches, text);
    }
  }),
);

Deno.test(
  "openssl takes database server certificates as servers",
  each(async (authority, key) => {
    const { der } = await issueDatabaseServer(authority.issuer, {
      ...order(key),
      names: ["pg.internal", "10.1.2.3"],
    });
    assert.match(await show(der), /DNS:pg.internal, IP Address:10.1.2.3/);
    await verify(authority, der, "sslserver");
  }),
);

const databaseUsers = [
  "app",
  "app, O=evil",
  "CN=root,CN=postgres",
  'quo"te\\back',
  "a+b=c;d<e>#f/g",
  " spaces ",
  "Zoë 用户😀",
  "x".repeat(63),
  "😀".repeat(64),
];
Deno.test("openssl reads a database user's name as it was given", async () => {
  const [authority] = authorities.values();
  const [key] = keys.values();
  assert.ok(authority && key);
  for (const databaseUser of databaseUsers) {
    const { der } = await issueDatabaseClient(authority.issuer, { ...order(key), databaseUser });
    await show(der);
    await verify(authority, der, "sslclient");
    const options = ["-noout", "-subject", "-nameopt", "utf8,sep_multiline,sname"];
    const { text } = await openssl(certificatePem(der), "x509", ...options);
    assert.ok(text.includes(`CN=${databaseUser}\n`), text);
  }
});

Deno.test("openssl verifies requests, and its own are read", async () => {
  const label = "CERTIFICATE REQUEST";
  for (const key of [...keys.values(), ...await foreignKeys()]) {
    const request = pem(label, await buildRequest(key));
    const { ok, text } = await openssl(request, "req", "-noout", "-verify", "-text");
    assert.ok(ok && /verify OK/.test(text), text);
    const args = ["-new", "-key", "/dev/stdin", "-sha256", "-subj", "/CN=a"];
    const [made = new Uint8Array()] = readPem(
      (await openssl(key.privatePem(), "req", ...args)).text,
      label,
    );
    assert.deepEqual((await parseRequest(made)).spki, key.spki);
  }
});

/** Keys as openssl makes them: PKCS#8, of every kind that is taken. */
async function foreignKeys(): Promise<readonly SigningKey[]> {
  const kinds = [
    ["EC", "ec_paramgen_curve:P-256"],
    ["RSA", "rsa_keygen_bits:2048"],
    ["RSA", "rsa_keygen_bits:3072"],
  ] as const;
  const made = kinds.map(([kind, option]) =>
    openssl("", "genpkey", "-quiet", "-algorithm", kind, "-pkeyopt", option)
  );
  return (await Promise.all(made)).map(({ text }) => signingKey(text));
}

Deno.test("openssl reads the private keys and agrees on the pin", async () => {
  for (const key of keys.values()) {
    const { ok, text } = await openssl(key.privatePem(), "pkey", "-check", "-noout");
    assert.ok(ok, text);
  }
  for (const { issuer, der } of authorities.values()) {
    const { text } = await openssl(certificatePem(der), "x509", "-noout", "-pubkey");
    const spki = Uint8Array.fromBase64(text.replaceAll(/-----[A-Z ]+-----/g, ""));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", spki));
    assert.equal(`sha256:${digest.toHex()}`, caPin(issuer.certificate));
  }
});

Deno.test("certificates that openssl made are read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const made = await openssl(
      "",
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", `${folder}/key.pem`],
      ...["-out", `${folder}/cert.pem`, "-days", "2", "-subj", "/O=Zoë/CN=a,b\\+c", "-utf8"],
      ...["-addext", "subjectAltName=DNS:a.test,email:a@b.test,URI:https://a/,IP:::1,RID:1.2.3"],
    );
    assert.ok(made.ok, made.text);
    const text = await Deno.readTextFile(`${folder}/cert.pem`);
    const der = Uint8Array.fromBase64(text.replaceAll(/-----[A-Z ]+-----/g, ""));
    const certificate = parseCertificate(der);
    assert.deepEqual(certificate.subject.attributes.map((a) => a.value), ["Zoë", "a,b+c"]);
    assert.deepEqual(certificate.altNames.map((n) => n.type), [
      "dns",
      "email",
      "uri",
      "ip",
      "other",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openssl agrees that a changed certificate is not signed", async () => {
  const [authority] = authorities.values();
  const [key] = keys.values();
  assert.ok(authority && key);
  const der = (await fakeHostCertificate(authority, key)).der.slice();
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  await verify(authority, der);
});
