/** Certificates that stand for what a company already has: a server CA, and clients of its own. */
import {
  certificatePem,
  generateKey,
  issueAuthority,
  issueDatabaseClient,
  issueDatabaseServer,
  type Issuer,
  issuerOf,
} from "../../lib/ca/mod.ts";
import type { Random } from "../../lib/core/random.ts";

export const random: Random = {
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  uuid: () => crypto.randomUUID(),
};

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A CA of the lab, apart from Remoteler's own. */
export class LabAuthority {
  readonly issuer: Issuer;
  readonly pem: string;

  private constructor(issuer: Issuer, pem: string) {
    this.issuer = issuer;
    this.pem = pem;
  }

  static async make(name = "lab", type: "db" | "db_client" = "db"): Promise<LabAuthority> {
    const key = await generateKey();
    const now = Date.now();
    const { der } = await issueAuthority({
      type,
      cluster: name,
      key,
      now,
      expires: now + 86_400_000,
      random,
    });
    return new LabAuthority(issuerOf(der, key), certificatePem(der));
  }

  /** A server certificate for these names. */
  async server(...names: string[]): Promise<KeyPair> {
    const key = await generateKey();
    const now = Date.now();
    const { der } = await issueDatabaseServer(this.issuer, {
      spki: key.spki,
      now,
      expires: now + 86_000_000,
      random,
      names,
    });
    return { cert: certificatePem(der), key: key.privatePem() };
  }

  /** A client certificate whose CN is a database user. */
  async client(databaseUser: string): Promise<KeyPair> {
    const key = await generateKey();
    const now = Date.now();
    const { der } = await issueDatabaseClient(this.issuer, {
      spki: key.spki,
      now,
      expires: now + 86_000_000,
      random,
      databaseUser,
    });
    return { cert: certificatePem(der), key: key.privatePem() };
  }
}

/** DER in base64, as the API gives certificates, as PEM. */
export function pemOf(base64: string): string {
  return certificatePem(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
}
