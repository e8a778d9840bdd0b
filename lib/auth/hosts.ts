/** What Auth remembers of each host that joined: without it a certificate alone renews nothing. */
import type { Commit, Key, Revision } from "../core/backend.ts";
import type { EpochMs } from "../core/clock.ts";
import type { HostIdentity } from "../core/identity.ts";
import { read, v } from "../schema/mod.ts";
import { type Core, decodeJson, denied, encodeJson } from "./powers.ts";

const hostRecord = v.strictObject({
  /** 1 to 32767 for agents, 0 for others. */
  number: v.number(),
  hostname: v.string(),
  joined: v.string(),
  token: v.string(),
});
export type HostRecord = v.InferOutput<typeof hostRecord>;

/**
 * A host's record and number outlive its certificate by this, so that a late clock takes nothing.
 */
const graceMs = 24 * 3_600_000;
export const largestNumber = 32767;

export function hostKey(host: string): Key {
  return ["host", host];
}

export function numberKey(number: number): Key {
  return ["agent_number", String(number).padStart(5, "0")];
}

/** What is in force of a host. @throws Fault `auth.host-removed` */
export async function hostRecordOf(core: Core, identity: HostIdentity): Promise<HostRecord> {
  return (await keptHostOf(core, identity)).record;
}

/** The same, and its revision, for who writes it again. */
export async function keptHostOf(
  core: Core,
  { host }: HostIdentity,
): Promise<{ readonly record: HostRecord; readonly revision: Revision }> {
  const entry = await core.backend.get(hostKey(host));
  if (entry !== null) {
    const record = read(hostRecord, decodeJson(entry.value), "stored host");
    return { record, revision: entry.revision };
  }
  throw denied(
    "auth.host-removed",
    "this host was removed from the cluster",
    "join again with a new token: remoteler tokens add",
  );
}

/** What a host calls itself; empty where nothing is known of it any more. */
export async function hostnameOf(core: Core, host: string): Promise<string> {
  const entry = await core.backend.get(hostKey(host));
  return entry === null ? "" : read(hostRecord, decodeJson(entry.value), "stored host").hostname;
}

/** The writes that keep a host's record and number for as long as its certificate, and a day. */
export function hostPuts(
  host: string,
  record: HostRecord,
  certificateEnds: EpochMs,
): NonNullable<Commit["puts"]> {
  const expires = certificateEnds + graceMs;
  const kept = { key: hostKey(host), value: encodeJson(record), expires };
  if (record.number === 0) return [kept];
  return [kept, { key: numberKey(record.number), value: encodeJson(host), expires }];
}

/** Keys to delete when a host is removed. */
export async function hostKeys(core: Core, host: string): Promise<readonly Key[]> {
  const entry = await core.backend.get(hostKey(host));
  if (entry === null) return [];
  const { number } = read(hostRecord, decodeJson(entry.value), "stored host");
  return number === 0 ? [hostKey(host)] : [hostKey(host), numberKey(number)];
}
