/**
 * What this service shows to a database: a short-lived certificate with the database account as its
 * name. The key is made here; Auth decides again, with the user's own certificate, before it signs.
 */
import type { AuthClient } from "../../api/contract.ts";
import { buildRequest, certificatePem, generateKey, type SigningKey } from "../../ca/mod.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import type { Grant } from "../authorize.ts";
import { certificateMarginMs, certificateMsMax, certificatesMax } from "../limits.ts";

/** PEM texts for a TLS client. */
export interface DatabaseCertificate {
  readonly chain: string;
  readonly key: string;
  readonly expires: EpochMs;
}

export interface CertificatePowers {
  readonly auth: Pick<AuthClient, "call">;
  readonly clock: Clock;
}

/**
 * Certificates by (user, service, database user, what the user's certificate says of the user), so
 * that new sessions begin while Auth is away. Bounded; the oldest goes first.
 */
export class DatabaseCertificates {
  readonly #powers: CertificatePowers;
  readonly #known = new Map<string, DatabaseCertificate>();
  readonly #asked = new Map<string, Promise<DatabaseCertificate>>();

  constructor(powers: CertificatePowers) {
    this.#powers = powers;
  }

  /**
   * One that is good for 10 minutes more, or, where Auth can't be asked, one that is still good.
   */
  async get(grant: Grant): Promise<DatabaseCertificate> {
    const key = keyOf(grant);
    const now = this.#powers.clock.now();
    const known = this.#known.get(key);
    if (known !== undefined && known.expires - now > certificateMarginMs) return known;
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#ask(grant).finally(() => this.#asked.delete(key));
      this.#asked.set(key, asked);
    }
    try {
      const certificate = await asked;
      this.#keep(key, certificate);
      return certificate;
    } catch (thrown) {
      // An answer of Auth counts; only its silence doesn't.
      if (known !== undefined && known.expires > now && isSilence(thrown)) return known;
      throw thrown;
    }
  }

  /** Several visits may wait for one answer, so none of them can give it up. */
  async #ask(grant: Grant): Promise<DatabaseCertificate> {
    const key = await generateKey("p256");
    const tooLong = new AbortController();
    const timer = this.#powers.clock.after(certificateMsMax, () => tooLong.abort());
    try {
      return await this.#sign(grant, key, tooLong.signal);
    } finally {
      timer.cancel();
    }
  }

  async #sign(grant: Grant, key: SigningKey, signal: AbortSignal): Promise<DatabaseCertificate> {
    const { chain, expires } = await this.#powers.auth.call("certificates.database", {
      csr: (await buildRequest(key)).toBase64(),
      user_chain: grant.chain.map((der) => der.toBase64()),
      service: grant.target.resource.metadata.name,
      db_user: grant.user,
      db_name: grant.database,
    }, signal);
    return {
      chain: certificatePem(...chain.map((text) => Uint8Array.fromBase64(text))),
      key: key.privatePem(),
      expires: Date.parse(expires),
    };
  }

  #keep(key: string, certificate: DatabaseCertificate): void {
    this.#known.delete(key);
    this.#known.set(key, certificate);
    const [oldest] = this.#known.keys();
    if (this.#known.size > certificatesMax && oldest !== undefined) this.#known.delete(oldest);
  }
}

function keyOf({ identity, target, user }: Grant): string {
  const { generation, roles } = identity;
  return JSON.stringify([identity.user, target.resource.metadata.name, user, generation, roles]);
}

function isSilence(thrown: unknown): boolean {
  const kind: unknown = thrown instanceof Error ? Reflect.get(thrown, "kind") : undefined;
  return kind === "unavailable" || kind === "network" || kind === "cancelled";
}
