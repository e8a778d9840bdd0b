/**
 * The cluster's certificate authorities: made once, kept in the backend, loaded at start; the only
 * holder of their private keys. What a certificate may hold is decided by the callers, what it
 * looks
 * like by `lib/ca/issue`.
 */
import type { CertAuthority } from "../api/resources.ts";
import {
  caPin,
  type CaType,
  caTypes,
  fingerprint,
  type Issued,
  issueDatabaseClient,
  issueDatabaseServer,
  issueHost,
  type Issuer,
  issueUser,
  type Order,
  parseRequest,
  verifiedBy,
} from "../ca/mod.ts";
import type { TrustedAuthorities } from "../ca/mod.ts";
import type { Backend } from "../core/backend.ts";
import { type Clock, type EpochMs, rfc3339 } from "../core/clock.ts";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import type { Random } from "../core/random.ts";
import { loadAuthority, type StoredAuthority } from "./authority_store.ts";

export interface AuthoritiesOptions {
  readonly backend: Backend;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Encrypts the private keys in the backend; keys stored in the clear are sealed when it is
   * given.
   */
  readonly passphrase?: string;
}

/** A certificate that was made: the leaf first. */
export interface Signed {
  readonly chain: readonly Uint8Array[];
  readonly expires: EpochMs;
}

/** Signs and verifies checkpoints of the audit log: ECDSA P-256 with SHA-256, DER form. */
export interface AuditSigner {
  /** `sha256:<hex>` of the signing key's SubjectPublicKeyInfo. */
  readonly keyId: string;
  /** DER of the audit CA certificates, for whoever verifies offline. */
  readonly certificates: readonly Uint8Array[];
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** One CA for people: `remoteler status`. */
export interface AuthorityStatus {
  readonly type: CaType;
  /** SHA-256 of the certificate in hex. */
  readonly fingerprint: string;
  /** RFC 3339. */
  readonly expires: string;
}

/**
 * The authorities in use. The sign functions take a CSR (DER), check that its sender holds its key
 * and use nothing else of it; they fail with the Faults of `parseRequest` and `lib/ca/issue`.
 */
export interface Authorities {
  readonly cluster: string;
  readonly audit: AuditSigner;
  /**
   * All stored CA certificates by type, as `verifyIdentity` takes them; always the same objects.
   */
  readonly trusted: TrustedAuthorities;
  trustedOf(type: CaType): readonly Uint8Array[];
  /**
   * `names`: DNS names and IP addresses that clients check; the host id is always among the SANs.
   */
  signHost(
    csr: Uint8Array,
    order: {
      readonly identity: HostIdentity;
      readonly names: readonly string[];
      readonly expires: EpochMs;
    },
  ): Promise<Signed>;
  signUser(
    csr: Uint8Array,
    order: { readonly identity: UserIdentity; readonly expires: EpochMs },
  ): Promise<Signed>;
  signDatabaseClient(
    csr: Uint8Array,
    order: { readonly databaseUser: string; readonly expires: EpochMs },
  ): Promise<Signed>;
  /** For a self-hosted database, of the `db` CA; at least one name. */
  signDatabaseServer(
    csr: Uint8Array,
    order: { readonly names: readonly string[]; readonly expires: EpochMs },
  ): Promise<Signed>;
  /** `sha256:<hex>` of the host CA's SubjectPublicKeyInfo. */
  caPin(): string;
  /** The public halves, as `watch` and `get cert_authority` give them. */
  resources(): readonly CertAuthority[];
  status(): readonly AuthorityStatus[];
}

/**
 * Loads the authorities and makes those that are missing; safe to race with another Auth Service.
 * Throws a Fault `auth.authority-sealed` (no passphrase given), `ca.wrong-passphrase`,
 * `auth.wrong-cluster` (the backend is another cluster's), `auth.authority-damaged`.
 */
export async function openAuthorities(options: AuthoritiesOptions): Promise<Authorities> {
  const stored = new Map<CaType, StoredAuthority>();
  for (const type of caTypes) stored.set(type, await loadAuthority(type, options));
  return new StoredAuthorities(options, stored);
}

class StoredAuthorities implements Authorities {
  readonly cluster: string;
  readonly audit: AuditSigner;
  readonly trusted: TrustedAuthorities;
  readonly #stored: ReadonlyMap<CaType, StoredAuthority>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: AuthoritiesOptions, stored: ReadonlyMap<CaType, StoredAuthority>) {
    this.cluster = options.cluster;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#stored = stored;
    this.trusted = Object.fromEntries([...stored].map(([type, { trusted }]) => [type, trusted]));
    const { certificate, key } = this.#issuer("audit");
    const certificates = this.trustedOf("audit");
    this.audit = {
      keyId: caPin(certificate),
      certificates,
      sign: (bytes) => key.sign(bytes),
      verify: (bytes, signature) => verifiedBy(certificates, bytes, signature),
    };
  }

  trustedOf(type: CaType): readonly Uint8Array[] {
    return this.trusted[type] ?? [];
  }

  signHost(
    csr: Uint8Array,
    order: { identity: HostIdentity; names: readonly string[]; expires: EpochMs },
  ): Promise<Signed> {
    return this.#sign("host", issueHost, csr, order);
  }

  signUser(
    csr: Uint8Array,
    order: { identity: UserIdentity; expires: EpochMs },
  ): Promise<Signed> {
    return this.#sign("user", issueUser, csr, order);
  }

  signDatabaseClient(
    csr: Uint8Array,
    order: { databaseUser: string; expires: EpochMs },
  ): Promise<Signed> {
    return this.#sign("db_client", issueDatabaseClient, csr, order);
  }

  signDatabaseServer(
    csr: Uint8Array,
    order: { names: readonly string[]; expires: EpochMs },
  ): Promise<Signed> {
    return this.#sign("db", issueDatabaseServer, csr, order);
  }

  caPin(): string {
    return caPin(this.#issuer("host").certificate);
  }

  resources(): readonly CertAuthority[] {
    return [...this.#stored].map(([type, { trusted, revision }]) => ({
      kind: "cert_authority",
      version: "v1",
      metadata: { name: type, labels: {}, revision: String(revision) },
      spec: { type, trusted: trusted.map((der) => der.toBase64()) },
    }));
  }

  status(): readonly AuthorityStatus[] {
    return [...this.#stored].map(([type, { issuer }]) => ({
      type,
      fingerprint: fingerprint(issuer.certificate.der),
      expires: rfc3339(issuer.certificate.notAfter),
    }));
  }

  async #sign<O extends { readonly expires: EpochMs }>(
    type: CaType,
    issue: (issuer: Issuer, order: O & Order) => Promise<Issued>,
    csr: Uint8Array,
    order: O,
  ): Promise<Signed> {
    const issuer = this.#issuer(type);
    const { spki } = await parseRequest(csr);
    const [now, random] = [this.#clock.now(), this.#random];
    return signed(await issue(issuer, { ...order, spki, now, random }));
  }

  #issuer(type: CaType): Issuer {
    const found = this.#stored.get(type);
    if (!found) throw new TypeError(`no ${type} authority was loaded`);
    return found.issuer;
  }
}

function signed({ der, expires }: Issued): Signed {
  return { chain: [der], expires };
}
