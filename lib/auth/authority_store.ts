/**
 * How one certificate authority is kept in the backend: one entry, made and changed by compare-
 * and-swap.
 */
import {
  type CaType,
  generateKey,
  isSealed,
  issueAuthority,
  type Issuer,
  issuerOf,
  seal,
  signingKey,
  unseal,
} from "../ca/mod.ts";
import type { Backend, Entry, Key, Revision } from "../core/backend.ts";
import type { Clock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Random } from "../core/random.ts";
import { read, SchemaError, v } from "../schema/mod.ts";

/** One authority in memory. */
export interface StoredAuthority {
  readonly issuer: Issuer;
  /** DER of the certificates that are trusted; the issuer's own is among them. */
  readonly trusted: readonly Uint8Array[];
  readonly revision: Revision;
}

export interface AuthorityStoreOptions {
  readonly backend: Backend;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly passphrase?: string;
}

/**
 * Where an authority is kept; the value is JSON. Private keys are in it: no call ever lists these.
 */
export function authorityKey(type: CaType): Key {
  return ["authority", type];
}

const lifeMs = 10 * 365 * 24 * 3600 * 1000;
/** Each round loses only to another Auth Service's success, so few are ever needed. */
const maxRounds = 8;

const record = v.strictObject({
  v: v.literal(1),
  cluster: v.string(),
  certificate: v.pipe(v.string(), v.base64("base64")),
  /** PKCS#8 PEM, or the same sealed under the passphrase. */
  key: v.string(),
  trusted: v.array(v.pipe(v.string(), v.base64("base64"))),
});
type AuthorityRecord = v.InferOutput<typeof record>;

/** The stored authority of this type, made where there is none, sealed where it must be. */
export async function loadAuthority(
  type: CaType,
  options: AuthorityStoreOptions,
): Promise<StoredAuthority> {
  const { backend, passphrase, random } = options;
  for (let round = 0; round < maxRounds; round++) {
    const entry = await backend.get(authorityKey(type));
    if (entry === null) {
      await store(type, await makeRecord(type, options), null, backend);
      continue;
    }
    const found = readRecord(type, entry, options.cluster);
    if (passphrase === undefined || isSealed(found.key)) {
      return opened(type, found, entry.revision, passphrase);
    }
    const key = seal(found.key, passphrase, random);
    await store(type, { ...found, key }, entry.revision, backend);
  }
  throw new Fault({
    kind: "unavailable",
    code: "auth.authority-contended",
    message: `the ${type} authority is being changed all the time`,
  });
}

async function makeRecord(
  type: CaType,
  { cluster, clock, random, passphrase }: AuthorityStoreOptions,
): Promise<AuthorityRecord> {
  const key = await generateKey();
  const now = clock.now();
  const { der } = await issueAuthority({ type, cluster, key, now, expires: now + lifeMs, random });
  const text = key.privatePem();
  return {
    v: 1,
    cluster,
    certificate: der.toBase64(),
    key: passphrase === undefined ? text : seal(text, passphrase, random),
    trusted: [der.toBase64()],
  };
}

/** A lost race is no failure: the next round reads what the winner stored. */
async function store(
  type: CaType,
  value: AuthorityRecord,
  revision: Revision | null,
  backend: Backend,
): Promise<void> {
  const key = authorityKey(type);
  await backend.commit({
    checks: [{ key, revision }],
    puts: [{ key, value: new TextEncoder().encode(JSON.stringify(value)) }],
  });
}

function readRecord(type: CaType, entry: Entry, cluster: string): AuthorityRecord {
  let found: AuthorityRecord;
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(entry.value));
    found = read(record, json, `the stored ${type} authority`);
  } catch (error) {
    // What JSON.parse says quotes its input, which holds a private key.
    const cause = error instanceof SchemaError ? error : undefined;
    throw new Fault({
      kind: "unavailable",
      code: "auth.authority-damaged",
      message: `the stored ${type} authority can't be read`,
      ...(cause && { cause }),
    });
  }
  if (found.cluster === cluster) return found;
  throw new Fault({
    kind: "invalid",
    code: "auth.wrong-cluster",
    message: `the stored ${type} authority is of cluster ${found.cluster}, not of ${cluster}`,
    shown: `the data directory is of cluster ${found.cluster}, the configuration says ${cluster}`,
    hint: "a cluster's name can't be changed; use another data_dir for another cluster",
  });
}

function opened(
  type: CaType,
  found: AuthorityRecord,
  revision: Revision,
  passphrase: string | undefined,
): StoredAuthority {
  const issuer = issuerOf(
    Uint8Array.fromBase64(found.certificate),
    signingKey(plainKey(type, found.key, passphrase)),
  );
  return { issuer, trusted: found.trusted.map((one) => Uint8Array.fromBase64(one)), revision };
}

function plainKey(type: CaType, key: string, passphrase: string | undefined): string {
  if (!isSealed(key)) return key;
  if (passphrase !== undefined) return unseal(key, passphrase);
  throw new Fault({
    kind: "unavailable",
    code: "auth.authority-sealed",
    message: `the ${type} authority's key is encrypted and no passphrase is configured`,
    hint: "name the passphrase file in the configuration of auth_service",
  });
}
