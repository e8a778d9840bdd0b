/**
 * Checks a copy of an audit log offline: reads only, trusts only the certificates it was handed.
 */
import { sha256Hex } from "../sys/hash.ts";
import type { AuditFiles } from "../audit/files.ts";
import { verifyLog, type VerifyReport } from "../audit/verify.ts";
import { caPin, parseCertificate, readPem, verifiedBy } from "../ca/mod.ts";
import { Fault } from "../core/fault.ts";
import { listDirectory, readRange, stat } from "../sys/files.ts";

export interface VerifyAuditOrder {
  /** Folder of the daily files. */
  readonly dir: string;
  /** Heads that were kept elsewhere, as `audit head` prints them. */
  readonly heads: readonly string[];
  /** PEM of the audit CA certificates to trust. */
  readonly authorities: string;
  readonly signal: AbortSignal;
}

export async function verifyAuditFiles(order: VerifyAuditOrder): Promise<VerifyReport> {
  const trusted = readPem(order.authorities, "CERTIFICATE");
  if (trusted.length === 0) {
    throw new Fault({
      kind: "invalid",
      code: "service.no-audit-ca",
      message: "the file of the audit CA holds no certificate",
    });
  }
  const keys = new Set(trusted.map((der) => caPin(parseCertificate(der))));
  return await verifyLog({
    files: await readOnly(order.dir),
    sha256: sha256Hex,
    verify: (bytes, signature, key) =>
      Promise.resolve(keys.has(key) && verifiedBy(trusted, bytes, signature)),
    heads: order.heads,
    signal: order.signal,
  });
}

async function readOnly(dir: string): Promise<AuditFiles> {
  if ((await stat(dir))?.isDirectory !== true) {
    throw new Fault({
      kind: "missing",
      code: "service.no-audit-files",
      message: `there is no folder ${dir}`,
      hint: "name the folder of the daily files with --dir",
    });
  }
  const refuse = (): never => {
    throw new TypeError("the log is only read here");
  };
  return {
    list: async () => {
      const found: { name: string; bytes: number }[] = [];
      for (const name of await listDirectory(dir)) {
        const info = await stat(`${dir}/${name}`);
        if (info?.isFile === true) found.push({ name, bytes: info.bytes });
      }
      return found;
    },
    read: (name, offset, maxBytes) => readRange(`${dir}/${name}`, offset, maxBytes),
    append: refuse,
    remove: refuse,
    sync: refuse,
  };
}
