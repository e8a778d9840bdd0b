/**
 * Small clusters for tests: authorities, identities and certificates that are right until changed.
 */
import { SeededRandom } from "../../tests/fakes/random.ts";
import type { EpochMs } from "../core/clock.ts";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import {
  issueAuthority,
  type Issued,
  issueHost,
  type Issuer,
  issuerOf,
  issueUser,
} from "./issue.ts";
import { generateKey, type KeyAlgorithm, type SigningKey } from "./keys.ts";
import type { CaType } from "./trust.ts";

export const fakeNow: EpochMs = Date.UTC(2026, 0, 2, 3, 4, 5);
export const fakeCluster = "example.test";
export const hourMs = 3_600_000;
export const fakeRandom = new SeededRandom(7);

export interface FakeAuthority {
  readonly der: Uint8Array;
  readonly issuer: Issuer;
}

export async function fakeAuthority(
  type: CaType,
  change: {
    readonly now?: EpochMs;
    readonly expires?: EpochMs;
    readonly algorithm?: KeyAlgorithm;
    readonly cluster?: string;
  } = {},
): Promise<FakeAuthority> {
  const key = await generateKey(change.algorithm);
  const { der } = await issueAuthority({
    type,
    cluster: change.cluster ?? fakeCluster,
    key,
    now: change.now ?? fakeNow,
    expires: change.expires ?? fakeNow + 10 * 365 * 24 * hourMs,
    random: fakeRandom,
  });
  return { der, issuer: issuerOf(der, key) };
}

export function fakeUser(change: Partial<UserIdentity> = {}): UserIdentity {
  return {
    v: 1,
    cluster: fakeCluster,
    kind: "human",
    user: "alice",
    roles: ["access"],
    traits: { groups: ["dba", "dev"] },
    generation: 3,
    loginIp: "192.0.2.7",
    session: "0b9fd0d6-9e4a-4d0a-8e43-5f3f1c0b7a11",
    issuer: "auth-1",
    ...change,
  };
}

export function fakeHost(change: Partial<HostIdentity> = {}): HostIdentity {
  return {
    v: 1,
    cluster: fakeCluster,
    kind: "host",
    host: "5e0f3c1e-97a7-4b7c-a9d4-7a3b8d2c6f10",
    systemRoles: ["db"],
    services: ["pg-*", "label:env=dev"],
    ...change,
  };
}

export async function fakeUserCertificate(
  { issuer }: FakeAuthority,
  key: SigningKey,
  identity: UserIdentity = fakeUser(),
): Promise<Issued> {
  const order = { spki: key.spki, now: fakeNow, expires: fakeNow + hourMs, random: fakeRandom };
  return await issueUser(issuer, { ...order, identity });
}

export async function fakeHostCertificate(
  { issuer }: FakeAuthority,
  key: SigningKey,
  identity: HostIdentity = fakeHost(),
): Promise<Issued> {
  const order = { spki: key.spki, now: fakeNow, expires: fakeNow + hourMs, random: fakeRandom };
  return await issueHost(issuer, { ...order, identity, names: ["localhost", "127.0.0.1", "::1"] });
}
