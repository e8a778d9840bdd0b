import { createHash, createHmac } from "node:crypto";
import { type AuditLog, type AuditLogOptions, openAuditLog } from "../../lib/audit/audit_log.ts";
import type { HeadSigner, HeadVerifier } from "../../lib/audit/chain.ts";
import { memoryBackend } from "../../lib/backend/memory/mod.ts";
import { MemoryFiles } from "./audit_files.ts";
import { SteppingClock } from "./clock.ts";
import { RecordingLog } from "./log.ts";
import { SeededRandom } from "./random.ts";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function mac(bytes: Uint8Array, key: string): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(bytes).digest());
}

/** Stands for the audit authority. */
export const signer: HeadSigner = {
  key: "test-key",
  sign: (bytes) => Promise.resolve(mac(bytes, "secret")),
};

export const verifier: HeadVerifier = verifyMac;

function verifyMac(bytes: Uint8Array, signature: Uint8Array, key: string): Promise<boolean> {
  return Promise.resolve(key === signer.key && signature.toHex() === mac(bytes, "secret").toHex());
}

export interface LogSetup {
  readonly log: AuditLog;
  readonly options: AuditLogOptions & {
    readonly files: MemoryFiles;
    readonly clock: SteppingClock;
    readonly log: RecordingLog;
  };
}

let seed = 1000;

/** An audit log in memory, on the files of an earlier one where given. */
export async function openTestLog(more: Partial<LogSetup["options"]> = {}): Promise<LogSetup> {
  const clock = more.clock ?? new SteppingClock();
  const options = {
    files: new MemoryFiles(),
    backend: memoryBackend(clock),
    clock,
    random: new SeededRandom(++seed),
    log: new RecordingLog(),
    sha256,
    host: "auth-1",
    cluster: "example",
    signer,
    ...more,
  };
  return { log: await openAuditLog(options), options };
}

/** The lines of a file of the log. */
export function linesOf(files: MemoryFiles, name: string): string[] {
  const text = new TextDecoder().decode(files.contents.get(name));
  return text.split("\n").slice(0, -1);
}

/** Replaces the lines of a file. */
export function setLines(files: MemoryFiles, name: string, lines: readonly string[]): void {
  files.contents.set(name, new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
}
