/**
 * What a host that joined keeps on disk: `data_dir/host/<role>/{identity.json,key.pem,cert.pem}`.
 */
import { certificatePem, parseCertificate, readPem } from "../ca/mod.ts";
import type { EpochMs } from "../core/clock.ts";
import type { SystemRole } from "../core/identity.ts";
import { read, SchemaError, v } from "../schema/mod.ts";
import { makeDirectory, readText, writeAtomic } from "../sys/files.ts";

/** A host's place in the cluster: its certificate, its key, and whom it trusts. */
export interface HostCredentials {
  readonly cluster: string;
  /** UUID given at join. */
  readonly host: string;
  /** Upper half of cancel keys, 1 to 32767; 0 for a host that is no agent. */
  readonly number: number;
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** PKCS#8 PEM. */
  readonly key: string;
  /** Trusted host CAs, DER. */
  readonly hostCas: readonly Uint8Array[];
  /** Names in the certificate that clients check. */
  readonly principals: readonly string[];
  readonly issued: EpochMs;
  readonly expires: EpochMs;
}

const identityFile = v.strictObject({
  v: v.literal(1),
  cluster: v.string(),
  host: v.string(),
  number: v.number(),
  principals: v.array(v.string()),
  /** DER in base64. */
  host_cas: v.array(v.string()),
});

/** The stored credentials of a role; null where there are none or they can't be read whole. */
export async function readHostFiles(
  dataDir: string,
  role: SystemRole,
): Promise<HostCredentials | null> {
  const dir = folder(dataDir, role);
  const [identity, key, cert] = await Promise.all(
    ["identity.json", "key.pem", "cert.pem"].map((name) => readText(`${dir}/${name}`)),
  );
  if (typeof identity !== "string" || typeof key !== "string" || typeof cert !== "string") {
    return null;
  }
  try {
    const kept = read(identityFile, JSON.parse(identity), "identity.json");
    const chain = readPem(cert, "CERTIFICATE");
    const [leaf] = chain;
    if (leaf === undefined) return null;
    const { notBefore, notAfter } = parseCertificate(leaf);
    return {
      cluster: kept.cluster,
      host: kept.host,
      number: kept.number,
      principals: kept.principals,
      hostCas: kept.host_cas.map((text) => Uint8Array.fromBase64(text)),
      chain,
      key,
      issued: notBefore,
      expires: notAfter,
    };
  } catch (thrown) {
    if (thrown instanceof SchemaError || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

/** Keeps credentials; the identity is written last, so that a half-written set is never read. */
export async function writeHostFiles(
  dataDir: string,
  role: SystemRole,
  credentials: HostCredentials,
): Promise<void> {
  const dir = folder(dataDir, role);
  await makeDirectory(dir);
  await writeAtomic(`${dir}/key.pem`, credentials.key);
  await writeAtomic(`${dir}/cert.pem`, certificatePem(...credentials.chain));
  const identity = {
    v: 1,
    cluster: credentials.cluster,
    host: credentials.host,
    number: credentials.number,
    principals: credentials.principals,
    host_cas: credentials.hostCas.map((der) => der.toBase64()),
  };
  await writeAtomic(`${dir}/identity.json`, `${JSON.stringify(identity, null, 2)}\n`);
}

function folder(dataDir: string, role: SystemRole): string {
  return `${dataDir}/host/${role}`;
}
