/** User certificates: lifetimes, identities and the events that go with them. */
import { lockOf, mergeOptions, type Role } from "../access/mod.ts";
import type { User } from "../api/resources.ts";
import { parseCertificate } from "../ca/mod.ts";
import { type EpochMs, rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Route, UserIdentity } from "../core/identity.ts";
import type { Signed } from "./authorities.ts";
import type { Callers } from "./callers.ts";
import { capped, type Core, type Who } from "./powers.ts";

/** What `issued` is in the contract. */
export interface IssuedCertificate {
  readonly chain: string[];
  readonly expires: string;
}

export function issuedOf({ chain, expires }: Signed): IssuedCertificate {
  return { chain: chain.map((der) => der.toBase64()), expires: rfc3339(expires) };
}

/** Serial number of the leaf in hex, for events. */
export function serialOf({ chain: [leaf] }: Signed): string {
  return leaf === undefined ? "" : parseCertificate(leaf).serial.toString(16);
}

export function decodeBase64(text: string): Uint8Array {
  return Uint8Array.fromBase64(text);
}

/** One login or what descends from it. */
export interface LoginSession {
  readonly session: string;
  readonly loginIp: string;
}

/** What a user's certificate says, computed afresh from the user as it is now. */
export function identityOf(
  core: Core,
  user: User,
  { session, loginIp }: LoginSession,
  route?: Route,
): UserIdentity {
  return {
    v: 1,
    cluster: core.cluster,
    kind: "human",
    user: user.metadata.name,
    roles: user.spec.roles,
    traits: user.spec.traits,
    generation: user.spec.generation,
    ...(route === undefined ? {} : { route }),
    loginIp,
    session,
    issuer: core.host,
  };
}

const shortestMs = 60_000;

/**
 * When a new certificate ends: what was asked, the roles' smallest ttl and the limits, all hold.
 */
export function endOfLife(
  core: Core,
  roles: readonly Role[],
  askedSeconds: number | undefined,
  ...limits: readonly EpochMs[]
): EpochMs {
  const now = core.clock.now();
  const { sessionTtlMs } = mergeOptions(roles);
  const asked = askedSeconds === undefined ? sessionTtlMs : askedSeconds * 1000;
  return capped(now + Math.max(shortestMs, Math.min(asked, sessionTtlMs)), ...limits);
}

/** Refuses, with an event, what a lock stops. @throws Fault `auth.locked` */
export async function refuseLocked(
  core: Core,
  callers: Callers,
  identity: UserIdentity,
  who: Who,
  target: { readonly service?: string; readonly hosts?: readonly string[] } = {},
): Promise<void> {
  const lock = lockOf(await callers.locks(), { identity, ...target }, core.clock.now());
  if (lock === null) return;
  await core.audit.report("session.rejected", {
    ...who,
    reason: "access.locked",
    message: lock.slice(0, 1024),
    ...(target.service === undefined ? {} : { db_service: target.service }),
  });
  throw new Fault({
    kind: "denied",
    code: "auth.locked",
    message: `user ${identity.user} is locked`,
    shown: `access is locked: ${lock}`,
    hint: "ask an administrator",
  });
}
