import assert from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { memoryBackend } from "../backend/mod.ts";
import {
  buildRequest,
  caTypes,
  generateKey,
  parseCertificate,
  verifiedBy,
  verifyIdentity,
} from "../ca/mod.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import { read } from "../schema/mod.ts";
import { resources } from "../api/resources.ts";
import { openAuthorities } from "./authorities.ts";
import { authorityKey } from "./authority_store.ts";

const cluster = "example.test";
const hour = 3_600_000;
const key = await generateKey();
const csr = await buildRequest(key);
const message = new TextEncoder().encode("head 7");

const alice: UserIdentity = {
  v: 1,
  cluster,
  kind: "human",
  user: "alice",
  roles: ["access"],
  traits: {},
  generation: 1,
  loginIp: "192.0.2.7",
  session: "0b9fd0d6-9e4a-4d0a-8e43-5f3f1c0b7a11",
  issuer: "auth-1",
};
const agent: HostIdentity = {
  v: 1,
  cluster,
  kind: "host",
  host: "5e0f3c1e-97a7-4b7c-a9d4-7a3b8d2c6f10",
  systemRoles: ["db"],
  services: ["*"],
};

function setup() {
  const clock = new SteppingClock();
  const backend = memoryBackend(clock);
  let seed = 0;
  const open = (change: { readonly passphrase?: string; readonly cluster?: string } = {}) =>
    openAuthorities({ backend, cluster, clock, random: new SeededRandom(++seed), ...change });
  return { clock, backend, open };
}

const stored = async ({ backend }: ReturnType<typeof setup>): Promise<string> => {
  const entries = await backend.list(["authority"], { limit: 100 });
  return entries.map((e) => new TextDecoder().decode(e.value)).join("\n");
};

function faulty(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code;
}

Deno.test("authorities are made once and found again", async () => {
  const { open, backend } = setup();
  const first = await open();
  const second = await open();
  assert.deepEqual(second.trusted, first.trusted);
  assert.deepEqual(Object.keys(first.trusted), [...caTypes]);
  assert.equal(second.caPin(), first.caPin());
  assert.equal((await backend.list([], { limit: 100 })).length, caTypes.length);
});

Deno.test("of several first starts at once, all use what one of them made", async () => {
  const { open } = setup();
  const all = await Promise.all([open(), open(), open()]);
  for (const one of all) assert.deepEqual(one.trusted, all[0]?.trusted);
  const signed = await Promise.all(
    all.map((one) => one.signUser(csr, { identity: alice, expires: Date.UTC(2027, 0) })),
  );
  const issuers = new Set(
    signed.map(({ chain: [der] }) => parseCertificate(der ?? csr).issuer.raw.toHex()),
  );
  assert.equal(issuers.size, 1);
});

Deno.test("what is signed passes the identity check with the trusted set", async () => {
  const { open, clock } = setup();
  const authorities = await open();
  const common = {
    cluster,
    now: clock.now(),
    authorities: authorities.trusted,
    standing: { generationOf: () => 1, lockOf: () => null },
  };
  const expires = clock.now() + hour;
  const user = await authorities.signUser(csr, { identity: alice, expires });
  assert.deepEqual(verifyIdentity(user.chain, { ...common, expect: "user" }).identity, alice);
  assert.equal(user.expires, expires);
  const host = await authorities.signHost(csr, { identity: agent, names: ["localhost"], expires });
  const asHost = { ...common, expect: "host", systemRole: "db" } as const;
  assert.deepEqual(verifyIdentity(host.chain, asHost).identity, agent);
  assert.throws(
    () => verifyIdentity(host.chain, { ...common, expect: "user" }),
    faulty("ca.wrong-type"),
  );
});

Deno.test("database certificates are of their own authorities", async () => {
  const { open, clock } = setup();
  const authorities = await open();
  const expires = clock.now() + hour;
  const client = await authorities.signDatabaseClient(csr, { databaseUser: "app", expires });
  const server = await authorities.signDatabaseServer(csr, { names: ["pg.internal"], expires });
  for (const [type, { chain }] of [["db_client", client], ["db", server]] as const) {
    const [ca, leaf] = [authorities.trustedOf(type)[0], chain[0]].map((d) =>
      parseCertificate(d ?? csr)
    );
    assert.deepEqual(leaf?.issuer.raw, ca?.subject.raw);
    assert.deepEqual(leaf?.spki, key.spki);
  }
});

Deno.test("a request that doesn't prove its key gets no certificate", async () => {
  const { open, clock } = setup();
  const authorities = await open();
  const forged = csr.slice();
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  const expires = clock.now() + hour;
  await assert.rejects(() => authorities.signUser(forged, { identity: alice, expires }), Fault);
  const other = { ...key, sign: (await generateKey()).sign };
  const request = await buildRequest(other);
  await assert.rejects(
    () => authorities.signUser(request, { identity: alice, expires }),
    faulty("ca.bad-request"),
  );
});

Deno.test("audit checkpoints are signed by the audit authority's key alone", async () => {
  const { open } = setup();
  const { audit, trustedOf } = await open().then((a) => ({
    audit: a.audit,
    trustedOf: a.trustedOf.bind(a),
  }));
  const signature = await audit.sign(message);
  assert.ok(audit.verify(message, signature));
  assert.ok(!audit.verify(message.subarray(1), signature));
  assert.ok(!audit.verify(message, signature.subarray(1)));
  assert.ok(verifiedBy(audit.certificates, message, signature), "offline, by certificates alone");
  assert.ok(!verifiedBy(trustedOf("host"), message, signature));
  assert.match(audit.keyId, /^sha256:[0-9a-f]{64}$/);
});

Deno.test("the public halves are resources, without a private key in them", async () => {
  const { open } = setup();
  const authorities = await open();
  for (const resource of authorities.resources()) {
    const again = read(resources.cert_authority, JSON.parse(JSON.stringify(resource)), "resource");
    assert.deepEqual(again, resource);
    const trusted = resource.spec.trusted.map((text) => Uint8Array.fromBase64(text));
    assert.deepEqual(trusted, authorities.trustedOf(resource.spec.type));
  }
  assert.ok(!JSON.stringify(authorities.resources()).includes("PRIVATE"));
  const [host] = authorities.status();
  assert.equal(host?.type, "host");
  assert.equal(host?.expires.slice(0, 7), "2035-12");
});

Deno.test("with a passphrase no private key is stored in clear, nor opened without", async () => {
  const room = setup();
  const first = await room.open({ passphrase: "correct horse" });
  assert.ok(!(await stored(room)).includes("PRIVATE KEY"));
  assert.deepEqual((await room.open({ passphrase: "correct horse" })).trusted, first.trusted);
  await assert.rejects(room.open(), faulty("auth.authority-sealed"));
  await assert.rejects(room.open({ passphrase: "other" }), faulty("ca.wrong-passphrase"));
});

Deno.test("keys stored in the clear are sealed once a passphrase is configured", async () => {
  const room = setup();
  const first = await room.open();
  assert.ok((await stored(room)).includes("PRIVATE KEY"));
  const second = await room.open({ passphrase: "later" });
  assert.deepEqual(second.trusted, first.trusted);
  assert.ok(!(await stored(room)).includes("PRIVATE KEY"));
});

Deno.test("another cluster's backend is refused", async () => {
  const { open } = setup();
  await open();
  await assert.rejects(open({ cluster: "other.test" }), faulty("auth.wrong-cluster"));
});

Deno.test("a damaged entry is refused without being quoted", async () => {
  const { open, backend } = setup();
  await open();
  for (const text of ["", "{}", "secret", '{"v":1,"key":"secret"}']) {
    const value = new TextEncoder().encode(text);
    await backend.commit({ puts: [{ key: authorityKey("user"), value }] });
    await assert.rejects(
      open(),
      (error) =>
        error instanceof Fault && error.code === "auth.authority-damaged" &&
        !Deno.inspect(error).includes("secret"),
    );
  }
});
