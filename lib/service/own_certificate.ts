/**
 * Auth's own host certificate: made at each start and every day, of the host CA it holds itself.
 */
import type { Authorities } from "../auth/authorities.ts";
import { buildRequest, generateKey, parseCertificate } from "../ca/mod.ts";
import { TlsContext } from "../sys/tls.ts";
import { readHostFiles, writeHostFiles } from "./host_files.ts";
import type { Runtime } from "./runtime.ts";

export interface OwnCertificate {
  readonly host: string;
  readonly context: TlsContext;
  close(): void;
}

const lifeMs = 7 * 24 * 3_600_000;
const renewEveryMs = 24 * 3_600_000;

/** The id of this host is kept: it names its audit log. */
export async function hostIdOf(runtime: Runtime): Promise<string> {
  return (await readHostFiles(runtime.dataDir, "auth"))?.host ?? runtime.random.uuid();
}

export async function openOwnCertificate(
  runtime: Runtime,
  authorities: Authorities,
  host: string,
): Promise<OwnCertificate> {
  const { clock, log } = runtime;
  const context = new TlsContext(await issue(runtime, authorities, host));
  const timer = clock.every(renewEveryMs, () => {
    issue(runtime, authorities, host).then(
      (keyPair) => context.replace(keyPair),
      () => log.error("Auth's own certificate could not be renewed"),
    );
  });
  return { host, context, close: () => timer.cancel() };
}

/** The chain ends with the host CA, so that a service that joins can check its pin. */
async function issue(
  runtime: Runtime,
  authorities: Authorities,
  host: string,
): Promise<{ readonly chain: readonly Uint8Array[]; readonly key: string }> {
  const { cluster } = authorities;
  const key = await generateKey();
  const issued = await authorities.signHost(await buildRequest(key), {
    identity: { v: 1, cluster, kind: "host", host, systemRoles: ["auth"], services: [] },
    names: [],
    expires: runtime.clock.now() + lifeMs,
  });
  const hostCas = authorities.trustedOf("host");
  const [leaf = new Uint8Array()] = issued.chain;
  await writeHostFiles(runtime.dataDir, "auth", {
    cluster,
    host,
    number: 0,
    chain: issued.chain,
    key: key.privatePem(),
    hostCas,
    principals: [],
    issued: parseCertificate(leaf).notBefore,
    expires: issued.expires,
  });
  return { chain: [...issued.chain, ...hostCas], key: key.privatePem() };
}
