/** Auth's audit log on its disk, and the questions that the API asks of it. */
import { type AuditLog, openAuditLog } from "../audit/audit_log.ts";
import { searchLog } from "../audit/search.ts";
import { tailLog } from "../audit/tail.ts";
import type { Authorities } from "../auth/authorities.ts";
import type { AuditReader } from "../auth/powers.ts";
import { certificatePem } from "../ca/mod.ts";
import type { AuthConfig } from "../config/mod.ts";
import type { Backend } from "../core/backend.ts";
import { writeAtomic } from "../sys/files.ts";
import { sha256Hex } from "../sys/hash.ts";
import { privateDirectory } from "../sys/private_directory.ts";
import type { Runtime } from "./runtime.ts";

export interface AuthAudit {
  readonly log: AuditLog;
  readonly events: AuditReader;
}

/** Opens the log of this host; the audit CA is written beside it, for `audit verify`. */
export async function openAuthAudit(options: {
  readonly runtime: Runtime;
  readonly config: AuthConfig;
  readonly backend: Backend;
  readonly authorities: Authorities;
  readonly host: string;
}): Promise<AuthAudit> {
  const { runtime, config, backend, authorities, host } = options;
  const { clock, random, dataDir } = runtime;
  const { audit } = authorities;
  const files = await privateDirectory(`${dataDir}/audit`);
  await writeAtomic(`${dataDir}/audit-ca.pem`, certificatePem(...audit.certificates));
  const log = await openAuditLog({
    files,
    backend,
    clock,
    random,
    log: runtime.log.child({}, "audit"),
    sha256: sha256Hex,
    host,
    cluster: authorities.cluster,
    signer: { key: audit.keyId, sign: (bytes) => audit.sign(bytes) },
    checkpointEvents: config.audit.checkpoint_events,
    checkpointMs: config.audit.checkpoint_period,
  });
  const events: AuditReader = {
    search: (query, signal) => searchLog(files, query, signal),
    tail: (query, signal) => tailLog(log, query, signal),
  };
  return { log, events };
}
