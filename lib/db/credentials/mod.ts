/** What a Database Service shows to a database: a certificate of the cluster, or a password. */
import { Fault } from "../../core/fault.ts";
import type { Grant } from "../authorize.ts";
import type { TlsMode } from "../targets.ts";
import type { SecretCredentials } from "./secret.ts";
import type { DatabaseCertificates } from "./x509.ts";

export interface Credentials {
  /** PEM texts for the TLS client; null: no certificate is shown. */
  readonly keyPair: { readonly chain: string; readonly key: string } | null;
  /** Read anew at each login, so that a changed password counts at once; null: there is none. */
  readonly password: (() => Promise<string>) | null;
}

/**
 * The credentials of the granted account. Faults: `db.other-account`, and what asking Auth for a
 * certificate may throw.
 */
export async function credentialsOf(
  grant: Grant,
  certificates: DatabaseCertificates,
): Promise<Credentials> {
  const { secret, protocol } = grant.target;
  if (secret === null) return { keyPair: await certificates.get(grant), password: null };
  if (secret.user !== null && secret.user !== grant.user) throw otherAccount(grant, secret);
  const both = protocol.certificateAndPassword === true;
  return { keyPair: both ? await certificates.get(grant) : null, password: secret.password };
}

/**
 * The password for a database that asks for one. In clear text it goes only to a database whose
 * certificate was verified.
 */
export async function passwordFor(
  { inClear }: { readonly inClear: boolean },
  { password }: Credentials,
  mode: TlsMode,
): Promise<string> {
  if (password === null) {
    throw new Fault({
      kind: "target",
      code: "db.no-password",
      message: noPassword,
      shown: noPassword,
      hint: "let it take client certificates (pg_hba: cert), or set credentials.type: secret",
    });
  }
  if (inClear && mode === "insecure") {
    throw new Fault({
      kind: "target",
      code: "db.clear-password",
      message: notInClear,
      shown: notInClear,
      hint: "set tls.mode to verify-full or verify-ca, or let the database use scram-sha-256",
    });
  }
  return await password();
}

const noPassword = "the database asks for a password, and the Database Service has none for it";
const notInClear = "the database asks for the password in clear text, and its TLS is not verified";

function otherAccount({ target, user }: Grant, secret: SecretCredentials): Fault {
  const { name } = target.resource.metadata;
  return new Fault({
    kind: "denied",
    code: "db.other-account",
    message: `the stored password of database ${name} is for ${secret.user}, not for ${user}`,
    shown: `the database ${name} can be used as the database user ${secret.user} only`,
    hint: `log in with: tsh db login ${name} --db-user=${secret.user}`,
  });
}
